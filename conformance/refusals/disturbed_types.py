"""Element types and quantization changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from conformance.operators.case import Case
from conformance.operators.draw import Draw, choice
from conformance.refusals.edits import (
    Disturbed,
    is_quantized,
    operator_at,
    pick,
    tensors_of,
    value_of,
    with_tensor,
    with_value,
)
from refinterp.graph.model import OPTIONAL, STORAGE, Quantization

TYPES: Final = ("float32", "int8", "int16", "uint8", "int32", "int64", "bool", "float16", "int4",
                "uint32")  # fmt: skip


def dtype(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another element type for one operand or result."""
    picked = pick(d, case, at, lambda t: str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    tensor = tensors_of(case)[index]
    other = choice(d, [name for name in TYPES if name != tensor.dtype])
    return _retyped(case, index, other), f"{place}: {tensor.dtype} -> {other}"


def _retyped(case: Case, index: int, other: str) -> Case:
    tensor = tensors_of(case)[index]
    value = value_of(case.model, tensor)
    if value is None:
        return with_tensor(case, index, dtype=other)
    return with_value(case, index, value, dtype=other)


def all_types(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another element type for all operands and results that have the first one's."""
    operator = operator_at(case, at)
    if not operator.inputs or operator.inputs[0] == OPTIONAL:
        return None
    first = str(tensors_of(case)[operator.inputs[0]].dtype)
    other = choice(d, [name for name in TYPES if name != first])
    for index in dict.fromkeys((*operator.inputs, *operator.outputs)):
        if index != OPTIONAL and tensors_of(case)[index].dtype == first:
            case = _retyped(case, index, other)
    return case, f"{first} -> {other}"


def scale(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A scale of one tensor times a factor."""
    picked = pick(d, case, at, is_quantized)
    if picked is None:
        return None
    index, place = picked
    q = tensors_of(case)[index].quantization
    assert q is not None
    factor = choice(d, [2.0, 1.001, 0.5, 1.05, 1e-3, 1e4, 1 / 256])
    scales = q.scale.astype(np.float64) * factor
    q = replace(q, scale=scales.astype(np.float32))
    return with_tensor(case, index, quantization=q), f"{place}: scale * {factor:.4g}"


def zero_point(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A zero point moved."""
    picked = pick(d, case, at, is_quantized)
    if picked is None:
        return None
    index, place = picked
    tensor = tensors_of(case)[index]
    q = tensor.quantization
    assert q is not None
    if not q.zero_point.size:
        return None
    value = choice(d, [0, 1, -1, -128, 127, 5, 128])
    zeros = np.full(q.zero_point.size, value, np.int64)
    changed = with_tensor(case, index, quantization=replace(q, zero_point=zeros))
    return changed, f"{place} ({tensor.dtype}): zero point {int(q.zero_point[0])} -> {value}"


def unquantized(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A tensor without its quantization."""
    picked = pick(d, case, at, is_quantized)
    if picked is None:
        return None
    index, place = picked
    return with_tensor(case, index, quantization=None), f"{place}: not quantized"


def quantized(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A scale for a tensor that has none."""
    picked = pick(d, case, at, lambda t: t.quantization is None or not t.quantization.scale.size)
    if picked is None:
        return None
    index, place = picked
    q = Quantization(np.array([0.5], np.float32), np.array([0], np.int64))
    return with_tensor(case, index, quantization=q), f"{place}: scale 0.5"


def per_channel(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Scales per channel where there was one, or one where there were several."""
    picked = pick(d, case, at, lambda t: is_quantized(t) and len(t.shape) > 0)
    if picked is None:
        return None
    index, place = picked
    tensor = tensors_of(case)[index]
    q = tensor.quantization
    assert q is not None
    if q.scale.size > 1:
        q = replace(q, scale=q.scale[:1], zero_point=q.zero_point[:1])
        what = "one scale"
    else:
        axis = d.integer(0, len(tensor.shape) - 1)
        count = tensor.shape[axis]
        q = replace(
            q,
            scale=np.repeat(q.scale[:1], count),
            zero_point=np.repeat(q.zero_point[:1], count),
            quantized_dimension=axis,
        )
        what = f"{count} scales along {axis}"
    return with_tensor(case, index, quantization=q), f"{place}: {what}"


def axis_of_scales(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another quantized_dimension."""
    picked = pick(d, case, at, is_quantized)
    if picked is None:
        return None
    index, place = picked
    tensor = tensors_of(case)[index]
    q = tensor.quantization
    assert q is not None
    axis = choice(d, [a for a in range(5) if a != q.quantized_dimension])
    changed = with_tensor(case, index, quantization=replace(q, quantized_dimension=axis))
    return changed, f"{place} ({len(tensor.shape)}D, {q.scale.size} scales): axis {axis}"
