"""What the table says operators do, held against what they compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refinterp.errors import ModelError
from refinterp.graph.channels import keeps_channels
from refinterp.graph.constants import constant
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operands import Binary, Unary, Variadic
from refinterp.graph.operators import OPERATORS
from refinterp.graph.spec import TensorSpec
from refinterp.graph.specs import tensor_specs
from refinterp.run.prepare import prepare
from tests.graph.operator_cases import SEEDS, coded, drawn_cases, run_once, same_bytes


def _one_grid(tensors):
    grids = {
        (tuple(q.scale.tolist()), tuple(q.zero_point.tolist()))
        for q in (tensor.quantization for tensor in tensors)
        if q is not None
    }
    return len(grids) < 2


ALIKE = {
    # whose drawn models happen to have one grid
    "NEG", "ZEROS_LIKE",
    # which know no grid: their models have codes, whatever they stand for
    "STABLEHLO_ADD", "STABLEHLO_AND", "STABLEHLO_COMPOSITE", "STABLEHLO_MAXIMUM",
    "STABLEHLO_MINIMUM", "STABLEHLO_MULTIPLY", "WHILE",
    # whose table is dequantized in other models
    "EMBEDDING_LOOKUP",
}  # fmt: skip


def _one_grid_each(operator):
    """Of the drawn models that have codes before and after, whether they have one grid."""
    for case in drawn_cases(operator, 6):
        graph = case.model.subgraphs[0]
        for one in graph.operators:
            sides = [
                [t for t in (graph.tensors[i] for i in side if i != OPTIONAL) if coded(t)]
                for side in (one.inputs, one.outputs)
            ]
            if one.name == operator and all(sides):
                yield _one_grid(sides[0] + sides[1])


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_keeps_grid(operator):
    """Results have the operands' scale and zero point, or the row does not say so."""
    alike = list(_one_grid_each(operator))
    if OPERATORS[operator].keeps_grid:
        assert all(alike)
    elif alike:
        assert not all(alike) or operator in ALIKE


def _swaps(operator):
    """Results of drawn cases, and those with the operands in the reverse order, rounded."""
    for case in drawn_cases(operator):
        graph = case.model.subgraphs[0]
        (one,) = graph.operators
        turned = replace(graph, operators=(replace(one, inputs=one.inputs[::-1]),))
        swapped = replace(case.model, subgraphs=(turned, *case.model.subgraphs[1:]))
        try:
            prepare(swapped)
        except ModelError:
            yield False
            continue
        for first, second in zip(
            run_once(case.model, case.samples[0]), run_once(swapped, case.samples[0]), strict=True
        ):
            if first.shape != second.shape:
                yield False
                continue
            reals = np.nan_to_num(first.astype(np.float64), posinf=0, neginf=0)
            largest = np.abs(reals).max(initial=0.0)
            yield np.allclose(first, second, rtol=0, atol=1e-6 * largest, equal_nan=True)


@pytest.mark.parametrize(
    "operator", [n for n, row in OPERATORS.items() if row.operands in (Binary, Variadic)]
)
def test_operands_may_change_places(operator):
    """The result is the same with the operands in the reverse order, or the row does not say so."""
    if OPERATORS[operator].calls or operator == "TFLM_DECODE":
        pytest.skip("its operands are a subgraph's, or pairs")
    assert all(_swaps(operator)) == OPERATORS[operator].commutative


def _channel_moves(operator):
    """Of one channel changed: whether no result's channel but its own changes with it."""
    for case in drawn_cases(operator, 40 if OPERATORS[operator].along else SEEDS):
        graph = case.model.subgraphs[0]
        if len(graph.operators) != 1:
            continue
        (one,) = graph.operators
        facts = OPERATORS[operator]
        specs = tensor_specs(case.model, 0)
        if facts.along and not keeps_channels(facts, [specs[i] for i in one.inputs]):
            continue
        sample = case.samples[0]
        before = run_once(case.model, sample)
        for place, tensor in enumerate(one.inputs):
            rule = facts.types.get(facts.signature(len(one.inputs)).kind_of(place))
            if tensor not in graph.inputs or (rule is not None and isinstance(rule, tuple)):
                continue
            at = graph.inputs.index(tensor)
            array = np.asarray(sample[at])
            if array.ndim and array.size and array.shape[-1] > 1:
                yield from _moved(case.model, sample, at, before)


def _moved(model, sample, at, before):
    array = np.asarray(sample[at])
    channels = array.shape[-1]
    rng = np.random.default_rng(0)
    for channel in range(min(channels, 3)):
        other = array.copy()
        drawn = rng.choice(array.reshape(-1), other[..., channel].shape)
        other[..., channel] = bool(channel % 2) if array.dtype == bool else drawn
        changed = [*sample[:at], other, *sample[at + 1 :]]
        for old, new in zip(before, run_once(model, changed), strict=True):
            if old.shape != new.shape or not old.size or not old.ndim or old.shape[-1] % channels:
                continue
            differ = old.reshape(-1, old.shape[-1]) != new.reshape(-1, old.shape[-1])
            differ &= (old == old).reshape(differ.shape) | (new == new).reshape(differ.shape)
            moved = np.flatnonzero(differ.any(axis=0))
            if moved.size:
                yield bool((moved % channels == channel).all())


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if row.by_channel])
def test_channels_stay_apart(operator):
    """Of an operator that says so, a channel of an operand moves its own of the result alone."""
    seen = list(_channel_moves(operator))
    assert all(seen)
    assert seen


