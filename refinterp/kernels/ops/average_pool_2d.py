"""AVERAGE_POOL_2D: the average of each window of each channel.

Real      y = clamp(sum(x) / n), n the window's elements that lie inside the image
Integer   y = clip(t / n), t = sum(x) + n / 2 if sum(x) > 0 else sum(x) - n / 2, both divisions cut
          towards zero; on the codes, without zero point
Shapes    x (batch, height, width, channels), y (batch, height', width', channels)
Units     int8, uint8, int16 codes; x and y share scale and zero point
Error     |y - exact| <= 1/2 code
Raises    ModelError, from prepare only: a window that does not fit; x and y quantized differently,
          which TFLM refuses and LiteRT overlooks
Source    LiteRT kernels/pooling.cc, internal/reference/pooling.h,
          internal/reference/integer_ops/pooling.h (f67457790); tflite-micro
          micro/kernels/pooling_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; float32 sums are added in their order

Integer averages are computed in floats. t is an integer below 2**24 (float32) or 2**53 (float64),
and then no quotient t / n is rounded up to the next integer: it lies at least 1 / n below it, and
half a unit in the last place of t / n is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.pooling import (
    Pool2DOptions,
    code_bounds,
    grid,
    inside,
    mean_pool,
    pool_output_shapes,
    reduce_windows,
)
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.frames import FrameGrid, TapBlock
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.sums import middle_sums

mean_pool("AVERAGE_POOL_2D", squares=False)


@kernel("AVERAGE_POOL_2D", "int8", "uint8", "int16", options=Pool2DOptions)
@dataclass(frozen=True, slots=True, eq=False)
class AveragePool2DInteger(Kernel):
    """dtype: what the sums are held in. lines, pixels: elements inside the image, (size,) each.

    whole: whether there is one window, which lies in the image: its elements are added as a matrix.
    limited: whether low and high limit averages at all, which lie between the codes' own limits.
    """

    place: FrameGrid
    whole: bool
    limited: bool
    low: int
    high: int
    dtype: Any
    lines: NDArray[Any]
    pixels: NDArray[Any]

    output_shapes = staticmethod(pool_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Pool2DOptions,
        rule: Rules,
    ) -> AveragePool2DInteger:
        """Place the window, count its elements and find a type that holds their sum."""
        x, y = operands.input, outputs[0]
        place = grid(x, options)
        low, high = code_bounds(x, y, options, rule)
        elements = place.rows.kernel * place.columns.kernel
        largest = max(-INTEGER_RANGE[x.dtype][0], INTEGER_RANGE[x.dtype][1])
        exact = elements * (largest + 1) < FLOAT32_EXACT
        dtype = np.int64 if rule.plain else np.float32 if exact else np.float64
        lines, pixels = inside(place.rows, x.shape[1]), inside(place.columns, x.shape[2])
        whole = (
            not rule.plain
            and lines.tolist() == [place.rows.kernel]
            and pixels.tolist() == [place.columns.kernel]
        )
        limited = (low, high) != INTEGER_RANGE[x.dtype]
        return cls(
            place, whole, limited, low, high, dtype, lines.astype(dtype), pixels.astype(dtype)
        )

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, batch, height', width', channels)."""
        x, y = operands.input, outputs[0]
        codes = y.reshape(-1, *y.shape[2:])
        images = x.reshape(-1, *x.shape[2:])
        if self.whole:
            self._whole(images, codes, work)
            return
        sums = None
        for block in self.place.blocks(images, self.dtype, 0, work.take):
            out = codes[block.first : block.last, block.top : block.bottom]
            if sums is None:  # the first block is the largest
                sums = work.take(out.shape, self.dtype)
            acc = sums[: out.shape[0], : out.shape[1]]
            reduce_windows(np.add, block, acc)
            self._divide(acc, self._count(block))
            self._store(acc, out)

    def _whole(self, images: Array, codes: Array, work: Workspace) -> None:
        """Average the one window of every image."""
        rows, columns = self.place.rows.kernel, self.place.columns.kernel
        window = images[:, :rows, :columns]
        acc = work.take((len(images), images.shape[-1]), self.dtype)
        middle_sums(window.reshape(len(images), rows * columns, -1), acc, work.take)
        self._divide(acc, self.lines[0] * self.pixels[0])
        self._store(acc, codes[:, 0, 0])

    def _store(self, acc: NDArray[Any], out: Array) -> None:
        if self.limited:
            np.clip(acc, self.low, self.high, out=acc)
        np.copyto(out, acc, casting="unsafe")

    def _count(self, block: TapBlock) -> Any:
        """Elements averaged at each output position of a block; one number where all agree."""
        lines = self.lines[block.top : block.bottom]
        if lines.min() == lines.max() and self.pixels.min() == self.pixels.max():
            return lines[0] * self.pixels[0]
        return (lines[:, None] * self.pixels)[..., None]

    def _divide(self, acc: NDArray[Any], count: Any) -> None:
        """Turn sums into averages, rounded half away from zero, in place."""
        half = count // 2
        if self.dtype is np.int64:
            acc += np.where(acc > 0, half, -half)
            np.copyto(acc, np.sign(acc) * (np.abs(acc) // count))
            return
        acc += np.copysign(half, acc)
        acc /= count
        np.trunc(acc, out=acc)
