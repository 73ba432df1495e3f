"""STABLEHLO_ADD, _MULTIPLY, _MAXIMUM, _MINIMUM, _AND, _SHIFT_LEFT: tensors of one shape.

Shapes    a, b, y: all the same
Units     codes are taken as plain integers, which wrap around: nothing is rescaled. _SHIFT_LEFT:
          the counts are taken modulo 32, as on x86 (C leaves others undefined)
Raises    ModelError, from prepare only: a result of another shape
Source    LiteRT kernels/stablehlo_elementwise.h, stablehlo_add.cc, stablehlo_multiply.cc,
          stablehlo_min_max.cc, stablehlo_and.cc, stablehlo_shift_left.cc (f67457790)
Exact to  LiteRT BUILTIN_REF, for _AND and _SHIFT_LEFT, which it lacks, LiteRT's optimised
          kernels; TFLM has no such operators
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_FLOATS = ("float32", "float16")
_WHOLE = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")


@dataclass(frozen=True, slots=True)
class PreparedElementwise(Kernel):
    """function: (a, b) → y, in the elements' own type."""

    function: Callable[[Array, Array], Array]

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        a, b = operands.left, operands.right
        with np.errstate(over="ignore", invalid="ignore"):
            outputs[0][...] = self.function(a, b)


def output_shapes(operands: Binary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
    """Return the common shape."""
    return (operands.left.shape,)


def check(operands: Binary[TensorSpec], outputs: Sequence[TensorSpec], options: NoOptions) -> None:
    """Validate all there is to validate."""
    expect_shapes(outputs, output_shapes(operands, options), "STABLEHLO")


def _register(operator: str, function: Callable[[Array, Array], Array], *dtypes: str) -> None:
    """Register an operator that is one function of two elements."""

    class Elementwise(Kernel):
        """Prepares the function."""

        @staticmethod
        def output_shapes(operands: Binary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
            """The common shape."""
            return output_shapes(operands, options)

        @classmethod
        def prepare(
            cls,
            operands: Binary[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: NoOptions,
            rule: Rules,
        ) -> PreparedElementwise:
            """Check the shapes."""
            check(operands, outputs, options)
            return PreparedElementwise(function)

    kernel(operator, *dtypes)(Elementwise)


def _shift_left(a: Array, b: Array) -> Array:
    return np.asarray(np.left_shift(a, b & 31))


_register("STABLEHLO_ADD", np.add, *_FLOATS, *_WHOLE)
_register("STABLEHLO_MULTIPLY", np.multiply, *_FLOATS, *_WHOLE)
_register("STABLEHLO_MAXIMUM", np.maximum, *_FLOATS, *_WHOLE)
_register("STABLEHLO_MINIMUM", np.minimum, *_FLOATS, *_WHOLE)
_register("STABLEHLO_AND", np.bitwise_and, *_WHOLE)
_register("STABLEHLO_SHIFT_LEFT", _shift_left, "int8", "int16", "int32")
