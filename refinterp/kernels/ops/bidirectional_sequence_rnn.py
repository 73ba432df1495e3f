"""BIDIRECTIONAL_SEQUENCE_RNN: two dense layers fed their own outputs, see `rnn_cell`.

Shapes    x (batch, time, n), or (time, batch, n) if time_major. The second cell runs backwards and
          has an output of its own, or the second part of the first one (merge_outputs)
Units     states are variables (batch, units): samples run in order
Raises    ModelError, from prepare only: operands that do not fit together
Source    LiteRT kernels/bidirectional_sequence_rnn.cc, internal/kernel_utils.cc (f67457790). With
          int8 weights and time_major it runs the whole sequence once for every step of it;
          auxiliary data without weights are what the backward cell reads, but only if time_major
Exact to  LiteRT BUILTIN_REF within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import DIRECTIONS, BidirectionalRecurrent
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.rnn_cell import (
    F32,
    RnnCell,
    RnnOptions,
    batch_of,
    cell_of,
    check_state,
    checked_units,
)
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.weighted import product_scale
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.recurrent import WeightProduct, activation

_FED = ("input", "fw_hidden_state", "bw_hidden_state", "auxiliary_input")


def bidirectional_output_shapes(
    operands: BidirectionalRecurrent[TensorSpec], options: RnnOptions
) -> tuple[Shape, ...]:
    """One or two outputs."""
    x = operands.input
    forward, backward = _both_units(operands)
    lead = x.shape[:-1]
    if options.merge_outputs:
        return ((*lead, forward + backward),)
    return ((*lead, forward), (*lead, backward))


def _both_units(operands: BidirectionalRecurrent[TensorSpec]) -> tuple[int, int]:
    fw, bw = (checked_units(operands.direction(way), f"{way}_") for way in DIRECTIONS)
    return fw, bw


@kernel("BIDIRECTIONAL_SEQUENCE_RNN", "float32", "float32x8", options=RnnOptions)
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
        batch = batch_of(x, time_major=options.time_major)
        units = _both_units(operands)
        for way, own in zip(DIRECTIONS, units, strict=True):
            check_state(operands.direction(way), batch, own, f"{way}_")
        if units[0] == 0 and units[1]:  # LiteRT then gives other numbers at every run
            raise ModelError(
                f"operand fw_weights {operands.fw_weights.name!r}: found no rows; allowed: a row "
                "for each unit, 1 or more where the way back has some"
            )
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
        values = lstm.values(operands, _FED)
        cells = None if values is None else _both(operands, values, options)
        dynamic = operands.fw_weights.dtype == "int8"
        times = x.shape[0] if dynamic and options.time_major else 1
        return cls(operands, options, cells, times)

    def zero_points(self) -> bool | None:
        """As the options say, where the weights are codes."""
        return lstm.zero_points(self.specs.fw_weights, self.options)

    def eval(
        self, operands: BidirectionalRecurrent[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write the outputs and both states."""
        x, aux = operands.input, operands.auxiliary_input
        forward, backward = operands.fw_hidden_state, operands.bw_hidden_state
        cells = self.cells
        if cells is None:
            cells = _both(self.specs, lstm.first_sample(operands), self.options)
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
    specs: BidirectionalRecurrent[TensorSpec],
    arrays: BidirectionalRecurrent[Array],
    options: RnnOptions,
) -> tuple[RnnCell, RnnCell]:
    def one(way: str, spec: TensorSpec | None, extra: Array | None) -> RnnCell:
        return cell_of(
            specs.direction(way),
            arrays.direction(way),
            options,
            None if spec is None or extra is None else WeightProduct.of(extra, product_scale(spec)),
        )

    return (
        one("fw", specs.fw_auxiliary_weights, arrays.fw_auxiliary_weights),
        one("bw", specs.bw_auxiliary_weights, arrays.bw_auxiliary_weights),
    )


register_uint8_weights("BIDIRECTIONAL_SEQUENCE_RNN")
