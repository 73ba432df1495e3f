"""RESHAPE: the same elements in the same order, in another shape.

Shapes    x: any; shape: int32 (rank,), whose value counts, else the option new_shape counts;
          y: that shape, in which one size may be -1 (what is left over)
Units     unchanged
Raises    ModelError, from prepare only: the sizes do not multiply to x's
Source    LiteRT kernels/reshape.cc, internal/reshape_utils.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM, which takes the output's shape from the file
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Reshaped
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import ALL, copy, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ReshapeOptions:
    """Schema table ReshapeOptions; declared_shapes: the outputs' in the file."""

    new_shape: Sequence[int] = ()
    declared_shapes: Sequence[Shape] = ()


def resolve(x: TensorSpec, wanted: Sequence[int]) -> Shape:
    """Replace the -1 in a wanted shape. Raises ModelError when the elements do not fit."""
    shape, count = x.shape, x.size
    sizes = list(wanted)
    if sizes.count(-1) > 1 or any(size < -1 for size in sizes):
        raise ModelError(
            f"the shape asked for: found {sizes}; allowed: sizes of 0 or more, and -1 once"
        )
    if -1 in sizes:
        at = sizes.index(-1)
        others = [size for size in sizes if size != -1]
        # Zeros are left out of the division, as LiteRT does, unless they are the input's alone.
        rest = math.prod(size for size in others if size)
        full = math.prod(size for size in shape if size)
        sizes[at] = 0 if count == 0 and 0 not in others else full // rest
    if math.prod(sizes) != count:
        raise ModelError(
            f"operand input {x.name!r}: found {count} elements, shape {list(shape)}; allowed: as "
            f"many as in {list(wanted)}, the shape that is asked for"
        )
    return tuple(sizes)


@kernel("RESHAPE", *ALL, options=ReshapeOptions)
@dataclass(frozen=True, slots=True)
class Reshape(Kernel):
    """Copies the elements in order."""

    @staticmethod
    def output_shapes(operands: Reshaped[TensorSpec], options: ReshapeOptions) -> tuple[Shape, ...]:
        """Return the shape asked for; the shape tensor wins over the option."""
        x = operands.input
        shape = operands.shape
        if shape is not None and len(shape.shape) == 1 and shape.dtype == "int32":
            wanted = integers(shape, "RESHAPE")
        else:
            wanted = [int(size) for size in options.new_shape]
            if wanted == [0]:
                wanted = []  # how old files say "a scalar"
            if not wanted and shape is not None and x.size != 1:
                raise ModelError(
                    f"operand shape {shape.name!r}: found {shape.dtype} of rank "
                    f"{len(shape.shape)} and no new_shape in the options; allowed: int32 of rank 1"
                )
            if not wanted and shape is None and x.size != 1 and options.declared_shapes:
                wanted = list(options.declared_shapes[0])  # TFLM knows no other shape
        return (resolve(x, wanted),)

    @classmethod
    def prepare(
        cls,
        operands: Reshaped[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ReshapeOptions,
        rule: Rules,
    ) -> Reshape:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "RESHAPE")
        return cls()

    def eval(self, operands: Reshaped[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy."""
        x = operands.input
        copy(x, outputs[0])
