"""The integer LSTM cells of LiteRT and TFLM from their operands: scales, multipliers, functions.

Sources: see `lstm_integer`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import LSTM_GATES, FullLstm, GateOperands
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array
from refinterp.kernels.lstm_integer import I64, Function, Gate, IntegerCell, Linear, Norm, clip16
from refinterp.kernels.weighted import constant
from refinterp.numerics import q15, sigmoid16
from refinterp.numerics.fixedpoint import Multiplier, log2_if_power, rescale, rounding_divide_by_pot


def _matrix(spec: TensorSpec) -> I64:
    """The constant codes of weights of two axes."""
    weights = constant(spec, "weights")
    if weights.ndim != 2:
        raise ModelError(
            f"weights {spec.name!r} have shape {list(spec.shape)}; integer LSTMs need rank 2"
        )
    return weights.astype(np.int64)


def litert_cell(
    operands: FullLstm[TensorSpec], options: lstm.LstmOptions, y: TensorSpec
) -> IntegerCell:
    """Fold scales as LiteRT does: in float32, gates in Q3 unless they are normalized."""
    size = lstm.sizes(operands, time_major=options.time_major)
    operands = lstm.addressed(operands)
    x, state = operands.input, operands.cell_state
    h = operands.output_state
    together = options.time_major or len(x.shape) == 2
    log = log2_if_power(state.step) if state.step > 0 else None
    if log is None or not -15 <= log <= -9:
        raise ModelError(
            f"cell state {state.name!r} has scale {state.step}; a power of two from 2**-15 to "
            "2**-9 is needed"
        )
    if len(options.intermediates) != 5 or options.intermediates[4].scale.size != 1:
        raise ModelError(
            f"an int8 LSTM needs five intermediate tensors, the last with a scale; it has "
            f"{len(options.intermediates)}"
        )
    hidden = options.intermediates[4]
    normal = operands.forget_layer_norm is not None
    scales = dict.fromkeys(LSTM_GATES, np.float32(2.0**-12))
    if normal:
        if any(spec.scale.size != 1 for spec in options.intermediates[:4]):
            raise ModelError("a normalized int8 LSTM needs a scale of each intermediate tensor")
        own = [np.float32(spec.scale[0]) for spec in options.intermediates[:4]]
        scales = dict(zip(LSTM_GATES, own, strict=True))

    def linear(
        spec: TensorSpec, source: TensorSpec, scale: np.float32, bias: TensorSpec | None
    ) -> Linear:
        weights = _matrix(spec)
        factor = np.float32(spec.scale[0]) * np.float32(source.scale[0]) / scale
        offset = np.zeros(len(weights), np.int64)
        if bias is not None:
            offset += constant(bias, "bias").astype(np.int64)
        offset -= int(source.zero_point[0]) * weights.sum(axis=1, dtype=np.int64)
        return Linear(weights.T.astype(np.float64), offset, Multiplier.of(float(factor)), False)

    def gate(name: str) -> Gate:
        own, scale = operands.gate(name), scales[name]
        spec, holes = own.peephole_weights, None
        if spec is not None:
            factor = np.float32(2.0**log * float(spec.scale[0]) / float(scale))
            holes = (
                _peepholes(constant(spec, "weights"), size, together),
                Multiplier.of(float(factor)),
            )
        return Gate(
            linear(own.weights, x, scale, None if normal else own.bias),
            linear(own.recurrent_weights, h, scale, None),
            holes,
            _norm(own, name) if normal else None,
            False,
        )

    projection = None
    spec, bias = operands.projection_weights, operands.projection_bias
    if spec is not None:
        weights = constant(spec, "weights").astype(np.int64)
        factor = np.float32(spec.scale[0]) * np.float32(hidden.scale[0]) / np.float32(h.scale[0])
        offset = np.zeros(size.outputs, np.int64)
        if bias is not None:
            offset += constant(bias, "bias").astype(np.int64)
        offset += hidden.zero * weights.sum(axis=1, dtype=np.int64)
        projection = Linear(
            weights.T.astype(np.float64), offset, Multiplier.of(float(factor)), False
        )
    own_tanh = q15.tanh_table(15 + log)
    return IntegerCell(
        None if operands.input_to_input_weights is None else gate("input"),
        gate("forget"),
        gate("cell"),
        gate("output"),
        _lookup(q15.logistic_table(3)),
        _lookup(q15.tanh_table(3)),
        _lookup(own_tanh),
        lambda product: _wrap16(rounding_divide_by_pot(product, 15)),
        lambda product: _wrap16(rounding_divide_by_pot(product, 30 + log)),
        _clip_code(options.cell_clip, state, 32767.0),
        Multiplier.of(float(np.float32(2.0**-15 / float(hidden.scale[0]) * 2.0**-15))),
        hidden.zero if projection is None else -hidden.zero,
        -128,
        127,
        projection,
        h.zero,
        _clip_code(options.proj_clip, y, 127.0),
    )


def tflm_cell(operands: FullLstm[TensorSpec], options: lstm.LstmOptions) -> IntegerCell:
    """Fold scales as TFLM does: in float64."""
    lstm.sizes(operands, time_major=options.time_major)
    x, state = operands.input, operands.cell_state
    h = operands.output_state
    wide = x.dtype == "int16"
    refuse_variants(operands)
    log = log2_if_power(state.step) if state.step > 0 else None
    if log is None:
        raise ModelError(
            f"cell state {state.name!r} has scale {state.step}; a power of two is needed"
        )

    def linear(spec: TensorSpec, source: TensorSpec, bias: TensorSpec | None) -> Linear:
        weights = _matrix(spec) - spec.zero
        factor = float(source.scale[0]) * float(spec.scale[0]) / 2.0**-12
        offset = np.zeros(len(weights), np.int64)
        if bias is not None:
            offset += constant(bias, "bias").astype(np.int64)
        if not wide:
            offset -= source.zero * weights.sum(axis=1, dtype=np.int64)
        return Linear(weights.T.astype(np.float64), offset, Multiplier.of(factor), wide)

    def gate(name: str) -> Gate:
        own = operands.gate(name)
        return Gate(
            linear(own.weights, x, own.bias),
            linear(own.recurrent_weights, h, None),
            None,
            None,
            True,
        )

    def product(real: float) -> Function:
        factor = Multiplier.of(real)
        return lambda value: clip16(rescale(value, factor))

    shift = log + 12
    limit = 32767 if wide else 127
    return IntegerCell(
        gate("input"),
        gate("forget"),
        gate("cell"),
        gate("output"),
        lambda value: sigmoid16.logistic(value, 3, 0),
        lambda value: sigmoid16.tanh(value, 3, 0),
        lambda value: sigmoid16.tanh(value, 3 << max(shift, 0), max(-shift, 0)),
        product(2.0**-15 * state.step / state.step),
        product(2.0**-30 / state.step),
        0
        if options.cell_clip <= 0
        else int(min(max(options.cell_clip / state.step, -32768.0), 32767.0)),
        Multiplier.of(2.0**-30 / h.step),
        h.zero,
        -limit - 1,
        limit,
        None,
        0,
        0,
    )


def refuse_variants(operands: FullLstm[TensorSpec]) -> None:
    """TFLM runs plain LSTMs only."""
    gates = [operands.gate(name) for name in LSTM_GATES]
    extra = {
        "peephole weights": [gate.peephole_weights for gate in gates],
        "projection": [operands.projection_weights, operands.projection_bias],
        "layer normalization": [gate.layer_norm for gate in gates],
    }
    found = [what for what, specs in extra.items() if any(spec is not None for spec in specs)]
    if found or operands.input_to_input_weights is None:
        raise ModelError(
            f"TFLM runs LSTMs with all four gates and without {', '.join(extra)}; this one has "
            f"{', '.join(found) or 'no input gate'}"
        )


def _norm(gate: GateOperands[TensorSpec], name: str) -> Norm:
    spec = lstm.present(gate.layer_norm, f"{name}_layer_norm")
    bias = constant(gate.bias, "bias")
    scale = np.float32(spec.scale[0])
    guard = max(1, int(np.float32(10000) * scale))
    weights = constant(spec, "weights").astype(np.int64)
    return Norm(weights, bias.astype(np.int64), guard, Multiplier.of(float(scale)))


def _peepholes(weights: Array, size: lstm.Sizes, together: bool) -> I64:
    """Peephole weights as LiteRT applies them, (batch, cells).

    It counts outputs where it means cells: of fewer outputs than cells only so many elements get a
    weight, counted from the start of what it runs at once: one row, or the batch `together`.
    """
    placed = np.zeros(size.batch * size.cells, np.int64)
    if not together:
        row = np.zeros(size.cells, np.int64)
        row[: size.outputs] = weights[: size.outputs]
        return np.tile(row, (size.batch, 1))
    placed[: size.batch * size.outputs] = np.tile(weights[: size.outputs], size.batch)
    return placed.reshape(size.batch, size.cells)


def _clip_code(clip: float, spec: TensorSpec, most: float) -> int:
    """A clip in codes: none (0), or the quotient in float32, cut off and truncated."""
    if clip <= 0 or not spec.quantized:
        return 0
    quotient = float(np.float32(clip) / np.float32(spec.scale[0]))
    return int(min(max(quotient, -most - 1), most))


def _lookup(table: NDArray[np.int16]) -> Function:
    return lambda value: table[value + 32768].astype(np.int64)


def _wrap16(value: I64) -> I64:
    return ((value + 32768) & 0xFFFF) - 32768
