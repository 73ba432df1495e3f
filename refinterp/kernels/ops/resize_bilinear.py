"""RESIZE_BILINEAR: an image of another size, interpolated between the four nearest elements.

Real      position of output row i: p = i * k, or (i + 1/2) * k - 1/2 with half_pixel_centers;
          k = in / out, or (in - 1) / (out - 1) with align_corners; columns alike
          y = sum over the rows and columns next to p of x, weighted with their nearness
Integer   int8, int16: positions and weights in 1/1024: k = ((in << 10) + out / 2) / out;
          acc = sum(x * row weight * column weight); y = acc / 2**20, halves away from zero
          uint8: as float32, plus 1/2, cut off
Shapes    x (batch, height, width, channels); size: int32 (2,); y (batch, *size, channels)
Units     unchanged: neither runtime looks at scales
Raises    ModelError, from prepare only: a size that is not positive, both options at once
Source    LiteRT kernels/resize_bilinear.cc, internal/reference/resize_bilinear.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM. Enlarged to more than about 2,000 elements, their rounded k
          leads past the last element, which is then repeated here and read beyond there
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Resized
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.resizing import ResizeOptions, resized
from refinterp.kernels.workspace import Workspace

_WHERE = "RESIZE_BILINEAR"


def output_shapes(operands: Resized[TensorSpec], options: ResizeOptions) -> tuple[Shape, ...]:
    """Replace height and width."""
    return (resized(operands, _WHERE),)


def check(
    operands: Resized[TensorSpec], outputs: Sequence[TensorSpec], options: ResizeOptions
) -> TensorSpec:
    """Validate all there is to validate and return the input."""
    x = operands.input
    expect_shapes(outputs, output_shapes(operands, options), _WHERE)
    if options.align_corners and options.half_pixel_centers:
        raise ModelError(f"{_WHERE}: align_corners and half_pixel_centers exclude each other")
    return x


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Along one axis: the two neighbours of each output element, and the weight of the second.

    lower, upper: input indices (out,). near, far: weights of the two (out,).
    """

    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    near: NDArray[np.int64]
    far: NDArray[np.int64]

    @classmethod
    def of(cls, count: int, size: int, options: ResizeOptions) -> Steps:
        """Place `count` output elements among `size` input elements, in units of 1/1024."""
        if options.align_corners and count > 1:
            factor = (1024 * (size - 1) + (count - 1) // 2) // (count - 1)
        else:
            factor = (1024 * size + count // 2) // count
        place = np.arange(count, dtype=np.int64) * factor
        if options.half_pixel_centers:
            place += factor // 2 - 512
        lower = np.maximum(place, 0) // 1024
        upper = np.minimum(np.maximum(place + 1023, 0) // 1024, size - 1)
        far = place - 1024 * lower
        lower = np.minimum(lower, size - 1)
        return cls(lower.astype(np.intp), upper.astype(np.intp), 1024 - far, far)


@kernel("RESIZE_BILINEAR", "int8", "int16", options=ResizeOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ResizeBilinearInteger(Kernel):
    """rows, columns: where the output elements lie. dtype: of the sums, wide enough for them."""

    rows: Steps
    columns: Steps
    dtype: type[np.signedinteger]

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Resized[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ResizeOptions,
        rule: Rules,
    ) -> ResizeBilinearInteger:
        """Work out positions and weights."""
        x, y = check(operands, outputs, options), outputs[0]
        return cls(
            Steps.of(y.shape[1], x.shape[1], options),
            Steps.of(y.shape[2], x.shape[2], options),
            np.int32 if x.dtype == "int8" else np.int64,
        )

    def eval(self, operands: Resized[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Interpolate along the rows, then along the columns: the sums are exact in any order."""
        x, y = operands.input, outputs[0]
        samples, batch, _, width, channels = x.shape
        tall = work.take((samples, batch, y.shape[2], width, channels), self.dtype)
        self._blend(x, 2, self.rows, tall, work)
        full = work.take((samples, *y.shape[1:]), self.dtype)
        rest = self._blend(tall, 3, self.columns, full, work)
        # Halves away from zero: one less is added to what is negative, then rounded down.
        np.right_shift(full, full.itemsize * 8 - 1, out=rest)
        full += 1 << 19
        full += rest
        full >>= 20
        np.copyto(y, full, casting="unsafe")

    def _blend(self, x: Array, axis: int, steps: Steps, out: Array, work: Workspace) -> Array:
        """Weigh neighbours along an axis into out; returns scratch of out's shape."""
        picked = work.take(out.shape, x.dtype)
        other = work.take(out.shape, self.dtype)
        shape = [1] * x.ndim
        shape[axis] = -1
        np.take(x, steps.lower, axis=axis, out=picked, mode="clip")
        np.multiply(picked, steps.near.astype(self.dtype).reshape(shape), out=out)
        np.take(x, steps.upper, axis=axis, out=picked, mode="clip")
        np.multiply(picked, steps.far.astype(self.dtype).reshape(shape), out=other)
        out += other
        return other


@dataclass(frozen=True, slots=True, eq=False)
class RealSteps:
    """As `Steps`, with float32 weights."""

    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    near: NDArray[np.float32]
    far: NDArray[np.float32]

    @classmethod
    def of(cls, count: int, size: int, options: ResizeOptions) -> RealSteps:
        """Place `count` output elements among `size` input elements, in float32."""
        if options.align_corners and count > 1:
            factor = np.float32(size - 1) / np.float32(count - 1)
        else:
            factor = np.float32(size) / np.float32(count)
        index = np.arange(count, dtype=np.float32)
        half = np.float32(0.5)
        place = (index + half) * factor - half if options.half_pixel_centers else index * factor
        lower = np.maximum(np.floor(place).astype(np.intp), 0)
        upper = np.minimum(np.ceil(place).astype(np.intp), size - 1)
        far = place - lower.astype(np.float32)
        return cls(np.minimum(lower, size - 1), upper, np.float32(1) - far, far)


@kernel("RESIZE_BILINEAR", "float32", "uint8", options=ResizeOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ResizeBilinearReal(Kernel):
    """rows, columns: where the output elements lie. nudge: 1/2 where the result is cut off."""

    rows: RealSteps
    columns: RealSteps
    nudge: np.float32

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Resized[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ResizeOptions,
        rule: Rules,
    ) -> ResizeBilinearReal:
        """Work out positions and weights."""
        x, y = check(operands, outputs, options), outputs[0]
        return cls(
            RealSteps.of(y.shape[1], x.shape[1], options),
            RealSteps.of(y.shape[2], x.shape[2], options),
            np.float32(0.5 if x.dtype == "uint8" else 0),
        )

    def eval(self, operands: Resized[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Add the four products in the order of the C code, so that every rounding is the same."""
        x, y = operands.input, outputs[0]
        samples, batch, _, width, channels = x.shape
        tall = (samples, batch, y.shape[2], width, channels)
        full = (samples, *y.shape[1:])
        picked = work.take(tall, x.dtype)
        upper, lower = work.take(tall, np.float32), work.take(tall, np.float32)
        term, total = work.take(full, np.float32), work.take(full, np.float32)
        rows, columns = self.rows, self.columns
        np.take(x, rows.lower, axis=2, out=picked, mode="clip")
        np.multiply(picked, rows.near[:, None, None], out=upper)
        np.take(x, rows.upper, axis=2, out=picked, mode="clip")
        np.multiply(picked, rows.far[:, None, None], out=lower)
        np.take(upper, columns.lower, axis=3, out=total, mode="clip")
        total *= columns.near[:, None]
        for part, index, weight in (
            (lower, columns.lower, columns.near),
            (upper, columns.upper, columns.far),
            (lower, columns.upper, columns.far),
        ):
            np.take(part, index, axis=3, out=term, mode="clip")
            term *= weight[:, None]
            total += term
        total += self.nudge
        np.copyto(y, total, casting="unsafe")
