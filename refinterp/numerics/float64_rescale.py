"""Requantization in float64, as arithmetic; `float64_proof` says for which channels it is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.codes import add_away, store, stretched
from refinterp.numerics.float32_rescale import Exact, Float32Rescale, find_float32
from refinterp.numerics.tape import Do, clip, put

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
ROW = 8192  # elements a row is stretched to: NumPy runs rows at least this long unbuffered


@dataclass(frozen=True, slots=True, eq=False)
class Float64Rescale:
    """trunc or floor of (acc + bias) * scale + nudge ± half, then the clamp and the zero point.

    All vectors are float64 and hold the channels' values over and over (`repeats` times).
    bias: None where `offset` holds bias * scale, or there is no bias. offset: added after scaling;
    None for nothing. half: what is added before cutting, with the sign of the sum, or None where
    the sign cannot matter and it is in `offset`. floor: whether to floor; otherwise the conversion
    to integers truncates. low, high: the clamp, relative to the zero point.
    others: channels that this form is not for. bound: (channels,), the largest |acc|.
    """

    bias: F64 | None
    scale: F64
    offset: F64 | None
    half: F64 | None
    floor: bool
    low: int
    high: int
    zero_point: int
    channels: int
    others: I64
    bound: F64

    def stretched(self, row: int) -> Float64Rescale:
        """The form with its vectors repeated to rows of about `row` elements."""
        n = self.channels
        if max(row // n, 1) * n == self.scale.size:
            return self
        bias, offset, half = (
            None if v is None else stretch(v[:n], row) for v in (self.bias, self.offset, self.half)
        )
        scale = stretch(self.scale[:n], row)
        return replace(self, bias=bias, scale=scale, offset=offset, half=half)

    def __call__(self, acc: NDArray[Any], out: NDArray[Any], scratch: F64, do: Do) -> None:
        """Write the codes of acc (rows, channels), except for the channels in `others`.

        acc is contiguous and is written over.
        """
        flat, spare = scratch[: acc.size], scratch[acc.size : 2 * acc.size]
        if acc.dtype == np.float64:
            flat = acc.reshape(-1)
        else:
            do(put, flat, acc.reshape(-1))
        if acc.size <= self.scale.size:
            self._parts(flat, spare, do)
        else:
            for part in stretched(acc.size, self.scale.size):
                self._parts(part(flat), part(spare), do)
        self._store(flat.reshape(acc.shape), out, spare, do)

    def _parts(self, work: F64, spare: F64, do: Do) -> None:
        size = work.shape[-1]
        if self.bias is not None:
            do(np.add, work, self.bias[:size], work)
        do(np.multiply, work, self.scale[:size], work)
        if self.offset is not None:
            do(np.add, work, self.offset[:size], work)
        if self.half is not None:
            add_away(work, self.half[:size], spare, do)
        if self.floor:
            do(np.floor, work, work)
        do(clip, work, float(self.low), float(self.high), work)

    def _store(self, work: NDArray[Any], out: NDArray[Any], spare: F64, do: Do) -> None:
        if out.flags.c_contiguous:
            work, out = work.reshape(-1), out.reshape(-1)
        store(work, out, self.low, self.high, self.zero_point, do, spare)

    def find_float32(self) -> Float32Rescale | None:
        """Look for a float32 form; see `float32_rescale.find_float32`."""
        n = self.channels
        if self.others.size or self.floor:
            return None
        zero = np.zeros(n)
        rule = Exact(
            zero if self.bias is None else self.bias[:n],
            self.scale[:n],
            zero if self.offset is None else self.offset[:n],
            None if self.half is None else self.half[:n],
            self.low,
            self.high,
            self.zero_point,
            self.bound,
        )
        return find_float32(rule, self.scale.size)


def stretch(vector: F64, row: int) -> F64:
    """Repeat a vector to a row of about so many elements."""
    repeats = row // vector.size
    if repeats <= 1:
        return vector
    wide = np.empty((repeats, vector.size))
    wide[:] = vector
    return wide.reshape(-1)
