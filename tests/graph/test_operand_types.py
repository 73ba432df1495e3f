"""The rows' types and ranks held against what installed runtimes ran and refused.

`conformance/results/operands.json` says it: `python -m conformance.refusals.operands` writes it. It
does not come from the table of operators, as the models of `tests/malformed.py` do.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import conformance
from refinterp.graph.misfits import misfits
from refinterp.graph.operators import OPERATORS, By, OperatorFacts
from refinterp.graph.spec import TensorSpec

ROWS = json.loads(
    (Path(conformance.__file__).parent / "results" / "operands.json").read_text("utf-8")
)["rows"]

TOGETHER = "only one operand was changed, and runtimes want another type of all weights at once"
UNTRIED = "no runtime ran the drawn model as it was"
EXPLAINED = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": TOGETHER,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": TOGETHER,
    "EMBEDDING_LOOKUP": "float32 rows of int8 codes need a scale, which the drawn table has not",
    "ROUND": UNTRIED,
    "SEGMENT_SUM": UNTRIED,
    "SPACE_TO_BATCH_ND": "two int64 are read as 32 bits each: one of a single axis would run",
    "STABLEHLO_AND": UNTRIED,
    "STABLEHLO_SHIFT_LEFT": UNTRIED,
}
"""Operators whose rows allow types that every runtime refused, and why."""


def _allowed(row: OperatorFacts, kind: str, beside: dict[str, str]) -> tuple[str, ...] | None:
    """The types that a row allows beside operands of these types; None: any."""
    rule = row.types.get(kind)
    if rule is None or isinstance(rule, tuple):
        return rule
    leading = beside.get(rule.operand if isinstance(rule, By) else rule)
    if leading is None:
        return None
    return rule.types.get(leading) if isinstance(rule, By) else (leading,)


def _tried(operator: str):
    """Operand, types beside it, what it was made, and who ran it."""
    for row in ROWS:
        if row["operator"] == operator:
            for found, ran in row["runs"].items():
                yield row["operand"], row["beside"], found, ran


@pytest.mark.parametrize("operator", sorted({row["operator"] for row in ROWS}))
def test_what_every_runtime_refuses_is_not_allowed(operator):
    """A type that no runtime ran of an operand is one that the row refuses, or is explained."""
    wide = [
        (kind, found)
        for kind, beside, found, ran in _tried(operator)
        if not found.startswith("rank")
        and not ran
        and found in (_allowed(OPERATORS[operator], kind, beside) or ())
    ]
    assert bool(wide) == (operator in EXPLAINED), wide


FLAT = {"RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "MATRIX_SET_DIAG", "SVDF"}
"""LiteRT reads some operands of these as they lie in memory, whatever their rank."""


@pytest.mark.parametrize("operator", sorted({row["operator"] for row in ROWS} - FLAT))
def test_what_litert_runs_is_not_refused_by_rank(operator):
    """A rank of an operand with which LiteRT's reference kernels ran is one that the row allows."""
    row = OPERATORS[operator]
    for kind, _, found, ran in _tried(operator):
        if found.startswith("rank") and "r" in ran and kind in row.ranks:
            rank = int(found.removeprefix("rank "))
            lowest, highest = row.ranks[kind]
            assert lowest <= rank, (kind, found)
            assert highest is None or rank <= highest, (kind, found)


def test_the_table_says_it():
    """What is read of a row above is what operators are held against."""
    shape = [TensorSpec.of("x", (2,), "float32"), TensorSpec.of("shape", (2,), "uint64")]
    y = [TensorSpec.of("y", (2,), "float32")]
    (said,) = misfits(OPERATORS["BROADCAST_TO"], shape, y)
    assert said == "operand shape 'shape': found uint64; allowed: int32, int64"


def test_enough_was_tried():
    """Nearly all operators, with thousands of models."""
    assert len({row["operator"] for row in ROWS}) > len(OPERATORS) - 12
    assert sum(len(row["runs"]) for row in ROWS) > 5000
