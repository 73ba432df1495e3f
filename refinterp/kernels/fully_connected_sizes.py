"""FULLY_CONNECTED's options and sizes, and what it is where the weights have no columns.

No depth  LiteRT writes bytes of 0, whatever the bias, the zero point and the activation say, for as
          many rows as the data have without their last size; TFLM adds nothing to the bias
Source    LiteRT kernels/fully_connected.cc (Prepare, Eval; f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Steady
from refinterp.kernels.flavours import Rules
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.tape import Do, fill


@dataclass(frozen=True, slots=True)
class FullyConnectedOptions:
    """Schema table FullyConnectedOptions."""

    fused_activation_function: str | int = "NONE"
    weights_format: str | int = "DEFAULT"
    keep_num_dims: bool = False
    asymmetric_quantize_inputs: bool = False
    quantized_bias_type: str | int = "float32"


def fully_connected_output_shapes(
    operands: Weighted[TensorSpec], options: FullyConnectedOptions
) -> tuple[Shape, ...]:
    """The output's shape, and that of the shuffled data some weights have as a second output."""
    x, w = operands.input, operands.filter
    units, depth = w.shape
    if options.keep_num_dims:
        if not x.shape or (depth and x.shape[-1] != depth):
            raise ModelError(
                f"operand input {x.name!r}: found shape {list(x.shape)}; allowed: a last size of "
                f"{depth}, the depth of the filter {w.name!r}, to keep its dimensions"
            )
        return ((*x.shape[:-1], units), x.shape)
    if depth == 0:
        return ((math.prod(x.shape[:-1]), units), x.shape)
    if x.size % depth:
        raise ModelError(
            f"operand input {x.name!r}: found {x.size} elements; allowed: rows of {depth}, the "
            f"depth of the filter {w.name!r}"
        )
    return ((x.size // depth, units), x.shape)


def writes_zeros(w: TensorSpec, rule: Rules) -> bool:
    """Whether there is nothing to multiply, and the bias is not added; TFLM's path adds it."""
    return w.shape[1] == 0 and rule.path != "bias-tensor"


def rows_of(x: Array, count: int, depth: int) -> Array:
    """See data as rows; where there is no depth nothing of them is read."""
    return x.reshape(count, depth) if depth else x.reshape(-1)[:0].reshape(count, 0)


@dataclass(frozen=True, slots=True)
class NoDepth(Steady):
    """Writes bytes of 0."""

    def record(
        self, operands: Weighted[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the one call."""
        do(fill, outputs[0], 0)
        return True
