"""The cell of RNN and its sequences: a dense layer fed its own output.

Real      h = activation(W x + V a + R h + b), y = h; a: auxiliary data
Dynamic   int8 weights: rows of x, a and h are quantized by their ranges before each step
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Recurrent
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.kernels.weighted import product_scale
from refinterp.numerics.recurrent import Activation, Rows, WeightProduct, activation

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RnnOptions:
    """Schema tables RNNOptions, SequenceRNNOptions and BidirectionalSequenceRNNOptions."""

    fused_activation_function: str | int = "NONE"
    time_major: bool = False
    merge_outputs: bool = False
    asymmetric_quantize_inputs: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RnnCell:
    """The products and the bias (units,)."""

    data: WeightProduct
    auxiliary: WeightProduct | None
    recurrent: WeightProduct
    bias: F32
    activation: Activation
    asymmetric: bool

    def run(self, x: F32, y: F32, h: F32, a: F32 | None = None, *, backwards: bool = False) -> None:
        """Run a sequence: x, a (time, batch, n), y (time, batch, units); h (batch, units)."""
        for time in reversed(range(len(x))) if backwards else range(len(x)):
            total = self.bias + self.data(Rows(x[time], self.asymmetric))
            if self.auxiliary is not None and a is not None:
                total += self.auxiliary(Rows(a[time], self.asymmetric))
            total += self.recurrent(Rows(h, self.asymmetric))
            y[time] = h[...] = self.activation(total)


def checked_units(operands: Recurrent[TensorSpec], way: str = "") -> int:
    """Check one cell's weights, recurrent weights and bias; returns its units.

    way: what the operands' names begin with.
    """
    weights, recurrent = operands.weights, operands.recurrent_weights
    units = weights.shape[0]
    allowed = (
        ("weights", weights, (units, operands.input.shape[-1])),
        ("recurrent_weights", recurrent, (units, units)),
        ("bias", operands.bias, (units,)),
    )
    for name, spec, wanted in allowed:
        if spec.shape != wanted:
            raise ModelError(
                f"operand {way}{name} {spec.name!r}: found shape {list(spec.shape)}; allowed: "
                f"{list(wanted)}"
            )
    product_scale(weights)
    product_scale(recurrent)
    return units


def check_state(operands: Recurrent[TensorSpec], batch: int, units: int, way: str = "") -> None:
    """Check a state: a variable (batch, units); raises ModelError."""
    state = operands.hidden_state
    if not state.is_variable or state.shape != (batch, units):
        raise ModelError(
            f"operand {way}hidden_state {state.name!r}: found "
            f"{'a variable' if state.is_variable else 'no variable'} of shape {list(state.shape)}; "
            f"allowed: a variable of shape {[batch, units]}"
        )


def batch_of(x: TensorSpec, *, time_major: bool) -> int:
    """The number of sequences."""
    return x.shape[1] if len(x.shape) == 3 and time_major else x.shape[0]


def cell_of(
    specs: Recurrent[TensorSpec],
    arrays: Recurrent[Array],
    options: RnnOptions,
    auxiliary: WeightProduct | None = None,
) -> RnnCell:
    """The cell of one layer's specs and values (*shape)."""
    return RnnCell(
        WeightProduct.of(arrays.weights, product_scale(specs.weights)),
        auxiliary,
        WeightProduct.of(arrays.recurrent_weights, product_scale(specs.recurrent_weights)),
        arrays.bias,
        activation(options.fused_activation_function),
        options.asymmetric_quantize_inputs,
    )
