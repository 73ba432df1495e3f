"""ARG_MAX and ARG_MIN: where along an axis the largest, or smallest, element lies.

Shapes    x: any; axis: one int32 or int64; y: x's shape without the axis, int32 or int64
Units     codes are compared as they are
Raises    ModelError, from prepare only: an axis that does not exist or is empty
Source    LiteRT kernels/arg_min_max.cc, internal/reference/arg_min_max.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM; of equal elements the first wins, NaN never does
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.data_movement import axis_of, expect_shapes, integer, operand
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, Kernel, kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ArgOptions:
    """Schema tables ArgMaxOptions and ArgMinOptions."""

    output_type: str | int = "float32"


def prepared_axis(
    inputs: Inputs, outputs: Sequence[TensorSpec], options: ArgOptions, where: str
) -> int:
    """Validate all there is to validate and return the axis, counted with the sample axis."""
    shapes = reduced(inputs, where)
    expect_shapes(outputs, shapes, where)
    y = outputs[0]
    allowed = [t for t in ("int32", "int64") if options.output_type in (t, "float32")]
    if y.dtype not in allowed:  # float32 is what a file says that says nothing
        raise ModelError(
            f"{where}: output {y.name!r} is {y.dtype} and output_type {options.output_type}; both "
            "must be int32 or both int64"
        )
    return axis_of(integer(inputs, 1, where), len(y.shape) + 1, where) + 1


def reduced(inputs: Inputs, where: str) -> tuple[Shape, ...]:
    """Drop the axis."""
    shape = operand(inputs, 0, where).shape
    axis = axis_of(integer(inputs, 1, where), len(shape), where)
    if shape[axis] == 0:
        raise ModelError(f"{where}: axis {axis} of {list(shape)} is empty")
    return ((*shape[:axis], *shape[axis + 1 :]),)


def first_of(x: Array, best: Any, axis: int) -> Any:
    """Return the first place along an axis where x is `best`, which keeps the axis."""
    return (x == best).argmax(axis)


@kernel("ARG_MAX", "float32", "int8", "uint8", "int32", "bool", options=ArgOptions)
@dataclass(frozen=True, slots=True)
class ArgMax(Kernel):
    """axis: counted with the sample axis."""

    axis: int

    @staticmethod
    def output_shapes(inputs: Inputs, options: ArgOptions) -> tuple[Shape, ...]:
        """Drop the axis."""
        return reduced(inputs, "ARG_MAX")

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ArgOptions, rule: Rules
    ) -> ArgMax:
        """Check axis and types."""
        return cls(prepared_axis(inputs, outputs, options, "ARG_MAX"))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Find the largest element."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.dtype.kind == "f" and np.isnan(x).any():
            y[...] = first_of(x, np.fmax.reduce(x, self.axis, keepdims=True), self.axis)
        else:
            y[...] = x.argmax(self.axis)


@kernel("ARG_MIN", "float32", "int8", "uint8", "int32", "bool", options=ArgOptions)
@dataclass(frozen=True, slots=True)
class ArgMin(Kernel):
    """axis: counted with the sample axis."""

    axis: int

    @staticmethod
    def output_shapes(inputs: Inputs, options: ArgOptions) -> tuple[Shape, ...]:
        """Drop the axis."""
        return reduced(inputs, "ARG_MIN")

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ArgOptions, rule: Rules
    ) -> ArgMin:
        """Check axis and types."""
        return cls(prepared_axis(inputs, outputs, options, "ARG_MIN"))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Find the smallest element."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.dtype.kind == "f" and np.isnan(x).any():
            y[...] = first_of(x, np.fmin.reduce(x, self.axis, keepdims=True), self.axis)
        else:
            y[...] = x.argmin(self.axis)
