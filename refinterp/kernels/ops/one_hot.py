"""ONE_HOT: a vector per index, `on` at that index and `off` elsewhere.

Shapes    index: int32 or int64, any; depth: one int32; on, off: one element each;
          y: index's shape with depth inserted at axis (-1: last)
Units     codes are copied
Raises    ModelError, from prepare only: an axis or depth that cannot be
Source    LiteRT kernels/one_hot.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; an index out of range has no `on`. TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import OneHotValues
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes, integer
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OneHotOptions:
    """Schema table OneHotOptions."""

    axis: int = 0


@kernel(
    "ONE_HOT",
    "float32",
    "int8",
    "uint8",
    "int32",
    "int64",
    "bool",
    options=OneHotOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class OneHot(Kernel):
    """axis: of y, counted with the sample axis. places: 0..depth-1, shaped to lie along it."""

    axis: int
    places: NDArray[np.int32]

    @staticmethod
    def output_shapes(
        operands: OneHotValues[TensorSpec], options: OneHotOptions
    ) -> tuple[Shape, ...]:
        """Insert the depth."""
        shape, depth = operands.indices.shape, integer(operands.depth, "ONE_HOT")
        axis = len(shape) if options.axis == -1 else options.axis
        if depth < 0 or not 0 <= axis <= len(shape):
            raise ModelError(
                f"ONE_HOT: depth {depth} at axis {options.axis} does not fit {list(shape)}"
            )
        return ((*shape[:axis], depth, *shape[axis:]),)

    @classmethod
    def prepare(
        cls,
        operands: OneHotValues[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: OneHotOptions,
        rule: Rules,
    ) -> OneHot:
        """Check the values."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "ONE_HOT")
        index = operands.indices
        for value in (operands.on_value, operands.off_value):
            if value.size != 1:
                raise ModelError(f"ONE_HOT: {value.name!r} has {value.size} elements, not 1")
        rank = len(index.shape)
        axis = rank if options.axis == -1 else options.axis
        depth = outputs[0].shape[axis]
        places = np.arange(depth, dtype=np.int32).reshape(-1, *(1,) * (rank - axis))
        return cls(axis + 1, places)

    def eval(
        self, operands: OneHotValues[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write `off` everywhere, then `on` where index and place agree."""
        index, on, off, y = operands.indices, operands.on_value, operands.off_value, outputs[0]
        ones = (1,) * (y.ndim - 1)
        chosen = np.expand_dims(index.astype(np.int32), self.axis) == self.places
        np.copyto(y, off.reshape(-1, *ones))
        np.copyto(y, on.reshape(-1, *ones), where=chosen)
