"""LSTM: one step of an LSTM, full or basic.

Full      as UNIDIRECTIONAL_SEQUENCE_LSTM, for one step or a sequence
Basic     gates = weights @ (x, h) + bias, in the order input, candidate, forget, output; outputs
          are h, c, the joined data and the gates
Integer   full: int8, see `lstm_integer`; basic: uint8 data on [-1, 127/128], int16 gates in Q3,
          cell state in Q4, gemmlowp's functions (`q15`), roundings in 16 bits
Shapes    full: x (batch, n) or a sequence. Basic: x (batch, n), h, c (batch, cells), weights
          (4 * cells, n + cells), bias (4 * cells,)
Units     the states are variables, or fed: variables get the new values. Samples run in order
Raises    ModelError, from prepare only: operands that do not fit together. UnsupportedError: the
          int8 form with 12 intermediate tensors
Source    LiteRT kernels/lstm.cc, internal/reference/lstm_cell.h (f67457790)
Exact to  LiteRT BUILTIN_REF for integers; reals within rounding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Shape
from refinterp.graph.operands import FullLstm, SingleMatrixLstm
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import lstm_operands as lstm
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.lstm_sequence import SequenceLstmInteger, SequenceLstmReal
from refinterp.kernels.registry import kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import q15
from refinterp.numerics.fixedpoint import (
    Multiplier,
    doubling_high_mul16,
    log2_if_power,
    rescale,
    rounding_divide_by_pot,
    wrap32,
)
from refinterp.numerics.recurrent import tanh

AnyLstm = FullLstm[TensorSpec] | SingleMatrixLstm[TensorSpec]


def lstm_output_shapes(operands: AnyLstm, options: lstm.LstmOptions) -> tuple[Shape, ...]:
    """One output of the full kernel, four of the basic one."""
    if options.kernel_type != "BASIC":
        return lstm.lstm_output_shapes(_full(operands), options)
    x, h, weights, bias, c = _basic(operands)
    return (h.shape, c.shape, (x.shape[0], weights.shape[1]), (x.shape[0], bias.shape[0]))


def _full(operands: AnyLstm) -> FullLstm[TensorSpec]:
    if not isinstance(operands, FullLstm):
        raise ModelError(f"an LSTM has 20 or 24 operands, not {len(operands)}")
    return operands


def _basic(operands: AnyLstm) -> SingleMatrixLstm[TensorSpec]:
    if not isinstance(operands, SingleMatrixLstm):
        raise ModelError(f"a basic LSTM has 5 operands, not {len(operands)}")
    x, h, weights, bias, c = operands
    if len(x.shape) != 2 or len(h.shape) != 2:
        raise ModelError(f"data {list(x.shape)} and output {list(h.shape)} must have rank 2")
    batch, cells = h.shape
    if (
        x.shape[0] != batch
        or c.shape != h.shape
        or bias.shape != (4 * cells,)
        or weights.shape != (4 * cells, x.shape[1] + cells)
    ):
        raise ModelError(
            f"data {list(x.shape)}, output {list(h.shape)}, weights {list(weights.shape)}, bias "
            f"{list(bias.shape)} and state {list(c.shape)} do not fit: [b, n], [b, cells], "
            "[4 * cells, n + cells], [4 * cells], [b, cells]"
        )
    return operands


@kernel("LSTM", "float32", "float32x8", "int8", "uint8", options=lstm.LstmOptions)
class Lstm(Kernel):
    """Chooses the kernel."""

    output_shapes = staticmethod(lstm_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: AnyLstm,
        outputs: Sequence[TensorSpec],
        options: lstm.LstmOptions,
        rule: Rules,
    ) -> Any:
        """Prepare the full or the basic kernel."""
        if options.kernel_type == "BASIC":
            return BasicLstm.prepare(operands, outputs, options, rule)
        dtype = operands.input.dtype
        if dtype == "uint8":
            raise UnsupportedError("LSTM on uint8 data has the basic kernel only")
        if dtype == "float32":
            return SequenceLstmReal.prepare(_full(operands), outputs, options, rule)
        if len(options.intermediates) == 12:
            raise UnsupportedError(
                "LSTM on int8 data with 12 intermediate tensors (8-bit gates) is not supported; "
                "with five (16-bit gates) it is"
            )
        return SequenceLstmInteger.prepare(_full(operands), outputs, options, rule)


@dataclass(frozen=True, slots=True, eq=False)
class BasicLstm(Kernel):
    """factor: of the sums where data are uint8, None where they are float32.

    keep: which of the two states are variables.
    """

    factor: Multiplier | None
    weights_zero: int
    keep: tuple[bool, bool]

    @classmethod
    def prepare(
        cls,
        operands: AnyLstm,
        outputs: Sequence[TensorSpec],
        options: lstm.LstmOptions,
        rule: Rules,
    ) -> BasicLstm:
        """Check types and fold the bias's scale."""
        x, h, weights, bias, c = _basic(operands)
        if len(outputs) != 4:
            raise ModelError(f"a basic LSTM has 4 outputs, not {len(outputs)}")
        found = [s.dtype for s in (x, h, weights, bias, c, *outputs)]
        keep = (h.is_variable, c.is_variable)
        if found == ["float32"] * 9:
            return cls(None, 0, keep)
        byte = ["uint8", "uint8", "uint8", "int32", "int16", "uint8", "int16", "uint8", "int16"]
        if found != byte:
            raise ModelError(f"a basic LSTM of types {found}; all float32, or {byte}")
        if not outputs[1].quantized or log2_if_power(outputs[1].step) != -11 or not bias.quantized:
            raise ModelError(
                f"state {outputs[1].name!r} has scale {outputs[1].step} and bias {bias.step}; the "
                "first must be 2**-11, the second there"
            )
        factor = np.float32(4096) * np.float32(bias.scale[0])
        return cls(Multiplier.of(float(factor)), weights.zero, keep)

    def eval(
        self, operands: SingleMatrixLstm[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write all outputs, and the states that are variables."""
        x, h, weights, bias, c = operands
        y, state, joined, gates = outputs
        for index in range(len(y)):
            own = [array[min(index, len(array) - 1)] for array in (x, h, c)]
            joined[index] = np.concatenate(own[:2], axis=1)
            step = self._real if self.factor is None else partial(self._integer, self.factor)
            step(joined[index], weights[0], bias[0], own[2], gates[index], y[index], state[index])
            if self.keep[0]:
                h[0] = y[index]
            if self.keep[1]:
                c[0] = state[index]

    def _real(
        self, x: Array, weights: Array, bias: Array, c: Array, gates: Array, y: Array, state: Array
    ) -> None:
        np.matmul(x, weights.T, out=gates)
        gates += bias
        enter, candidate, forget, leave = np.split(gates, 4, axis=1)
        one = np.float32(1)
        state[...] = tanh(candidate) / (one + np.exp(-enter)) + c / (one + np.exp(-forget))
        y[...] = tanh(state) / (one + np.exp(-leave))

    def _integer(
        self, factor: Multiplier, x: Array, weights: Array, bias: Array, c: Array, gates: Array,
        y: Array, state: Array,
    ) -> None:  # fmt: skip
        matrix = (weights.astype(np.float64) - self.weights_zero).T
        sums = ((x.astype(np.float64) - 128) @ matrix).astype(np.int64) + bias
        codes = np.clip(_half_up(wrap32(sums), factor), -32768, 32767)
        gates[...] = codes
        logistic, curve = q15.logistic_table(3), q15.tanh_table(3)
        enter, candidate, forget, leave = np.split(codes + 32768, 4, axis=1)
        new = doubling_high_mul16(_looked(logistic, enter), _looked(curve, candidate))
        old = doubling_high_mul16(_looked(logistic, forget), c.astype(np.int64))
        total = np.clip(rounding_divide_by_pot(new, 4) + old, -32768, 32767)
        state[...] = total
        squashed = _looked(curve, np.clip(total * 2, -32768, 32767) + 32768)
        out = doubling_high_mul16(_looked(logistic, leave), squashed)
        y[...] = np.clip(rounding_divide_by_pot(out, 8), -128, 127) + 128


def _half_up(acc: Any, factor: Multiplier) -> Any:
    """Rescale as LiteRT's matrix library does: the second rounding takes halves up, too."""
    right = np.maximum(-factor.exponent, 0)
    high = rescale(acc, Multiplier(factor.mantissa, np.maximum(factor.exponent, 0)))
    return (high + ((np.int64(1) << right) >> 1)) >> right


def _looked(table: Array, index: Array) -> Any:
    return table[index].astype(np.int64)


register_uint8_weights("LSTM")
