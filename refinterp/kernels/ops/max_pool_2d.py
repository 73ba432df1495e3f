"""MAX_POOL_2D: the largest element of each window of each channel.

Real      y = clamp(max(x)) over the window's elements that lie inside the image
Integer   the same on the codes
Shapes    x (batch, height, width, channels), y (batch, height', width', channels)
Units     int8, uint8, int16 codes; x and y share scale and zero point
Raises    ModelError, from prepare only: a window that does not fit; x and y quantized differently,
          which TFLM refuses and LiteRT overlooks
Source    LiteRT kernels/pooling.cc, internal/reference/pooling.h,
          internal/reference/integer_ops/pooling.h (f67457790); tflite-micro
          micro/kernels/pooling_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.pooling import (
    Pool2DOptions,
    code_bounds,
    grid,
    pool_output_shapes,
    reduce_windows,
)
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import clamp
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE, real_bounds
from refinterp.numerics.frames import FrameGrid


@kernel("MAX_POOL_2D", "int8", "uint8", "int16", options=Pool2DOptions)
@dataclass(frozen=True, slots=True)
class MaxPool2DInteger(Kernel):
    """The maximum of codes is the code of the maximum; the padding holds the lowest code."""

    place: FrameGrid
    lowest: int
    low: int
    high: int

    output_shapes = staticmethod(pool_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Pool2DOptions,
        rule: Rules,
    ) -> MaxPool2DInteger:
        """Place the window and find the clamp."""
        x, y = operands.input, outputs[0]
        low, high = code_bounds(x, y, options, rule)
        return cls(grid(x, options), INTEGER_RANGE[y.dtype][0], low, high)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, batch, height', width', channels)."""
        x, y = operands.input, outputs[0]
        codes = y.reshape(-1, *y.shape[2:])
        for block in self.place.blocks(
            x.reshape(-1, *x.shape[2:]), x.dtype, self.lowest, work.take
        ):
            out = codes[block.first : block.last, block.top : block.bottom]
            reduce_windows(np.maximum, block, out)
            np.clip(out, self.low, self.high, out=out)


@kernel("MAX_POOL_2D", "float32", options=Pool2DOptions)
@dataclass(frozen=True, slots=True)
class MaxPool2DFloat(Kernel):
    """The largest number; NaN is passed over, as C's comparisons do."""

    place: FrameGrid
    low: float
    high: float

    output_shapes = staticmethod(pool_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Pool2DOptions,
        rule: Rules,
    ) -> MaxPool2DFloat:
        """Place the window."""
        return cls(grid(operands.input, options), *real_bounds(options.fused_activation_function))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, batch, height', width', channels)."""
        x, y = operands.input, outputs[0]
        lowest = float(np.finfo(np.float32).min)
        reals = y.reshape(-1, *y.shape[2:])
        for block in self.place.blocks(x.reshape(-1, *x.shape[2:]), np.float32, lowest, work.take):
            out = reals[block.first : block.last, block.top : block.bottom]
            reduce_windows(np.fmax, block, out)
            np.fmax(out, lowest, out=out)
            clamp(out, self.low, self.high)
