"""Kernels that run an LSTM over a sequence, its state kept between invocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import UnsupportedError
from refinterp.graph.operands import FullLstm
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.lstm_integer import IntegerCell
from refinterp.kernels.lstm_integer_cells import litert_cell, refuse_variants, tflm_cell
from refinterp.kernels.lstm_real import RealCell
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.recurrent import Activation, activation, tanh


@dataclass(frozen=True, slots=True, eq=False)
class SequenceLstmInteger(Kernel):
    """The integer kernel."""

    cell: IntegerCell
    time_major: bool

    output_shapes = staticmethod(lstm.lstm_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: FullLstm[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: lstm.LstmOptions,
        rule: Rules,
    ) -> SequenceLstmInteger:
        """Fold scales and biases."""
        if rule.path == "micro":
            return cls(tflm_cell(operands, options), options.time_major)
        if operands.input.dtype != "int8":
            raise UnsupportedError(
                "UNIDIRECTIONAL_SEQUENCE_LSTM on int16 data is TFLM's alone: run it with flavour "
                "tflm"
            )
        return cls(litert_cell(operands, options, outputs[0]), options.time_major)

    def eval(self, operands: FullLstm[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and both states."""
        run_cell(self.cell, operands, outputs[0], time_major=self.time_major)


@dataclass(frozen=True, slots=True, eq=False)
class SequenceLstmReal(Kernel):
    """The float32 kernel. cell: None when weights are fed at run time."""

    specs: FullLstm[TensorSpec]
    options: lstm.LstmOptions
    candidate: Activation
    squash: Activation
    cell: RealCell | None

    output_shapes = staticmethod(lstm.lstm_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: FullLstm[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: lstm.LstmOptions,
        rule: Rules,
    ) -> SequenceLstmReal:
        """Check the operands and lay out what is constant."""
        lstm.sizes(operands, time_major=options.time_major)
        lstm.check_scales(operands)
        candidate = squash = activation(options.fused_activation_function)
        if rule.path == "micro":
            refuse_variants(operands)
            squash = tanh
        else:
            operands = lstm.addressed(operands)
        arrays = lstm.values(operands, lstm.FED)
        cell = None
        if arrays is not None:
            cell = RealCell.of(operands, arrays, options, candidate, squash)
        return cls(operands, options, candidate, squash, cell)

    def zero_points(self) -> bool | None:
        """As the options say, where the weights are codes."""
        return lstm.zero_points(self.specs.input_to_output_weights, self.options)

    def eval(self, operands: FullLstm[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and both states."""
        cell = self.cell
        if cell is None:
            arrays = lstm.first_sample(operands)
            cell = RealCell.of(self.specs, arrays, self.options, self.candidate, self.squash)
        run_cell(cell, operands, outputs[0], time_major=self.options.time_major)


def run_cell(
    cell: RealCell | IntegerCell,
    operands: FullLstm[Array],
    y: Array,
    *,
    time_major: bool,
) -> None:
    """Run every sample's sequence, one after the other, on the states among the inputs."""
    x, h, c = operands.input, operands.output_state, operands.cell_state
    for own_x, own_y in lstm.steps(lstm.spread(x, len(y)), y, time_major=time_major):
        batch = own_x.shape[1]
        cell.run(own_x, own_y, h.reshape(batch, -1), c.reshape(batch, -1))
