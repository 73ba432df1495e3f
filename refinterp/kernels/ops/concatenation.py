"""CONCATENATION: tensors one after the other along an axis.

Shapes    x_i: alike but for the axis; y: the sum of their sizes along it. Scalars whose values are
          known make a vector
Units     copied: int8 needs one scale and zero point throughout, int16 zero points of 0.
          uint8 is rescaled in float32: k = s_i * (1 / s); y = round(x * k + (-z_i * k)) + z
Raises    ModelError, from prepare only: shapes or types that differ, scales that differ on int8, a
          fused activation
Source    LiteRT kernels/concatenation.cc, internal/reference/concatenation.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Variadic
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import axis_of, expect_shapes, same_scale
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.fixedpoint import round_half_away

_WHERE = "CONCATENATION"
TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16", "uint32", "int4")


@dataclass(frozen=True, slots=True)
class ConcatenationOptions:
    """Schema table ConcatenationOptions."""

    axis: int = 0
    fused_activation_function: str | int = "NONE"


def output_shapes(
    operands: Variadic[TensorSpec], options: ConcatenationOptions
) -> tuple[Shape, ...]:
    """Add up the sizes along the axis."""
    parts = operands.rest
    first = parts[0].shape
    if not first and all(part.data is not None and not part.shape for part in parts):
        return ((len(parts),),)
    axis = axis_of(options.axis, len(first), _WHERE)
    for part in parts:
        if len(part.shape) != len(first) or any(
            size != other
            for d, (size, other) in enumerate(zip(part.shape, first, strict=True))
            if d != axis
        ):
            raise ModelError(
                f"{_WHERE}: {list(part.shape)} and {list(first)} differ outside axis {axis}"
            )
    total = sum(part.shape[axis] for part in parts)
    return ((*first[:axis], total, *first[axis + 1 :]),)


@kernel("CONCATENATION", *TYPES, options=ConcatenationOptions)
@dataclass(frozen=True, slots=True, eq=False)
class Concatenation(Kernel):
    """places: where each part lies in y. tables: for uint8, codes to codes, None to copy."""

    places: tuple[tuple[slice, ...], ...]
    tables: tuple[NDArray[np.uint8] | None, ...]

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Variadic[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ConcatenationOptions,
        rule: Rules,
    ) -> Concatenation:
        """Place the parts and check that their codes mean the same."""
        y = outputs[0]
        if options.fused_activation_function != "NONE":
            raise ModelError(
                f"{_WHERE}: fused activation {options.fused_activation_function}; only NONE is "
                "allowed"
            )
        expect_shapes(outputs, output_shapes(operands, options), _WHERE)
        axis = options.axis % len(y.shape)
        places = []
        start = 0
        for part in operands.rest:
            if y.dtype == "int8":
                same_scale(part, y, _WHERE)
            if y.dtype == "int16" and (part.zero or y.zero):
                raise ModelError(f"{_WHERE}: int16 zero points must be 0")
            end = start + (part.shape[axis] if part.shape else 1)
            places.append((*(slice(None),) * (axis + 1), slice(start, end)))
            start = end
        tables = [rescaling(part, y) if y.dtype == "uint8" else None for part in operands.rest]
        return cls(tuple(places), tuple(tables))

    def eval(self, operands: Variadic[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy each part to its place."""
        y = outputs[0]
        for x, place, table in zip(operands.rest, self.places, self.tables, strict=True):
            view = y[place]
            if x.ndim != y.ndim:
                x = x[:, None]  # a scalar
            np.copyto(view, x if table is None else table[x])


def rescaling(x: TensorSpec, y: TensorSpec) -> NDArray[np.uint8] | None:
    """Return y's code for each of x's 256, or None when they are the same."""
    if x.step == y.step and x.zero == y.zero:
        return None
    with np.errstate(all="ignore"):
        inverse = np.float32(1) / np.float32(y.step)
        factor = np.float32(x.step) * inverse
        bias = np.float32(-x.zero) * factor
        real = np.arange(256, dtype=np.float32) * factor + bias
        steps = truncate32(round_half_away(real.astype(np.float64)))
    return np.asarray(np.clip(steps + y.zero, 0, 255), np.uint8)


def truncate32(value: Any) -> Any:
    """Cast to int32 as x86-64 does: whatever does not fit becomes the lowest value."""
    fits = (value >= -(2.0**31)) & (value < 2.0**31)
    return np.where(fits, value, -(2.0**31)).astype(np.int64)
