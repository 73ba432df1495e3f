"""L2_POOL_2D: the root of the mean square of each window of each channel.

Real      y = clamp(sqrt(sum(x * x) / n)), n the window's elements that lie inside the image
Shapes    x (batch, height, width, channels), y (batch, height', width', channels)
Units     float32
Raises    ModelError, from prepare only: a rank other than 4
Source    LiteRT kernels/pooling.cc, internal/reference/pooling.h (L2Pool; f67457790);
          tflite-micro micro/kernels/l2_pool_2d.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM, whose order of summation is kept
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.pooling import Pool2DOptions, grid, inside, pool_output_shapes
from refinterp.kernels.registry import Array, Inputs, Kernel, kernel
from refinterp.kernels.weighted import clamp
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.frames import FrameGrid


@kernel("L2_POOL_2D", "float32", options=Pool2DOptions)
@dataclass(frozen=True, slots=True, eq=False)
class L2Pool2D(Kernel):
    """lines, pixels: elements inside the image per output position, (size,) each."""

    place: FrameGrid
    low: float
    high: float
    lines: NDArray[np.float32]
    pixels: NDArray[np.float32]

    output_shapes = staticmethod(pool_output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: Pool2DOptions, rule: Rules
    ) -> L2Pool2D:
        """Place the window and count its elements."""
        x = inputs[0]
        place = grid(x, options)
        assert x is not None
        lines, pixels = inside(place.rows, x.shape[1]), inside(place.columns, x.shape[2])
        return cls(
            place,
            *real_bounds(options.fused_activation_function),
            lines.astype(np.float32),
            pixels.astype(np.float32),
        )

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', channels)."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        reals = y.reshape(-1, *y.shape[2:])
        for block in self.place.blocks(x.reshape(-1, *x.shape[2:]), np.float32, 0.0, work.take):
            out = reals[block.first : block.last, block.top : block.bottom]
            out.fill(0.0)
            for row in range(self.place.rows.kernel):
                for column in range(self.place.columns.kernel):
                    out += np.square(block.tap(row, column))
            out /= (self.lines[block.top : block.bottom, None] * self.pixels)[..., None]
            np.sqrt(out, out=out)
            clamp(out, self.low, self.high)
