"""BIDIRECTIONAL_SEQUENCE_LSTM: two LSTMs over a sequence, one from its end.

Real      see `lstm_real`; float32 weights, or int8 ones (dynamic range). Auxiliary data a add V a
          to every gate of both cells; without weights for them the backward cell reads them
Shapes    x (batch, time, n), or (time, batch, n) if time_major; the outputs the same with each
          cell's outputs last, or both in one (merge_outputs)
Units     four states, all variables: samples run in order
Raises    ModelError, from prepare only: operands that do not fit together
Source    LiteRT kernels/bidirectional_sequence_lstm.cc (f67457790). Where outputs are merged and
          the batch comes first, LiteRT reads and writes the states of all rows but the first
          beyond their end
Exact to  LiteRT BUILTIN_REF within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import DIRECTIONS, BidirectionalLstm
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.lstm_real import RealCell
from refinterp.kernels.registry import kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.weighted import product_scale
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.recurrent import WeightProduct, activation

_FED = (
    "input",
    "auxiliary_input",
    *(f"{w}_{s}_state" for w in DIRECTIONS for s in ("output", "cell")),
)


@dataclass(frozen=True, slots=True)
class BidirectionalOptions:
    """Schema table BidirectionalSequenceLSTMOptions."""

    fused_activation_function: str | int = "NONE"
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    merge_outputs: bool = False
    time_major: bool = True
    asymmetric_quantize_inputs: bool = False

    @property
    def one(self) -> lstm.LstmOptions:
        """The options of either direction."""
        return lstm.LstmOptions(
            fused_activation_function=self.fused_activation_function,
            cell_clip=self.cell_clip,
            proj_clip=self.proj_clip,
            time_major=self.time_major,
            asymmetric_quantize_inputs=self.asymmetric_quantize_inputs,
        )


def bidirectional_output_shapes(
    operands: BidirectionalLstm[TensorSpec], options: BidirectionalOptions
) -> tuple[Shape, ...]:
    """One or two outputs."""
    x = operands.input
    counts = [
        lstm.sizes(operands.direction(way), time_major=options.time_major).outputs
        for way in DIRECTIONS
    ]
    lead = x.shape[:-1]
    if options.merge_outputs:
        return ((*lead, sum(counts)),)
    return ((*lead, counts[0]), (*lead, counts[1]))


@kernel("BIDIRECTIONAL_SEQUENCE_LSTM", "float32", "float32x8", options=BidirectionalOptions)
@dataclass(frozen=True, slots=True, eq=False)
class BidirectionalSequenceLstm(Kernel):
    """cells: None when weights are fed at run time."""

    specs: BidirectionalLstm[TensorSpec]
    options: BidirectionalOptions
    outputs: int
    cells: tuple[RealCell, RealCell] | None

    output_shapes = staticmethod(bidirectional_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: BidirectionalLstm[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BidirectionalOptions,
        rule: Rules,
    ) -> BidirectionalSequenceLstm:
        """Check the operands and lay out what is constant."""
        shapes = bidirectional_output_shapes(operands, options)
        if len(outputs) != len(shapes):
            raise ModelError(f"{len(outputs)} outputs; there must be {len(shapes)}")
        x, aux = operands.input, operands.auxiliary_input
        weights = []
        for way in DIRECTIONS:
            lstm.check_scales(operands.direction(way))
            own = operands.auxiliary_weights(way)
            weights += [own[gate] for gate in ("forget", "cell", "output")]
        given = [spec is not None for spec in weights]
        if any(given) != all(given) or (any(given) and aux is None):
            raise ModelError("auxiliary data need weights for all gates of both cells, or for none")
        if aux is not None:
            width = weights[0].shape[-1] if weights[0] is not None else x.shape[-1]
            for way in DIRECTIONS:
                _check_auxiliary(operands, way, width)
            if aux.shape != (*x.shape[:-1], width):
                raise ModelError(
                    f"auxiliary data of shape {list(aux.shape)}; {[*x.shape[:-1], width]} is needed"
                )
        activation(options.fused_activation_function)
        values = lstm.values(operands, _FED)
        cells = None if values is None else _cells(operands, values, options)
        one = lstm.sizes(operands.direction("fw"), time_major=options.time_major)
        return cls(operands, options, one.outputs, cells)

    def zero_points(self) -> bool | None:
        """As the options say, where the weights are codes."""
        return lstm.zero_points(self.specs.fw_input_to_output_weights, self.options)

    def eval(
        self, operands: BidirectionalLstm[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write the outputs and the states."""
        x, aux = operands.input, operands.auxiliary_input
        cells = self.cells
        if cells is None:
            cells = _cells(self.specs, lstm.first_sample(operands), self.options)
        major = self.options.time_major
        y = outputs[0]
        ys = (y[..., : self.outputs], y[..., self.outputs :])
        if not self.options.merge_outputs:
            ys = (outputs[0], outputs[1])
        weighed = cells[0].forget.auxiliary is not None
        for number, own_y in enumerate(ys):
            source = aux if number and aux is not None and not weighed else x
            more = aux if aux is not None and weighed else source
            own = operands.direction(DIRECTIONS[number])
            h, c = own.output_state, own.cell_state
            pairs = lstm.steps(lstm.spread(source, len(y)), own_y, time_major=major)
            auxiliary = lstm.steps(lstm.spread(more, len(y)), own_y, time_major=major)
            for (data, result), (extra, _) in zip(pairs, auxiliary, strict=True):
                way = slice(None, None, -1 if number else 1)
                batch = data.shape[1]
                cells[number].run(
                    data[way],
                    result[way],
                    h.reshape(batch, -1),
                    c.reshape(batch, -1),
                    extra[way] if weighed else None,
                )


def _check_auxiliary(operands: BidirectionalLstm[TensorSpec], way: str, width: int) -> None:
    """The weights of the auxiliary data: a row for each cell; raises ModelError."""
    cells = operands.direction(way).input_to_output_weights.shape[0]
    for gate, spec in operands.auxiliary_weights(way).items():
        if spec is not None and spec.shape != (cells, width):
            raise ModelError(
                f"operand {way}_auxiliary_to_{gate}_weights {spec.name!r}: found shape "
                f"{list(spec.shape)}; allowed: {[cells, width]}"
            )


def _cells(
    specs: BidirectionalLstm[TensorSpec],
    arrays: BidirectionalLstm[Array],
    options: BidirectionalOptions,
) -> tuple[RealCell, RealCell]:
    function = activation(options.fused_activation_function)
    cells = []
    for way in DIRECTIONS:
        extra = arrays.auxiliary_weights(way)
        auxiliary = {
            gate: WeightProduct.of(array, product_scale(spec))
            for gate, spec in specs.auxiliary_weights(way).items()
            if spec is not None and (array := extra[gate]) is not None
        }
        own, values = lstm.addressed(specs.direction(way)), arrays.direction(way)
        cells.append(RealCell.of(own, values, options.one, function, function, auxiliary))
    return cells[0], cells[1]


register_uint8_weights("BIDIRECTIONAL_SEQUENCE_LSTM")
