"""STABLEHLO_ADD, _MULTIPLY, _MAXIMUM, _MINIMUM: two tensors of one shape, element by element.

Shapes    a, b, y: all the same
Units     codes are taken as plain integers, which wrap around: nothing is rescaled
Raises    ModelError, from prepare only: shapes or types that differ
Source    LiteRT kernels/stablehlo_elementwise.h, stablehlo_add.cc, stablehlo_multiply.cc,
          stablehlo_min_max.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operators
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.moves import expect_shapes, operand, same_type
from refinterp.kernels.registry import Array, Inputs, NoOptions, kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.flavours import Rules

NUMBERS = (
    "float32",
    "float16",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
)


def output_shapes(inputs: Inputs, options: NoOptions) -> tuple[Shape, ...]:
    """Return the common shape."""
    a, b = operand(inputs, 0, "STABLEHLO"), operand(inputs, 1, "STABLEHLO")
    if a.shape != b.shape:
        raise ModelError(f"operands have shapes {list(a.shape)} and {list(b.shape)}")
    return (a.shape,)


def check(inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions) -> None:
    """Validate all there is to validate."""
    expect_shapes(outputs, output_shapes(inputs, options), "STABLEHLO")
    for i in (0, 1):
        same_type(operand(inputs, i, "STABLEHLO"), outputs[0], "STABLEHLO")


@kernel("STABLEHLO_ADD", *NUMBERS)
@dataclass(frozen=True, slots=True)
class StablehloAdd:
    """No fields."""

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> StablehloAdd:
        """Check the operands."""
        check(inputs, outputs, options)
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Add."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.add(inputs[0], inputs[1], out=outputs[0])  # type: ignore[arg-type]


@kernel("STABLEHLO_MULTIPLY", *NUMBERS)
@dataclass(frozen=True, slots=True)
class StablehloMultiply:
    """No fields."""

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> StablehloMultiply:
        """Check the operands."""
        check(inputs, outputs, options)
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Multiply."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(inputs[0], inputs[1], out=outputs[0])  # type: ignore[arg-type]


@kernel("STABLEHLO_MAXIMUM", *NUMBERS)
@dataclass(frozen=True, slots=True)
class StablehloMaximum:
    """No fields."""

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> StablehloMaximum:
        """Check the operands."""
        check(inputs, outputs, options)
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Take the larger."""
        np.maximum(inputs[0], inputs[1], out=outputs[0])  # type: ignore[arg-type]


@kernel("STABLEHLO_MINIMUM", *NUMBERS)
@dataclass(frozen=True, slots=True)
class StablehloMinimum:
    """No fields."""

    output_shapes = staticmethod(output_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> StablehloMinimum:
        """Check the operands."""
        check(inputs, outputs, options)
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Take the smaller."""
        np.minimum(inputs[0], inputs[1], out=outputs[0])  # type: ignore[arg-type]
