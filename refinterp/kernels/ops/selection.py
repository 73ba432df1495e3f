"""SELECT and SELECT_V2: y = a where the condition holds, b elsewhere.

Real      y = a if condition else b
Integer   codes are copied as they are, whatever the scales say
Shapes    SELECT: condition a scalar, a vector along the first axis, or of the shape of a and b;
          SELECT_V2: all three broadcast
Raises    ModelError, from prepare only: shapes that do not fit
Source    LiteRT kernels/select.cc, internal/reference/select.h (f67457790); tflite-micro
          micro/kernels/select.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Selected
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.broadcast import blocks, broadcast_shape

_TYPES = (
    "float32", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
    "uint64", "bool",
)  # fmt: skip


def select_shapes(operands: Selected[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """SELECT's output shape; raises ModelError for a condition that fits neither way."""
    condition, a = operands.condition, operands.when_true
    if condition.shape not in ((), a.shape, a.shape[:1]):
        raise ModelError(
            f"operand condition {condition.name!r}: found shape {list(condition.shape)}; allowed: "
            f"[], {list(a.shape[:1])}, {list(a.shape)}"
        )
    return (a.shape,)


def broadcast_shapes(operands: Selected[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """SELECT_V2's output shape."""
    condition, a, b = operands.condition, operands.when_true, operands.when_false
    both = broadcast_shape(
        a.shape, b.shape, where=f"operands when_true {a.name!r} and when_false {b.name!r}"
    )
    where = f"operand condition {condition.name!r} and the values"
    return (broadcast_shape(condition.shape, both, where=where),)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen(Kernel):
    """A prepared selection. axes: axes to append to a condition that runs along the first one."""

    axes: int

    def eval(self, operands: Selected[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        condition, a, b = operands.condition, operands.when_true, operands.when_false
        condition = condition.reshape(*condition.shape, *(1,) * self.axes)
        for out, holds, yes, no in blocks(outputs[0], condition, a, b):
            out[...] = np.where(holds, yes, no)


@kernel("SELECT", *_TYPES)
class Select(Kernel):
    """The older operator."""

    output_shapes = staticmethod(select_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Selected[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Chosen:
        """See whether the condition runs along the first axis."""
        condition, a = operands.condition, operands.when_true
        along = condition.shape != a.shape and len(condition.shape) == 1
        return Chosen(len(a.shape) - 1 if along else 0)


@kernel("SELECT_V2", *_TYPES)
class SelectV2(Kernel):
    """The broadcasting operator."""

    output_shapes = staticmethod(broadcast_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Selected[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Chosen:
        """Prepare the kernel."""
        return Chosen(0)
