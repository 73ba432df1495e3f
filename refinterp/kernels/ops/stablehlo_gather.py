"""STABLEHLO_GATHER: boxes of the input, picked by where they start.

Shapes    x: any; start: int32 or int64; axis index_vector_dim holds coordinates on the axes
          start_index_map, the others are batch axes; y: batch axes, and at offset_dims the axes of
          a box of slice_sizes without collapsed_slice_dims
Units     codes are copied
Raises    ModelError, from prepare only: options that do not fit the shapes
Source    LiteRT kernels/stablehlo_gather.cc, tensor_slice_util.cc (f67457790)
Exact to  LiteRT BUILTIN_REF, which moves boxes back inside; where starts have no axis of
          coordinates (index_vector_dim is their rank) it reads out of bounds. TFLM has no such
          operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Gathered
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.coordinates import coordinates_last, strides
from refinterp.kernels.data_movement import (
    BYTES,
    expect_shapes,
    per_sample,
    take,
)
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "STABLEHLO_GATHER"


@dataclass(frozen=True, slots=True)
class StablehloGatherOptions:
    """Schema table StablehloGatherOptions."""

    offset_dims: Sequence[int] = ()
    collapsed_slice_dims: Sequence[int] = ()
    start_index_map: Sequence[int] = ()
    index_vector_dim: int = 0
    slice_sizes: Sequence[int] = ()


@kernel("STABLEHLO_GATHER", *BYTES, options=StablehloGatherOptions)
@dataclass(frozen=True, slots=True, eq=False)
class StablehloGather(Kernel):
    """Where the element of each place of y comes from, as positions in x.

    axis: of coordinates. steps, room: of the axes that coordinates count on: elements per step,
    and how far a box can start. box: position of each element of a box, from its start, shaped to
    broadcast against y; batch: y's shape with ones in place of the box.
    """

    axis: int
    steps: NDArray[np.int64]
    room: NDArray[np.int64]
    box: NDArray[np.int64]
    batch: Shape

    @staticmethod
    def output_shapes(
        operands: Gathered[TensorSpec], options: StablehloGatherOptions
    ) -> tuple[Shape, ...]:
        """Lay batch axes and box axes out."""
        x, start = operands.input, operands.indices
        axis, sizes = options.index_vector_dim, options.slice_sizes
        if not 0 <= axis <= len(start.shape):
            raise ModelError(
                f"{_WHERE}: index_vector_dim {axis} does not fit starts {list(start.shape)}"
            )
        count = start.shape[axis] if axis < len(start.shape) else 1
        if (
            len(sizes) != len(x.shape)
            or any(not 0 <= n <= whole for n, whole in zip(sizes, x.shape, strict=True))
            or len(options.start_index_map) != count
            or not set(options.start_index_map) <= set(range(len(x.shape)))
            or any(sizes[d] != 1 for d in options.collapsed_slice_dims)
        ):
            raise ModelError(
                f"{_WHERE}: boxes of {list(sizes)} from axes {list(options.start_index_map)} do "
                f"not fit an input of {list(x.shape)}"
            )
        box = [n for d, n in enumerate(sizes) if d not in options.collapsed_slice_dims]
        batch = [n for d, n in enumerate(start.shape) if d != axis]
        rank = len(box) + len(batch)
        offset = set(options.offset_dims)
        if not len(options.offset_dims) == len(offset) == len(box) or not offset <= set(
            range(rank)
        ):
            raise ModelError(
                f"{_WHERE}: offset axes {list(options.offset_dims)} of {rank} for boxes of {box}"
            )
        return (tuple((box if d in options.offset_dims else batch).pop(0) for d in range(rank)),)

    @classmethod
    def prepare(
        cls,
        operands: Gathered[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: StablehloGatherOptions,
        rule: Rules,
    ) -> StablehloGather:
        """Work out where boxes and their elements lie."""
        x, y = operands.input, outputs[0]
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        per_axis = strides(x.shape)
        mapped = list(options.start_index_map)
        box = np.zeros((), np.int64)
        for size, step in zip(options.slice_sizes, per_axis, strict=True):
            box = box[..., None] + np.arange(size, dtype=np.int64) * step
        inside = [d in options.offset_dims for d in range(len(y.shape))]
        shaped = tuple(n if own else 1 for n, own in zip(y.shape, inside, strict=True))
        return cls(
            options.index_vector_dim,
            per_axis[mapped],
            np.subtract(x.shape, options.slice_sizes, dtype=np.int64)[mapped],
            box.reshape(shaped),
            tuple(1 if own else n for n, own in zip(y.shape, inside, strict=True)),
        )

    def eval(self, operands: Gathered[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take elements."""
        x, start, y = operands.input, operands.indices, outputs[0]
        if not y.size:
            return
        first = np.clip(coordinates_last(start, self.axis).astype(np.int64), 0, self.room)
        picks = (first @ self.steps).reshape(len(start), *self.batch) + self.box
        for part, pick, out in per_sample(len(y), x.reshape(len(x), -1), picks, y):
            take(part[None], pick, 0, out[None])
