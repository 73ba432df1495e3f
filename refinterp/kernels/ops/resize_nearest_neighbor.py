"""RESIZE_NEAREST_NEIGHBOR: an image of another size, made of the nearest elements.

Real      source row of output row i: floor((i + c) * k), or rounded half away with align_corners;
          k = in / out, or (in - 1) / (out - 1) with align_corners; c = 1/2 with half_pixel_centers
Shapes    x (batch, height, width, channels); size: int32 (2,); y (batch, *size, channels)
Units     unchanged; the positions are computed in float32
Raises    ModelError, from prepare only: a size that is not positive
Source    LiteRT kernels/resize_nearest_neighbor.cc, internal/reference/resize_nearest_neighbor.h
          (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape
from refinterp.graph.operands import Resized
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes, take
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.resizing import ResizeOptions, resized
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.fixedpoint import round_half_away


def nearest(count: int, size: int, options: ResizeOptions) -> NDArray[np.intp]:
    """Return which of `size` input elements each of `count` output elements shows."""
    if options.align_corners and count > 1:
        factor = np.float32(size - 1) / np.float32(count - 1)
    else:
        factor = np.float32(size) / np.float32(count)
    centre = np.float32(0.5 if options.half_pixel_centers else 0)
    place = (np.arange(count, dtype=np.float32) + centre) * factor
    if options.align_corners:
        whole = round_half_away(place.astype(np.float64))
    else:
        whole = np.floor(place)
    return np.asarray(np.clip(whole.astype(np.intp), 0, size - 1))


@kernel(
    "RESIZE_NEAREST_NEIGHBOR",
    "int8",
    "uint8",
    "int16",
    "float32",
    "int32",
    "float16",
    "uint16",
    "uint32",
    "bool",
    options=ResizeOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class ResizeNearestNeighbor(Kernel):
    """index: for each pixel of y, in order, which pixel of x it shows."""

    index: NDArray[np.intp]

    @staticmethod
    def output_shapes(operands: Resized[TensorSpec], options: ResizeOptions) -> tuple[Shape, ...]:
        """Replace height and width."""
        return (resized(operands, "RESIZE_NEAREST_NEIGHBOR"),)

    @classmethod
    def prepare(
        cls,
        operands: Resized[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ResizeOptions,
        rule: Rules,
    ) -> ResizeNearestNeighbor:
        """Work out which pixel goes where."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), "RESIZE_NEAREST_NEIGHBOR")
        rows = nearest(y.shape[1], x.shape[1], options)
        columns = nearest(y.shape[2], x.shape[2], options)
        return cls((rows[:, None] * x.shape[2] + columns).reshape(-1))

    def eval(self, operands: Resized[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Pick the pixels."""
        x, y = operands.input, outputs[0]
        batch, height, width, channels = x.shape[1:]
        take(
            x.reshape(len(x), batch, height * width, channels),
            self.index,
            1,
            y.reshape(len(y), batch, -1, channels),
        )
