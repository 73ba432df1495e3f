"""BITCAST: the same bytes, read as another type.

Shapes    x: any; y: x's shape; with a last axis more if y's elements are smaller (how many make one
          of x's), with one less, which must be that long, if they are larger
Raises    ModelError, from prepare only: a last axis that does not make one element
Source    LiteRT kernels/bitcast.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import BYTES, expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BitcastOptions:
    """output_types: of the tensors the operator writes."""

    output_types: Sequence[str] = ()


@kernel("BITCAST", *BYTES, options=BitcastOptions)
@dataclass(frozen=True, slots=True)
class BitCast(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: BitcastOptions) -> tuple[Shape, ...]:
        """Split or join along the last axis."""
        x = operands.input
        if options.output_types[0] not in BYTES:
            raise ModelError(f"BITCAST to {options.output_types[0]}; allowed: {', '.join(BYTES)}")
        before = STORAGE[x.dtype].itemsize
        after = STORAGE[options.output_types[0]].itemsize
        if before == after:
            return (x.shape,)
        if before > after:
            return ((*x.shape, before // after),)
        if not x.shape or x.shape[-1] != after // before:
            raise ModelError(
                f"BITCAST: the last axis of {list(x.shape)} must be {after // before} to make one "
                f"{options.output_types[0]} of {x.dtype}"
            )
        return (x.shape[:-1],)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BitcastOptions,
        rule: Rules,
    ) -> BitCast:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "BITCAST")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy bytes."""
        x, y = operands.input, outputs[0]
        np.copyto(_bytes(y), _bytes(x))


def _bytes(array: Array) -> Array:
    """View an array (S, ...) as bytes (S, count)."""
    return array.reshape(len(array), -1).view(np.uint8)
