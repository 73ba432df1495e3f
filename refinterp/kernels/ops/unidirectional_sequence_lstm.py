"""UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM over a sequence, its state kept between invocations.

Real      see `lstm_real`; float32 weights, or int8 ones with float32 data (dynamic range)
Integer   see `lstm_integer`; LiteRT and TFLM differ in functions, roundings and scales
Shapes    x (batch, time, n), or (time, batch, n) if time_major; y the same with the outputs last
Units     codes, real = scale * (code - zero point); the cell state's scale is a power of two.
          Both states are variables: samples run in order
Raises    ModelError, from prepare only: operands that do not fit together, states that are no
          variables, integer weights that are no constants; under TFLM also variants it lacks
Source    LiteRT kernels/unidirectional_sequence_lstm.cc (f67457790); tflite-micro
          micro/kernels/unidirectional_sequence_lstm.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF for int8, TFLM for int8 and int16x8; reals within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import UnsupportedError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_parts as parts
from refinterp.kernels.flavours import Rules
from refinterp.kernels.legacy_weights import register_uint8_weights
from refinterp.kernels.lstm_integer import (
    IntegerCell,
    litert_cell,
    refuse_variants,
    tflm_cell,
)
from refinterp.kernels.lstm_real import RealCell
from refinterp.kernels.registry import Array, Inputs, kernel
from refinterp.kernels.weights import product_scale
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.recurrent import Activation, activation, tanh


@kernel("UNIDIRECTIONAL_SEQUENCE_LSTM", "int8", "int16x8", options=parts.LstmOptions, weights=2)
@dataclass(frozen=True, slots=True, eq=False)
class SequenceLstmInteger:
    """The integer kernel."""

    cell: IntegerCell
    time_major: bool

    output_shapes = staticmethod(parts.lstm_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: parts.LstmOptions,
        rule: Rules,
    ) -> SequenceLstmInteger:
        """Fold scales and biases."""
        if rule.path == "micro":
            return cls(tflm_cell(inputs, options), options.time_major)
        if parts.present(inputs, 0).dtype != "int8":
            raise UnsupportedError(
                "UNIDIRECTIONAL_SEQUENCE_LSTM on int16 data is TFLM's alone: run it with flavour "
                "tflm"
            )
        return cls(litert_cell(inputs, options, outputs[0]), options.time_major)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y and both states."""
        run_cell(self.cell, inputs, outputs[0], time_major=self.time_major)


@kernel(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "float32",
    "float32x8",
    options=parts.LstmOptions,
    weights=2,
)
@dataclass(frozen=True, slots=True, eq=False)
class SequenceLstmReal:
    """The float32 kernel. cell: None when weights are fed at run time."""

    specs: tuple[TensorSpec | None, ...]
    options: parts.LstmOptions
    candidate: Activation
    squash: Activation
    cell: RealCell | None

    output_shapes = staticmethod(parts.lstm_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: parts.LstmOptions,
        rule: Rules,
    ) -> SequenceLstmReal:
        """Check the operands and lay out what is constant."""
        parts.sizes(inputs, time_major=options.time_major)
        for index in (*range(1, 12), parts.PROJECTION):
            spec = parts.at(inputs, index)
            if spec is not None:
                product_scale(spec)
        candidate = squash = activation(options.fused_activation_function)
        if rule.path == "micro":
            refuse_variants(inputs)
            squash = tanh
        weights = [i for i in range(1, len(inputs)) if i not in (18, 19)]
        given = [inputs[i] for i in weights]
        cell = None
        if all(spec is None or spec.data is not None for spec in given):
            arrays = [None if spec is None else spec.data for spec in inputs]
            cell = RealCell.of(inputs, arrays, options, candidate, squash)
        return cls(tuple(inputs), options, candidate, squash, cell)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y and both states."""
        cell = self.cell
        if cell is None:
            arrays = [None if array is None else array[0] for array in inputs]
            cell = RealCell.of(self.specs, arrays, self.options, self.candidate, self.squash)
        run_cell(cell, inputs, outputs[0], time_major=self.options.time_major)


def run_cell(
    cell: RealCell | IntegerCell,
    inputs: Sequence[Array | None],
    y: Array,
    *,
    time_major: bool,
) -> None:
    """Run every sample's sequence, one after the other, on the states among the inputs."""
    x, h, c = inputs[0], inputs[parts.OUTPUT_STATE], inputs[parts.CELL_STATE]
    assert x is not None
    assert h is not None
    assert c is not None
    for own_x, own_y in parts.steps(parts.spread(x, len(y)), y, time_major=time_major):
        batch = own_x.shape[1]
        cell.run(own_x, own_y, h.reshape(batch, -1), c.reshape(batch, -1))


register_uint8_weights("UNIDIRECTIONAL_SEQUENCE_LSTM")
