"""CUMSUM: sums of the elements up to each one along an axis.

Real      y[i] = x[0] + ... + x[i], or up to x[i - 1] if exclusive; from the end if reverse
Integer   int8 (TFLM only): s(q) = R(1/2, (q - x_zero) << 20); acc = s(0) + s(x[0]) + ...
          y = clip(R(2 * x_scale / (2**20 * y_scale), acc) + y_zero), acc wrapping in 32 bits
Shapes    x: at least a vector; axis: one int32; y: x's shape
Units     int8 codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis that does not exist, an output scale that is too
          small
Source    LiteRT kernels/cumsum.cc (f67457790); tflite-micro micro/kernels/cumsum.cc,
          kernels/internal/reference/cumsum.h (90b983c2b), whose accumulator starts at code 0
          rather than at the zero point
Exact to  LiteRT BUILTIN_REF for float32, int32, int64; TFLM for float32, int8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import AlongAxis
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import axis_of, expect_shapes, integer
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32

_SHIFT = 20


@dataclass(frozen=True, slots=True)
class CumsumOptions:
    """Schema table CumsumOptions."""

    exclusive: bool = False
    reverse: bool = False


def output_shapes(operands: AlongAxis[TensorSpec], options: CumsumOptions) -> tuple[Shape, ...]:
    """Return the input's shape."""
    axis_of(integer(operands.axis, "CUMSUM"), len(operands.input.shape), "CUMSUM")
    return (operands.input.shape,)


def check(
    operands: AlongAxis[TensorSpec], outputs: Sequence[TensorSpec], options: CumsumOptions
) -> int:
    """Validate what all types share and return the axis, counted with the sample axis."""
    x = operands.input
    expect_shapes(outputs, output_shapes(operands, options), "CUMSUM")
    return axis_of(integer(operands.axis, "CUMSUM"), len(x.shape), "CUMSUM") + 1


def accumulate(x: Array, y: Array, axis: int, options: CumsumOptions) -> None:
    """Fill y with running sums of x along an axis, one addition after the other."""
    x, y = x.swapaxes(axis, -1), y.swapaxes(axis, -1)
    if options.reverse:
        x, y = x[..., ::-1], y[..., ::-1]
    if options.exclusive:
        y[..., :1] = 0
        x, y = x[..., :-1], y[..., 1:]
    np.add.accumulate(x, axis=-1, dtype=y.dtype, out=y)


@kernel("CUMSUM", "float32", "int32", "int64", options=CumsumOptions)
@dataclass(frozen=True, slots=True)
class Cumsum(Kernel):
    """axis: counted with the sample axis."""

    axis: int
    options: CumsumOptions

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: AlongAxis[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: CumsumOptions,
        rule: Rules,
    ) -> Cumsum:
        """Check the axis."""
        return cls(check(operands, outputs, options), options)

    def eval(self, operands: AlongAxis[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Add up."""
        x, y = operands.input, outputs[0]
        accumulate(np.broadcast_to(x, y.shape), y, self.axis, self.options)


@kernel("CUMSUM", "int8", options=CumsumOptions)
@dataclass(frozen=True, slots=True, eq=False)
class CumsumInt8(Kernel):
    """summands: by code + 128, in units of 2 * x_scale / 2**20. start: where sums start."""

    axis: int
    options: CumsumOptions
    summands: NDArray[np.int32]
    start: int
    factor: Multiplier
    zero: int

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: AlongAxis[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: CumsumOptions,
        rule: Rules,
    ) -> CumsumInt8:
        """Fold the scales."""
        axis = check(operands, outputs, options)
        x, y = operands.input, outputs[0]
        if not (x.step > 0 and y.step > 0) or not 0 < 2 * x.step / (y.step * (1 << _SHIFT)) < 1:
            raise ModelError(
                f"CUMSUM: scales {x.step:g} to {y.step:g}; both must be positive and the output's "
                "not a 2**19th of the input's"
            )
        twice = 2 * x.step
        half = Multiplier.of(x.step / twice)
        codes = np.arange(-128, 128, dtype=np.int64)
        summands = rescale((codes - x.zero) << _SHIFT, half)
        factor = Multiplier.of(twice / ((1 << _SHIFT) * y.step))
        return cls(axis, options, summands.astype(np.int32), int(summands[128]), factor, y.zero)

    def eval(self, operands: AlongAxis[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Add up in 32 bits, then rescale."""
        x, y = operands.input, outputs[0]
        terms = self.summands[np.broadcast_to(x, y.shape).astype(np.int16) + 128]
        sums = np.empty(y.shape, np.int32)
        accumulate(terms, sums, self.axis, self.options)
        acc = wrap32(sums.astype(np.int64) + self.start)
        np.clip(rescale(acc, self.factor) + self.zero, -128, 127, out=y, casting="unsafe")
