"""What the pools share: where the window goes, how its elements are reduced, and means of reals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import clamp
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds, real_bounds
from refinterp.numerics.frames import FrameGrid, TapBlock
from refinterp.numerics.window import Window, window

_SAME_SCALE = 1e-6  # what TFLM takes for equal scales


@dataclass(frozen=True, slots=True)
class Pool2DOptions:
    """Schema table Pool2DOptions."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    filter_width: int = 0
    filter_height: int = 0
    fused_activation_function: str | int = "NONE"


def grid(x: TensorSpec, options: Pool2DOptions) -> FrameGrid:
    """Place the window on the input; one larger than the image has no place, and no result.

    LiteRT then looks no further: by a step or more too wide, it leaves no rows either.
    Raises ModelError for sizes and steps below 1.
    """
    height = window(
        options.padding, x.shape[1], options.filter_height, options.stride_h, where="pool height"
    )
    width = window(
        options.padding, x.shape[2], options.filter_width, options.stride_w, where="pool width"
    )
    beyond = options.filter_width - x.shape[2] - options.stride_w
    if options.padding == "VALID" and beyond >= options.stride_w:
        height = replace(height, size=0, before=0, after=0)
    return FrameGrid(height, width, x.shape[3])


def pool_output_shapes(operands: Unary[TensorSpec], options: Pool2DOptions) -> tuple[Shape, ...]:
    """The output's shape."""
    x = operands.input
    place = grid(x, options)
    return ((x.shape[0], place.rows.size, place.columns.size, x.shape[3]),)


def _check_same_codes(x: TensorSpec, y: TensorSpec) -> None:
    if abs(x.step - y.step) > _SAME_SCALE or x.zero != y.zero:
        raise ModelError(
            f"pooling cannot rescale: input {x.name!r} has scale {x.step} and zero point {x.zero}, "
            f"output {y.name!r} {y.step} and {y.zero}; they must be the same"
        )


def inside(w: Window, extent: int) -> NDArray[np.int64]:
    """Count, per output position, the window's elements inside the image: (size,)."""
    start = np.arange(w.size, dtype=np.int64) * w.stride - w.before
    return np.asarray(np.minimum(start + w.kernel, extent) - np.maximum(start, 0))


def code_bounds(
    x: TensorSpec, y: TensorSpec, options: Pool2DOptions, rule: Rules
) -> tuple[int, int]:
    """The codes of the fused activation; TFLM (path "same-scale") refuses to rescale."""
    if rule.path == "same-scale":
        _check_same_codes(x, y)
    return integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)


def reduce_windows(function: np.ufunc, block: TapBlock, out: NDArray[Any]) -> None:
    """Reduce every window of a block to out (images, lines, columns, channels)."""
    for index, taps in enumerate(block.phases):
        if index == 0:
            function.reduce(taps, axis=(1, 2), out=out)
        else:
            function(out, function.reduce(taps, axis=(1, 2)), out=out)


@dataclass(frozen=True, slots=True, eq=False)
class MeanPool(Kernel):
    """A prepared kernel: the mean of each window, or the root of the mean of squares.

    lines, pixels: elements inside the image per output position, (size,) each.
    """

    place: FrameGrid
    low: float
    high: float
    lines: NDArray[np.float32]
    pixels: NDArray[np.float32]
    squares: bool

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, batch, height', width', channels), adding tap after tap as C does."""
        x, y = operands.input, outputs[0]
        reals = y.reshape(-1, *y.shape[2:])
        for block in self.place.blocks(x.reshape(-1, *x.shape[2:]), np.float32, 0.0, work.take):
            out = reals[block.first : block.last, block.top : block.bottom]
            out.fill(0.0)
            for row in range(self.place.rows.kernel):
                for column in range(self.place.columns.kernel):
                    tap = block.tap(row, column)
                    out += np.square(tap) if self.squares else tap
            out /= (self.lines[block.top : block.bottom, None] * self.pixels)[..., None]
            if self.squares:
                np.sqrt(out, out=out)
            clamp(out, self.low, self.high)


def mean_pool(operator: str, *, squares: bool) -> None:
    """Register a float32 operator: the mean, or the root of the mean of squares."""

    @kernel(operator, "float32", options=Pool2DOptions)
    class Registered(Kernel):
        output_shapes = staticmethod(pool_output_shapes)

        @classmethod
        def prepare(
            cls,
            operands: Unary[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: Pool2DOptions,
            rule: Rules,
        ) -> MeanPool:
            x = operands.input
            place = grid(x, options)
            lines = inside(place.rows, x.shape[1]).astype(np.float32)
            pixels = inside(place.columns, x.shape[2]).astype(np.float32)
            low, high = real_bounds(options.fused_activation_function)
            return MeanPool(place, low, high, lines, pixels, squares)
