"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN, BIDIRECTIONAL_SEQUENCE_RNN: a dense layer fed its own output.

Real      h = activation(W x + V a + R h + b), y = h; a: auxiliary data
Dynamic   int8 weights: rows of x, a and h are quantized by their ranges before each step
Shapes    RNN: x (batch, n), y (batch, units). Sequences: x (batch, time, n), or (time, batch, n) if
          time_major; y the same with the units last. Bidirectional: a second cell runs backwards
          and has an output of its own, or the second part of the first one (merge_outputs)
Units     states are variables (batch, units): samples run in order
Raises    ModelError, from prepare only: operands that do not fit together
Source    LiteRT kernels/basic_rnn.cc, unidirectional_sequence_rnn.cc,
          bidirectional_sequence_rnn.cc, internal/kernel_utils.cc (f67457790). Bidirectional with
          int8 weights and time_major runs the whole sequence once for every step of it; auxiliary
          data without weights are what the backward cell reads, but only if time_major
Exact to  LiteRT BUILTIN_REF within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import BidirectionalRecurrent, Operands, Recurrent
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Kernel, kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.weighted import product_scale
from refinterp.kernels.workspace import Workspace
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


def _units(x: TensorSpec, weights: TensorSpec, recurrent: TensorSpec, bias: TensorSpec) -> int:
    """Check one cell's weights, recurrent weights and bias; returns its units."""
    if len(weights.shape) != 2:
        raise ModelError(
            f"weights {weights.name!r} have shape {list(weights.shape)}; rank 2 needed"
        )
    units = weights.shape[0]
    if (
        weights.shape[1] != x.shape[-1]
        or recurrent.shape != (units, units)
        or bias.shape != (units,)
        or bias.dtype != "float32"
    ):
        raise ModelError(
            f"data {list(x.shape)}, weights {list(weights.shape)}, recurrent weights "
            f"{list(recurrent.shape)} and bias {list(bias.shape)} do not fit: [..., n], "
            "[units, n], [units, units], [units]"
        )
    if recurrent.dtype != weights.dtype:
        raise ModelError(f"weights are {weights.dtype} and {recurrent.dtype}; both must be alike")
    product_scale(weights)
    product_scale(recurrent)
    return units


def _check_state(state: TensorSpec, batch: int, units: int) -> None:
    if not state.is_variable or state.shape != (batch, units) or state.dtype != "float32":
        raise ModelError(
            f"state {state.name!r} must be a float32 variable of shape {[batch, units]}; it is "
            f"{state.dtype} of shape {list(state.shape)}"
        )


def _batch(x: TensorSpec, *, time_major: bool) -> int:
    if len(x.shape) not in (2, 3):
        raise ModelError(f"input {x.name!r} has shape {list(x.shape)}; rank 2 or 3 needed")
    return x.shape[1] if len(x.shape) == 3 and time_major else x.shape[0]


def _cell(
    specs: Operands[TensorSpec],
    arrays: Sequence[Array | None],
    first: int,
    auxiliary: int | None,
    options: RnnOptions,
) -> RnnCell:
    def product(index: int) -> WeightProduct:
        return WeightProduct.of(
            lstm.present(arrays, index), product_scale(lstm.present(specs, index))
        )

    bias = lstm.present(arrays, first + 2)
    return RnnCell(
        product(first),
        None if auxiliary is None else product(auxiliary),
        product(first + 1),
        bias,
        activation(options.fused_activation_function),
        options.asymmetric_quantize_inputs,
    )


def _constants(
    operands: Sequence[TensorSpec | None], indices: Sequence[int]
) -> list[Array | None] | None:
    """The operands' values by place, if all at these places are known."""
    if any(spec is not None and spec.data is None for spec in (operands[i] for i in indices)):
        return None
    return [None if spec is None else spec.data for spec in operands]


def rnn_output_shapes(operands: Recurrent[TensorSpec], options: RnnOptions) -> tuple[Shape, ...]:
    """The data's shape, with the units for its last size."""
    x = operands.input
    _batch(x, time_major=options.time_major)
    return ((*x.shape[:-1], _units_of(operands)),)


def _units_of(operands: Recurrent[TensorSpec]) -> int:
    return _units(operands.input, operands.weights, operands.recurrent_weights, operands.bias)


