"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN: a dense layer fed its own output, see `rnn_cell`.

Shapes    RNN: x (batch, n), y (batch, units). Sequences: x (batch, time, n), or (time, batch, n) if
          time_major; y the same with the units last
Units     states are variables (batch, units): samples run in order
Raises    ModelError, from prepare only: operands that do not fit together
Source    LiteRT kernels/basic_rnn.cc, unidirectional_sequence_rnn.cc, internal/kernel_utils.cc
          (f67457790)
Exact to  LiteRT BUILTIN_REF within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.graph.model import Shape
from refinterp.graph.operands import Recurrent
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.rnn_cell import (
    RnnCell,
    RnnOptions,
    batch_of,
    cell_of,
    check_state,
    checked_units,
)
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.recurrent import activation


def rnn_output_shapes(operands: Recurrent[TensorSpec], options: RnnOptions) -> tuple[Shape, ...]:
    """The data's shape, with the units for its last size."""
    x = operands.input
    batch_of(x, time_major=options.time_major)
    return ((*x.shape[:-1], checked_units(operands)),)


@kernel("RNN", "float32", "float32x8", options=RnnOptions)
@kernel("UNIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8", options=RnnOptions)
@dataclass(frozen=True, slots=True, eq=False)
class Rnn(Kernel):
    """One direction; RNN is a sequence of one step. cell: None when weights are fed."""

    specs: Recurrent[TensorSpec]
    options: RnnOptions
    cell: RnnCell | None

    output_shapes = staticmethod(rnn_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Recurrent[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: RnnOptions,
        rule: Rules,
    ) -> Rnn:
        """Check the operands and lay out what is constant."""
        units = checked_units(operands)
        batch = batch_of(operands.input, time_major=options.time_major)
        check_state(operands, batch, units)
        activation(options.fused_activation_function)
        values = lstm.values(operands, ("input", "hidden_state"))
        cell = None if values is None else cell_of(operands, values, options)
        return cls(operands, options, cell)

    def zero_points(self) -> bool | None:
        """As the options say, where the weights are codes."""
        return lstm.zero_points(self.specs.weights, self.options)

    def eval(self, operands: Recurrent[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the state."""
        x, h = operands.input, operands.hidden_state
        y = outputs[0]
        cell = self.cell
        if cell is None:
            cell = cell_of(self.specs, lstm.first_sample(operands), self.options)
        major = self.options.time_major
        for own_x, own_y in lstm.steps(lstm.spread(x, len(y)), y, time_major=major):
            cell.run(own_x, own_y, h[0])


register_uint8_weights("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN")