NOT_SAID = {
    # where the last axis is cut, joined or indexed, the result has no multiple of its channels, or
    # they lie elsewhere; drawn models do not show it of each
    "ARG_MAX", "CONV_3D", "DILATE", "DYNAMIC_UPDATE_SLICE", "GATHER_ND", "HASHTABLE_LOOKUP",
    "MATRIX_SET_DIAG", "PACK", "REDUCE_WINDOW", "SEGMENT_SUM", "SLICE", "SPLIT", "SPLIT_V",
    "STRIDED_SLICE", "UNSORTED_SEGMENT_MIN", "UNSORTED_SEGMENT_PROD", "GATHER", "BROADCAST_ARGS",
    # its condition may say which rows, not which elements
    "SELECT",
    # its result is what its subgraphs make of it
    "WHILE",
    # of one frame, where nothing is a channel
    "SignalFilterBankLog", "SignalFilterBankSpectralSubtraction", "SignalFilterBankSquareRoot",
    "SignalPCAN", "SignalWindow", "SignalFftAutoScale",
}  # fmt: skip


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if not row.by_channel])
def test_where_channels_stay_apart_the_row_says_so(operator):
    """Of an operator that does not say so, a channel of some drawn model moves another."""
    seen = list(_channel_moves(operator))
    assert (bool(seen) and all(seen)) <= (operator in NOT_SAID)


@pytest.mark.parametrize("axes", [[3], [-1], [0, 3], [1, 2], [1], [0, -3]])
@pytest.mark.parametrize("name", ["MEAN", "SUM", "REDUCE_MAX", "REVERSE_V2"])
def test_axes_say_whether_channels_stay_apart(name, axes):
    """Four channels of which the last axis is one of those worked along, or is not."""
    operands = [
        TensorSpec.of("x", (1, 4, 4, 4), "float32"),
        TensorSpec.of("axes", (len(axes),), "int32", data=np.array(axes, np.int32)),
    ]
    assert keeps_channels(OPERATORS[name], operands) == (3 not in axes and -1 not in axes)
    assert not keeps_channels(OPERATORS[name], [operands[0], replace(operands[1], data=None)])


@pytest.mark.parametrize(("last", "apart"), [((0, 0), True), ((1, 0), False), ((0, 4), False)])
def test_margins_say_whether_channels_stay_apart(last, apart):
    """Channels move along where there are margins before or behind them."""
    margins = np.array([[0, 0], [1, 1], last], np.int32)
    operands = [
        TensorSpec.of("x", (1, 4, 4), "int8", 1.0),
        TensorSpec.of("paddings", (3, 2), "int32", data=margins),
    ]
    assert keeps_channels(OPERATORS["PAD"], operands) == apart


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if row.reshapes])
def test_reshapes(operator):
    """The result has the operand's elements in their order, and sometimes another shape."""
    shapes = set()
    for case in drawn_cases(operator):
        (result,) = run_once(case.model, case.samples[0])
        assert same_bytes(np.asarray(case.samples[0][0]), result)
        shapes.add(np.asarray(case.samples[0][0]).shape == result.shape)
    assert False in shapes


@pytest.mark.parametrize(
    "operator", [n for n, row in OPERATORS.items() if row.operands is Variadic and not row.calls]
)
def test_joins(operator):
    """The results have the operands' elements and no others, or the row does not say so."""
    joined = []
    if operator == "TFLM_DECODE":
        pytest.skip("its operands are pairs of data and what they mean")
    for case in drawn_cases(operator):
        graph = case.model.subgraphs[0]
        if not _one_grid(graph.tensors) or len(graph.operators) != 1:
            continue
        constants = [constant(case.model, tensor) for tensor in graph.tensors]
        given = [np.asarray(a) for a in case.samples[0]] + [c for c in constants if c is not None]
        if len(given) != len(graph.operators[0].inputs):
            continue  # one is given twice
        (result, *_) = run_once(case.model, case.samples[0])
        before = np.sort(np.concatenate([a.reshape(-1) for a in given]))
        joined.append(len(given) < 2 or same_bytes(before, np.sort(result.reshape(-1))))
    assert all(joined) == OPERATORS[operator].joins
    assert joined


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if row.operands is Unary])
def test_shape_only(operator):
    """The result stays as it is when the operand's values change, or the row does not say so."""
    changed = False
    for case in drawn_cases(operator):
        if not case.samples[0]:
            continue
        first = run_once(case.model, case.samples[0])
        array = np.asarray(case.samples[0][0])
        other = np.random.default_rng(1).permutation(array.reshape(-1)).reshape(array.shape)
        with np.errstate(all="ignore"):
            other = ~other if other.dtype == bool else (other // 2).astype(other.dtype)
        second = run_once(case.model, [other, *case.samples[0][1:]])
        changed |= not all(same_bytes(a, b) for a, b in zip(first, second, strict=True))
    assert changed != (OPERATORS[operator].shape_only or operator in VALUELESS)


VALUELESS = {"ZEROS_LIKE"}
"""A result of zeros has a value of its own, which does not follow before the run."""
