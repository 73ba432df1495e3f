"""The LSTM cell on integers: int8 or int16 data, int8 weights, int16 cell state, all gates int16.

Gates     g = clip16(R(W x + b) + R(R h)), codes of Q3 (scale 2**-12); then the logistic function,
          tanh for the candidate, codes of Q0 (scale 2**-15)
Cell      c = clip16(round(forget * c / 2**15) + round(input * candidate / 2**(30 + log2 scale)))
Output    h = clip8(R(output * tanh(c)) + zero), projected where there is a projection
LiteRT    adds peepholes, layer normalization, clipping; functions are gemmlowp's (`q15`)
TFLM      clips both products before they are added, rescales the cell's products by multipliers,
          and takes both functions from an interpolated table (`sigmoid16`); also on int16 data

Source: LiteRT kernels/lstm_eval.cc, unidirectional_sequence_lstm.cc (f67457790); tflite-micro
micro/kernels/lstm_eval.h, lstm_eval_common.cc (90b983c2b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.kernels.contract import Array
from refinterp.numerics import q15, q31
from refinterp.numerics.fixedpoint import Multiplier, rescale, rescale64, wrap32

I64 = NDArray[np.int64]
Function = Callable[[I64], I64]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """R(x @ w + bias): weights float64 (n, units) of whole numbers, bias int64 (units,).

    wide: sums are int64, rescaled by 15-bit multipliers; else they wrap in int32.
    """

    weights: NDArray[np.float64]
    bias: I64
    factor: Multiplier
    wide: bool

    def __call__(self, x: Array) -> I64:
        """X (rows, n) codes → (rows, units), not clipped."""
        sums = (x.astype(np.float64) @ self.weights).astype(np.int64) + self.bias
        return rescale64(sums, self.factor) if self.wide else rescale(wrap32(sums), self.factor)


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Layer normalization: weights and bias int64 (cells,), the least variance, the rescaling."""

    weights: I64
    bias: I64
    guard: int
    factor: Multiplier

    def __call__(self, x: I64) -> I64:
        """X (rows, cells) → int16 codes of Q3."""
        count = x.shape[1]
        total, squares = x.sum(axis=1, dtype=np.int64), np.square(x).sum(axis=1, dtype=np.int64)
        mean = _truncated(total * 1024, count)
        variance = squares * ((1 << 20) // count) - mean * mean
        variance = wrap32(_truncated(variance, 1 << 20))
        variance = np.where(variance < 1, self.guard, variance)
        root, exponent = q31.inverse_square_root(variance)
        inverse = Multiplier(root[:, None], exponent[:, None])
        scaled = rescale(wrap32(1024 * x - mean[:, None]), inverse)
        sums = scaled * self.weights + self.bias  # beyond int32 the wheel goes on in 64 bits
        rounded = _truncated(np.where(sums > 0, sums + 512, sums - 512), 1024)
        shifted = Multiplier(self.factor.mantissa, self.factor.exponent + 12)
        return clip16(rescale(rounded, shifted))


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """One gate, up to its function. clip_first: clip both products before they are added.

    peephole: weights int64 (batch, cells) and their rescaling.
    """

    data: Linear
    recurrent: Linear
    peephole: tuple[I64, Multiplier] | None
    norm: Norm | None
    clip_first: bool

    def prepared(self, x: Array) -> I64:
        """The data's part for every step: x (time, batch, n) → (time, batch, cells)."""
        flat = clip16(self.data(x.reshape(x.shape[0] * x.shape[1], x.shape[2])))
        return flat.reshape(*x.shape[:2], flat.shape[-1])

    def __call__(self, data: I64, h: Array, c: I64) -> I64:
        """Return int16 codes of Q3, (batch, cells)."""
        recurrent = self.recurrent(h)
        if self.clip_first:
            recurrent = clip16(recurrent)
        total = clip16(wrap32(data + recurrent))
        if self.peephole is not None:
            weights, factor = self.peephole
            total = clip16(wrap32(total + rescale(weights * c, factor)))
        return total if self.norm is None else self.norm(total)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerCell:
    """All gates and what comes after; input is None for a cell without an input gate.

    forget_product, input_product: int32 products → int16. hidden: output * tanh(cell), rescaled;
    hidden_zero is added, then it is clipped to [low, high]. projection: with its output zero point.
    """

    input: Gate | None
    forget: Gate
    cell: Gate
    output: Gate
    logistic: Function
    tanh: Function
    cell_tanh: Function
    forget_product: Function
    input_product: Function
    cell_clip: int
    hidden: Multiplier
    hidden_zero: int
    low: int
    high: int
    projection: Linear | None
    projection_zero: int
    proj_clip: int

    def run(self, x: Array, y: Array, h: Array, c: Array) -> None:
        """Run a sequence: x (time, batch, n), y (time, batch, outputs); the states change."""
        enter = None if self.input is None else self.input.prepared(x)
        others = [gate.prepared(x) for gate in (self.forget, self.cell, self.output)]
        for time in range(len(x)):
            own = None if enter is None else enter[time]
            self._step(own, [data[time] for data in others], h, c)
            y[time] = h

    def _step(self, enter: I64 | None, data: list[I64], h: Array, c: Array) -> None:
        before = c.astype(np.int64)
        forget = self.logistic(self.forget(data[0], h, before))
        if self.input is not None and enter is not None:
            gate = self.logistic(self.input(enter, h, before))
        else:
            gate = q15.ONE - forget
        candidate = self.tanh(self.cell(data[1], h, before))
        state = clip16(self.forget_product(forget * before) + self.input_product(gate * candidate))
        if self.cell_clip > 0:
            state = np.clip(state, -self.cell_clip, self.cell_clip)
        c[...] = state
        out = self.logistic(self.output(data[2], h, state)) * self.cell_tanh(state)
        hidden = wrap32(rescale(out, self.hidden) + self.hidden_zero)
        hidden = np.clip(hidden, self.low, self.high)
        if self.projection is not None:
            hidden = wrap32(self.projection(hidden) + self.projection_zero)
            hidden = np.clip(hidden, -128, 127)
            if self.proj_clip > 0:
                hidden = np.clip(hidden, -self.proj_clip, self.proj_clip)
        h[...] = hidden


def clip16(value: I64) -> I64:
    """Clamp to int16."""
    return np.clip(value, -32768, 32767)


def _truncated(value: I64, divisor: int) -> I64:
    """C's integer division, towards zero."""
    return np.where(value < 0, -(-value // divisor), value // divisor)
