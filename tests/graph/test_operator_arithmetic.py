"""What the table says of arithmetic and of conversions, held against reals."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.graph.operands import Binary
from refinterp.graph.operators import OPERATORS
from tests.graph.operator_cases import coded, drawn_cases, run_once, same_bytes


def _reals(tensor, array):
    """What codes stand for, and how far apart they lie, 0 for reals."""
    q = tensor.quantization
    if q is None or not q.scale.size or tensor.dtype == "float32":
        return array.astype(np.float64), 0.0
    shape = [1] * array.ndim
    if q.scale.size > 1:
        shape[q.quantized_dimension] = -1
    zeros = q.zero_point if q.zero_point.size else np.zeros(q.scale.size)
    reals = (array - zeros.reshape(shape).astype(np.float64)) * q.scale.reshape(shape)
    return reals, float(q.scale.max())


NARROW = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1)}


def _within(real, made, step, tensor):
    """Whether a result stands for a real, but for rounding and the ends of its codes."""
    if step:
        ends = np.iinfo(made.dtype)
        low, high = NARROW.get(str(tensor.dtype), (int(ends.min), int(ends.max)))
        zero = int(tensor.quantization.zero_point[0]) if tensor.quantization.zero_point.size else 0
        scale = float(tensor.quantization.scale[0])
        real = np.clip(real, (low - zero) * scale, (high - zero) * scale)
    found, _ = _reals(tensor, made)
    return bool(np.allclose(found, real, rtol=1e-5, atol=1.01 * step, equal_nan=True))


def _arithmetic(operator, function):
    """Of drawn models with scales everywhere, whether the result is the function of two reals."""
    for case in drawn_cases(operator, 30):
        graph = case.model.subgraphs[0]
        if len(graph.operators) != 1 or len(case.samples[0]) != 2:
            continue
        (one,) = graph.operators
        if one.options.get("fused_activation_function", "NONE") != "NONE":
            continue
        result = graph.tensors[one.outputs[0]]
        if not all(coded(graph.tensors[i]) for i in (*one.inputs, *one.outputs)):
            continue
        by_tensor = dict(zip(graph.inputs, case.samples[0], strict=True))
        if set(one.inputs) != set(by_tensor):
            continue
        left, right = (
            _reals(graph.tensors[i], np.asarray(by_tensor[i]))[0] for i in one.inputs[:2]
        )
        (made,) = run_once(case.model, case.samples[0])
        if np.broadcast_shapes(left.shape, right.shape) != made.shape:
            yield False
            continue
        yield _within(function(left, right), made, float(result.quantization.scale[0]), result)


SCALED_PAIRS = [
    name
    for name, row in OPERATORS.items()
    if row.operands is Binary and {"left", "right", "output"} <= set(row.scaled) and row.by_channel
]


@pytest.mark.parametrize("operator", SCALED_PAIRS)
def test_adds_and_multiplies(operator):
    """Of two operands with scales: the result is their sum, difference or product, or the row
    does not say so.
    """
    row = OPERATORS[operator]
    sums = [list(_arithmetic(operator, function)) for function in (np.add, np.subtract)]
    products = list(_arithmetic(operator, np.multiply))
    assert products
    assert row.adds == any(map(all, sums))
    assert row.multiplies == all(products)


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if row.conversion])
def test_conversions(operator):
    """The result stands for the same reals, but for rounding and the ends of its codes."""
    seen = 0
    for case in drawn_cases(operator, 6):
        graph = case.model.subgraphs[0]
        (one,) = graph.operators
        x, y = graph.tensors[one.inputs[0]], graph.tensors[one.outputs[0]]
        if not case.samples[0] or x.dtype in ("float16", "int32") or y.dtype == "int32":
            continue
        real, _ = _reals(x, np.asarray(case.samples[0][0]))
        (made,) = run_once(case.model, case.samples[0])
        _, step = _reals(y, made)
        assert _within(np.nan_to_num(real), made, step, y)
        seen += 1
    assert seen


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if not row.reshapes])
def test_what_is_no_reshape(operator):
    """Of an operator of one operand and another shape, elements change, go missing or move."""
    alike = []
    for case in drawn_cases(operator):
        graph = case.model.subgraphs[0]
        if len(graph.operators) != 1 or len(case.samples[0]) != 1:
            continue
        x = np.asarray(case.samples[0][0])
        alike += [
            same_bytes(x, y) and x.shape != y.shape for y in run_once(case.model, case.samples[0])
        ]
    assert not alike or not all(alike)