@kernel("RNN", "float32", "float32x8", options=RnnOptions, weights=1)
@kernel("UNIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8", options=RnnOptions, weights=1)
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
        units = _units_of(operands)
        batch = _batch(operands.input, time_major=options.time_major)
        _check_state(operands.hidden_state, batch, units)
        activation(options.fused_activation_function)
        values = _constants(operands, [1, 2, 3])
        cell = None if values is None else _cell(operands, values, 1, None, options)
        return cls(operands, options, cell)

    def eval(self, operands: Recurrent[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the state."""
        x, h = operands.input, operands.hidden_state
        y = outputs[0]
        cell = self.cell
        if cell is None:
            arrays = [None if array is None else array[0] for array in operands]
            cell = _cell(self.specs, arrays, 1, None, self.options)
        major = self.options.time_major
        for own_x, own_y in lstm.steps(lstm.spread(x, len(y)), y, time_major=major):
            cell.run(own_x, own_y, h[0])


def bidirectional_output_shapes(
    operands: BidirectionalRecurrent[TensorSpec], options: RnnOptions
) -> tuple[Shape, ...]:
    """One or two outputs."""
    x = operands.input
    if len(x.shape) != 3:
        raise ModelError(f"input {x.name!r} has shape {list(x.shape)}; rank 3 needed")
    forward, backward = _both_units(operands)
    lead = x.shape[:-1]
    if options.merge_outputs:
        return ((*lead, forward + backward),)
    return ((*lead, forward), (*lead, backward))


def _both_units(operands: BidirectionalRecurrent[TensorSpec]) -> tuple[int, int]:
    x, fw, bw = operands.input, operands.fw_weights, operands.bw_weights
    return (
        _units(x, fw, operands.fw_recurrent_weights, operands.fw_bias),
        _units(x, bw, operands.bw_recurrent_weights, operands.bw_bias),
    )


@kernel("BIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8", options=RnnOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class BidirectionalRnn(Kernel):
    """Both directions. cells: None when weights are fed. times: runs over the whole sequence."""

    specs: BidirectionalRecurrent[TensorSpec]
    options: RnnOptions
    cells: tuple[RnnCell, RnnCell] | None
    times: int

    output_shapes = staticmethod(bidirectional_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: BidirectionalRecurrent[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: RnnOptions,
        rule: Rules,
    ) -> BidirectionalRnn:
        """Check the operands and lay out what is constant."""
        shapes = bidirectional_output_shapes(operands, options)
        if len(outputs) != len(shapes):
            raise ModelError(f"{len(outputs)} outputs; there must be {len(shapes)}")
        x = operands.input
        batch = _batch(x, time_major=options.time_major)
        units = _both_units(operands)
        _check_state(operands.fw_hidden_state, batch, units[0])
        _check_state(operands.bw_hidden_state, batch, units[1])
        weights = [operands.fw_auxiliary_weights, operands.bw_auxiliary_weights]
        auxiliary = operands.auxiliary_input
        if (weights[0] is None) != (weights[1] is None) or (weights[0] and auxiliary is None):
            raise ModelError("auxiliary data need weights for both directions, or for none")
        if auxiliary is not None and auxiliary.shape != x.shape:
            raise ModelError(
                f"auxiliary data of shape {list(auxiliary.shape)}; LiteRT reads them as if they "
                f"had the data's, {list(x.shape)}"
            )
        for spec, own in zip(weights, units, strict=True):
            if spec is not None and spec.shape != (own, x.shape[-1]):
                raise ModelError(
                    f"auxiliary weights {spec.name!r} have shape {list(spec.shape)}; "
                    f"{[own, x.shape[-1]]} is needed"
                )
        activation(options.fused_activation_function)
        values = _constants(operands, [1, 2, 3, 5, 6, 7, 10, 11])
        cells = None if values is None else _both(operands, values, options)
        dynamic = operands.fw_weights.dtype == "int8"
        times = x.shape[0] if dynamic and options.time_major else 1
        return cls(operands, options, cells, times)

    def eval(
        self, operands: BidirectionalRecurrent[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write the outputs and both states."""
        x, aux = operands.input, operands.auxiliary_input
        forward, backward = operands.fw_hidden_state, operands.bw_hidden_state
        cells = self.cells
        if cells is None:
            arrays = [None if array is None else array[0] for array in operands]
            cells = _both(self.specs, arrays, self.options)
        major = self.options.time_major
        y = outputs[0]
        units = forward.shape[-1]
        ys = (y[..., :units], y[..., units:]) if self.options.merge_outputs else outputs
        x = lstm.spread(x, len(y))
        one = list(lstm.steps(x, ys[0], time_major=major))
        two = list(lstm.steps(x, ys[1], time_major=major))
        more: list[F32 | None] = [None] * len(one)
        if aux is not None:
            spread = lstm.spread(aux, len(y))
            more = [own for own, _ in lstm.steps(spread, ys[0], time_major=major)]
        apart = cells[0].auxiliary is None and aux is not None and major
        for (own, first), (_, second), a in zip(one, two, more, strict=True):
            for _ in range(self.times):
                cells[0].run(own, first, forward[0], a)
                source = a if apart and a is not None else own
                cells[1].run(source, second, backward[0], a, backwards=True)


def _both(
    specs: BidirectionalRecurrent[TensorSpec], arrays: Sequence[Array | None], options: RnnOptions
) -> tuple[RnnCell, RnnCell]:
    places = (10, 11) if specs.fw_auxiliary_weights is not None else (None, None)
    return (
        _cell(specs, arrays, 1, places[0], options),
        _cell(specs, arrays, 5, places[1], options),
    )


register_uint8_weights("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN")
