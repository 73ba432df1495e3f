"""Models with one field changed: the committed figures, and a sample that is drawn anew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conformance.operators.cases import load_all
from conformance.operators.known_proof import Runtimes
from conformance.refusals.cache import Answers
from conformance.refusals.page import PAGE, RESULTS, page, read_rows
from conformance.refusals.trial import oracle, run_cell
from refinterp.runtimes import unavailable
from tests.kernels.oracle import drawn

SAMPLED = [
    (operator, runtime)
    for operator in drawn("conv", "dense", "arithmetic", "pool", "reduce")
    for name in ("litert", "tflm")
    if (runtime := oracle(operator, name))
]
SEED = 7


@pytest.fixture(scope="module")
def runtimes() -> Iterator[Runtimes]:
    """The installed runtimes."""
    with Runtimes() as found:
        yield found


@pytest.mark.parametrize(("operator", "runtime"), SAMPLED)
def test_a_sample_agrees(operator: str, runtime: str, runtimes: Runtimes) -> None:
    """The table and the runtime agree on models of another seed than the committed one's."""
    if reason := unavailable(f"runtime:{runtime}"):
        pytest.skip(reason)
    cell = run_cell(operator, runtime, 25, SEED, runtimes, Answers(None))
    assert len(cell.trials) == 25
    assert 0.15 < cell.refused < 0.85
    wrong = [t for t in cell.trials if not t.judged_agrees]
    assert len(wrong) <= 2, wrong
    assert not [t for t in cell.trials if t.judged == "crashes"]


def test_every_operator_was_tried() -> None:
    """Each operator of the matrix against each runtime that has it, on at least 200 models."""
    wanted = {
        (operator, oracle(operator, name))
        for operator in {operator for operator, _ in load_all()} - {"GRAPH"}
        for name in ("litert", "tflm")
    }
    rows = {(row["operator"], row["runtime"]): row for row in read_rows()}
    assert {cell for cell in wanted if cell[1]} == rows.keys()
    assert {key: row["models"] for key, row in rows.items() if row["models"] < 200} == {}


def test_the_figures_are_what_is_promised() -> None:
    """99 % over all for each runtime, 95 % for each operator."""
    rows = read_rows()
    assert [r["operator"] for r in rows if r["agreed"] < 0.95 * r["models"]] == []
    for tflm in (True, False):
        own = [row for row in rows if (row["runtime"] == "tflm") == tflm]
        models = sum(row["models"] for row in own)
        assert sum(row["agreed"] for row in own) >= 0.99 * models
        assert 0.3 <= sum(row["refused"] for row in own) / models <= 0.7


def test_the_page_is_that_of_the_results() -> None:
    """docs/refusals.md is written from the results file."""
    assert PAGE.read_text("utf-8") == page(json.loads(RESULTS.read_text("utf-8")))
