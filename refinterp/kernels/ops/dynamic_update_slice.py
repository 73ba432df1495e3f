"""DYNAMIC_UPDATE_SLICE: the input with a box of it replaced.

Shapes    x: any; update: as many axes, none longer; start: int32 or int64 (rank,), moved back so
          that the update fits; y: x's shape
Units     unchanged: codes are copied
Raises    ModelError, from prepare only: an update that is larger than x or of another type
Source    LiteRT kernels/dynamic_update_slice.cc (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape
from refinterp.graph.operands import Updated
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import ALL, expect_shapes, per_sample
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "DYNAMIC_UPDATE_SLICE"


@kernel("DYNAMIC_UPDATE_SLICE", *ALL)
@dataclass(frozen=True, slots=True, eq=False)
class DynamicUpdateSlice(Kernel):
    """size: of the update. room: how far it can start, per axis."""

    size: Shape
    room: NDArray[np.int64]

    @staticmethod
    def output_shapes(operands: Updated[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Updated[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> DynamicUpdateSlice:
        """Check the shapes."""
        x, update, start = operands.input, operands.update, operands.start
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        if len(update.shape) != len(x.shape) or any(
            part > size for part, size in zip(update.shape, x.shape, strict=True)
        ):
            allowed = f"as many axes as the input, each up to its size, {list(x.shape)}"
            raise misfit(operands, "update", f"shape {list(update.shape)}", allowed)
        if start.shape != (len(x.shape),):
            allowed = f"{[len(x.shape)]}, one for each axis of the input"
            raise misfit(operands, "start", f"shape {list(start.shape)}", allowed)
        return cls(update.shape, np.subtract(x.shape, update.shape, dtype=np.int64))

    def eval(self, operands: Updated[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy x, then the update over it."""
        x, update, start = operands.input, operands.update, operands.start
        np.copyto(outputs[0], x)
        starts = np.clip(start.astype(np.int64), 0, self.room)
        for part, first, y in per_sample(len(outputs[0]), update, starts, outputs[0]):
            box = tuple(
                slice(begin, begin + size)
                for begin, size in zip(first.tolist(), self.size, strict=True)
            )
            np.copyto(y[box], part)
