"""Operands of another rank: what cannot be is answered by operator and operand."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from conformance.refusals.edits import resized, with_samples
from refinterp.errors import RefinterpError
from refinterp.graph.model import OPTIONAL, STORAGE
from refinterp.graph.operators import OPERATORS
from refinterp.run.prepare import prepare

BY_SETTING = {
    # an axis that the operand does not have, as an operand or an option says it
    "ARG_MIN", "EXPAND_DIMS", "REDUCE_ALL", "REVERSE_V2", "SQUEEZE", "SUM", "TRANSPOSE",
    # sizes that options or other types ask for
    "BITCAST", "REDUCE_WINDOW", "STABLEHLO_GATHER", "STABLEHLO_PAD", "SignalFramer",
    "SignalIrfft", "SignalOverlapAdd", "SignalWindow", "TFLM_DECODE", "TOPK_V2",
}  # fmt: skip
"""Operators whose kernels name the setting that the operand does not go with."""


def _drawn(operator: str) -> Case | None:
    dtype = min((dtype for name, dtype in load_all() if name == operator), default=None)
    if dtype is None:
        return None
    return load_all()[operator, dtype](RandomDraw(zlib.crc32(f"{operator} {dtype} 0".encode())))


def _other_ranks(operator: str) -> Iterator[Case]:
    """A size of 1 before or behind an operand's, or one size less at either end."""
    case = _drawn(operator)
    if case is None or len(case.model.subgraphs) > 1:
        return
    graph = case.model.subgraphs[0]
    for tensor in {i for one in graph.operators if one.name == operator for i in one.inputs}:
        if tensor == OPTIONAL or graph.tensors[tensor].dtype not in STORAGE:
            continue
        shape = graph.tensors[tensor].shape
        for other in {(*shape, 1), (1, *shape), shape[1:], shape[:-1]} - {shape}:
            yield with_samples(resized(case, tensor, other))


@pytest.mark.parametrize("operator", sorted(set(OPERATORS) - {"DENSIFY"}))
def test_another_rank_is_answered_by_name(operator):
    """Every refusal names the operator, and the operand or the setting.

    The sparse constants that DENSIFY takes are read before there are operators.
    """
    for case in _other_ranks(operator):
        try:
            prepare(case.model)
        except RefinterpError as error:
            assert f"({operator})" in str(error)  # noqa: PT017 - some models are right
            assert "operand" in str(error) or operator in BY_SETTING  # noqa: PT017


def test_enough_is_refused():
    """Of most operators some rank cannot be."""
    refused = set()
    for operator in ("ADD", "ATAN2", "CONV_2D", "FILL", "LSTM", "PAD", "RNN", "SELECT", "SVDF"):
        for case in _other_ranks(operator):
            try:
                prepare(case.model)
            except RefinterpError:
                refused.add(operator)
    assert len(refused) == 9
