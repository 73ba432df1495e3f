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
from typing import ClassVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import AlongAxis
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import axis_of, expect_shapes, integer
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ArgMaxOptions:
    """Schema table ArgMaxOptions. method: of an array without NaN; extremum passes over NaN."""

    output_type: str | int = "float32"

    name: ClassVar[str] = "ARG_MAX"
    extremum: ClassVar[np.ufunc] = np.fmax
    method: ClassVar[str] = "argmax"


@dataclass(frozen=True, slots=True)
class ArgMinOptions:
    """Schema table ArgMinOptions. method: of an array without NaN; extremum passes over NaN."""

    output_type: str | int = "float32"

    name: ClassVar[str] = "ARG_MIN"
    extremum: ClassVar[np.ufunc] = np.fmin
    method: ClassVar[str] = "argmin"


Options = ArgMaxOptions | ArgMinOptions


@kernel("ARG_MAX", "float32", "int8", "uint8", "int32", "bool", options=ArgMaxOptions)
@kernel("ARG_MIN", "float32", "int8", "uint8", "int32", "bool", options=ArgMinOptions)
@dataclass(frozen=True, slots=True)
class ArgExtremum(Kernel):
    """axis: counted with the sample axis. options: say which end is looked for."""

    axis: int
    options: Options

    @staticmethod
    def output_shapes(operands: AlongAxis[TensorSpec], options: Options) -> tuple[Shape, ...]:
        """Drop the axis."""
        return reduced(operands, options.name)

    @classmethod
    def prepare(
        cls,
        operands: AlongAxis[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Options,
        rule: Rules,
    ) -> ArgExtremum:
        """Check axis and types."""
        where, y = options.name, outputs[0]
        expect_shapes(outputs, reduced(operands, where), where)
        allowed = [t for t in ("int32", "int64") if options.output_type in (t, "float32")]
        if y.dtype not in allowed:  # float32 is what a file says that says nothing
            raise ModelError(
                f"{where}: output {y.name!r} is {y.dtype} and output_type {options.output_type}; "
                "both must be int32 or both int64"
            )
        axis = axis_of(integer(operands.axis, where), len(y.shape) + 1, where) + 1
        return cls(axis, options)

    def eval(self, operands: AlongAxis[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Find the element: the first of equal ones, none that is NaN."""
        x, y = operands.input, outputs[0]
        if x.dtype.kind == "f" and np.isnan(x).any():
            best = self.options.extremum.reduce(x, self.axis, keepdims=True)
            y[...] = (x == best).argmax(self.axis)
        else:
            y[...] = getattr(x, self.options.method)(self.axis)


def reduced(operands: AlongAxis[TensorSpec], where: str) -> tuple[Shape, ...]:
    """Drop the axis."""
    shape = operands.input.shape
    axis = axis_of(integer(operands.axis, where), len(shape), where)
    if shape[axis] == 0:
        raise ModelError(f"{where}: axis {axis} of {list(shape)} is empty")
    return ((*shape[:axis], *shape[axis + 1 :]),)
