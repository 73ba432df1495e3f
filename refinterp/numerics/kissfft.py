"""Fourier transforms as KISS FFT computes them: every rounding of its fixed-point butterflies.

Numbers are int64 arrays that hold int16 or int32 (Q15 or Q31), or float32 arrays. Fixed-point
stages divide by their radix first, so that nothing overflows. Transforms run along the last axis,
as a pair of arrays: real parts, imaginary parts.

Source: KISS FFT `kiss_fft.c`, `_kiss_fft_guts.h`, `tools/kiss_fftr.c` as vendored by tflite-micro
(signal/src/kiss_fft_wrappers; 90b983c2b), built with FIXED_POINT 16, 32 or not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError

Array = NDArray[Any]
Pair = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Fixed:
    """Arithmetic on `bits`-bit integers, held as int64; what is stored wraps."""

    bits: int

    @property
    def most(self) -> int:
        """1.0, as near as it comes."""
        return (1 << (self.bits - 1)) - 1

    def load(self, values: Array) -> Array:
        """Take codes."""
        return values.astype(np.int64)

    def wrap(self, values: Array) -> Array:
        """Store: keep the low bits."""
        half = np.int64(1 << (self.bits - 1))
        return np.asarray(((values + half) & ((1 << self.bits) - 1)) - half)

    def rounded(self, products: Array) -> Array:
        """Shift a product back, halves up."""
        shift = self.bits - 1
        return self.wrap((products + (1 << (shift - 1))) >> shift)

    def divide(self, values: Array, radix: int) -> Array:
        """Multiply by the integer part of 1.0 / radix."""
        return self.rounded(values * (self.most // radix))

    def half(self, values: Array) -> Array:
        """Shift right; a sum of int16 has not wrapped yet."""
        held = values if self.bits < 32 else self.wrap(values)  # C adds in int32 at least
        return self.wrap(held >> 1)

    def constants(self, values: NDArray[np.float64]) -> Array:
        """Quantize sines and cosines."""
        return np.floor(0.5 + self.most * values).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Real:
    """Arithmetic on float32; nothing is divided or wrapped."""

    def load(self, values: Array) -> Array:
        """Take reals."""
        return values.astype(np.float32)

    def wrap(self, values: Array) -> Array:
        """Store."""
        return values

    def rounded(self, products: Array) -> Array:
        """A product is what it is."""
        return products

    def divide(self, values: Array, radix: int) -> Array:
        """Only fixed-point stages are scaled."""
        return values

    def half(self, values: Array) -> Array:
        """Halve."""
        return values * np.float32(0.5)

    def constants(self, values: NDArray[np.float64]) -> Array:
        """Round sines and cosines."""
        return values.astype(np.float32)


Arithmetic = Fixed | Real


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """The tables of one real transform of `length` points: half as many complex ones.

    factors: the radix of each stage, first stage first.
    """

    arithmetic: Arithmetic
    length: int
    inverse: bool
    factors: tuple[int, ...]
    twiddles: Pair
    outer: Pair

    @classmethod
    def of(cls, arithmetic: Arithmetic, length: int, *, inverse: bool) -> Transform:
        """Make the tables; raises UnsupportedError for lengths the C code has no stages for."""
        half = length // 2
        factors = _factors(half) if length >= 4 and length % 2 == 0 else ()
        if not factors or any(p > 5 for p in factors):
            raise UnsupportedError(
                f"a transform of {length} points; allowed: twice a product of 2, 3 and 5"
            )
        sign = 1.0 if inverse else -1.0
        inner = sign * 2 * np.pi * np.arange(half, dtype=np.int64) / half
        outer = sign * np.pi * (np.arange(1, half // 2 + 1, dtype=np.int64) / half + 0.5)
        circles = _circle(arithmetic, inner), _circle(arithmetic, outer)
        return cls(arithmetic, length, inverse, factors, *circles)

    def forward(self, x: Array) -> Pair:
        """Real points (..., length) → spectrum, (..., length / 2 + 1) each."""
        m = self.arithmetic
        values = m.load(x)
        half = self.length // 2
        re, im = self._stages(values[..., 0::2], values[..., 1::2], 0)
        out_re = np.zeros((*re.shape[:-1], half + 1), re.dtype)
        out_im = np.zeros_like(out_re)
        first, second = m.divide(re[..., 0], 2), m.divide(im[..., 0], 2)
        out_re[..., 0] = m.wrap(first + second)
        out_re[..., half] = m.wrap(first - second)
        k = np.arange(1, half // 2 + 1, dtype=np.int64)
        a = m.divide(re[..., k], 2), m.divide(im[..., k], 2)
        b = m.divide(re[..., half - k], 2), m.divide(m.wrap(-im[..., half - k]), 2)
        plus = m.wrap(a[0] + b[0]), m.wrap(a[1] + b[1])
        minus = m.wrap(a[0] - b[0]), m.wrap(a[1] - b[1])
        turned = _multiply(m, minus, self.outer)
        out_re[..., k] = m.half(plus[0] + turned[0])
        out_im[..., k] = m.half(plus[1] + turned[1])
        out_re[..., half - k] = m.half(plus[0] - turned[0])
        out_im[..., half - k] = m.half(turned[1] - plus[1])
        return out_re, out_im

    def backward(self, re: Array, im: Array) -> Array:
        """Spectrum, (..., length / 2 + 1) each → real points (..., length), not divided by it."""
        m = self.arithmetic
        re, im = m.load(re), m.load(im)
        half = self.length // 2
        in_re = np.empty((*re.shape[:-1], half), re.dtype)
        in_im = np.empty_like(in_re)
        in_re[..., 0] = m.divide(m.wrap(re[..., 0] + re[..., half]), 2)
        in_im[..., 0] = m.divide(m.wrap(re[..., 0] - re[..., half]), 2)
        k = np.arange(1, half // 2 + 1, dtype=np.int64)
        a = m.divide(re[..., k], 2), m.divide(im[..., k], 2)
        b = m.divide(re[..., half - k], 2), m.divide(m.wrap(-im[..., half - k]), 2)
        even = m.wrap(a[0] + b[0]), m.wrap(a[1] + b[1])
        apart = m.wrap(a[0] - b[0]), m.wrap(a[1] - b[1])
        odd = _multiply(m, apart, self.outer)
        in_re[..., k] = m.wrap(even[0] + odd[0])
        in_im[..., k] = m.wrap(even[1] + odd[1])
        in_re[..., half - k] = m.wrap(even[0] - odd[0])
        in_im[..., half - k] = m.wrap(-m.wrap(even[1] - odd[1]))
        out_re, out_im = self._stages(in_re, in_im, 0)
        return np.stack([out_re, out_im], axis=-1).reshape(*out_re.shape[:-1], self.length)

    def _stages(self, re: Array, im: Array, stage: int) -> Pair:
        """Split into `radix` interleaved parts, transform each, and combine them."""
        if stage == len(self.factors):
            return re, im
        radix = self.factors[stage]
        size = re.shape[-1] // radix
        parts = [
            np.swapaxes(part.reshape(*part.shape[:-1], size, radix), -1, -2) for part in (re, im)
        ]
        done = self._stages(parts[0], parts[1], stage + 1)
        stride = self.length // 2 // (radix * size)
        inputs = [
            (
                self.arithmetic.divide(done[0][..., q, :], radix),
                self.arithmetic.divide(done[1][..., q, :], radix),
            )
            for q in range(radix)
        ]
        places = np.arange(size, dtype=np.int64) * stride
        turned = [inputs[0]] + [
            _multiply(self.arithmetic, inputs[q], self._twiddle(places * q))
            for q in range(1, radix)
        ]
        combine = {2: self._radix2, 3: self._radix3, 4: self._radix4, 5: self._radix5}[radix]
        outputs = combine(turned, stride * size)
        return (
            np.concatenate([own[0] for own in outputs], axis=-1),
            np.concatenate([own[1] for own in outputs], axis=-1),
        )

    def _twiddle(self, index: Any) -> Pair:
        return self.twiddles[0][index], self.twiddles[1][index]

    def _radix2(self, x: list[Pair], step: int) -> list[Pair]:
        return [_add(self.arithmetic, x[0], x[1]), _sub(self.arithmetic, x[0], x[1])]

    def _radix3(self, x: list[Pair], step: int) -> list[Pair]:
        m = self.arithmetic
        third = self.twiddles[1][step]
        total, apart = _add(m, x[1], x[2]), _sub(m, x[1], x[2])
        middle = (
            m.wrap(x[0][0] - m.half(total[0])),
            m.wrap(x[0][1] - m.half(total[1])),
        )
        side = m.rounded(apart[0] * third), m.rounded(apart[1] * third)
        return [
            _add(m, x[0], total),
            (m.wrap(middle[0] - side[1]), m.wrap(middle[1] + side[0])),
            (m.wrap(middle[0] + side[1]), m.wrap(middle[1] - side[0])),
        ]

    def _radix4(self, x: list[Pair], step: int) -> list[Pair]:
        m = self.arithmetic
        low, high = _add(m, x[0], x[2]), _sub(m, x[0], x[2])
        total, apart = _add(m, x[1], x[3]), _sub(m, x[1], x[3])
        one = m.wrap(high[0] + apart[1]), m.wrap(high[1] - apart[0])
        three = m.wrap(high[0] - apart[1]), m.wrap(high[1] + apart[0])
        if self.inverse:
            one, three = three, one
        return [_add(m, low, total), one, _sub(m, low, total), three]

    def _radix5(self, x: list[Pair], step: int) -> list[Pair]:
        m = self.arithmetic
        ya, yb = self._twiddle(step), self._twiddle(2 * step)
        s7, s10 = _add(m, x[1], x[4]), _sub(m, x[1], x[4])
        s8, s9 = _add(m, x[2], x[3]), _sub(m, x[2], x[3])

        def mixed(one: Array, two: Array, first: Array, second: Array, third: Array) -> Array:
            return m.wrap(third + m.rounded(one * first) + m.rounded(two * second))

        s5 = tuple(mixed(s7[i], s8[i], ya[0], yb[0], x[0][i]) for i in (0, 1))
        s11 = tuple(mixed(s7[i], s8[i], yb[0], ya[0], x[0][i]) for i in (0, 1))
        s6 = (
            m.wrap(m.rounded(s10[1] * ya[1]) + m.rounded(s9[1] * yb[1])),
            m.wrap(-m.rounded(s10[0] * ya[1]) - m.rounded(s9[0] * yb[1])),
        )
        s12 = (
            m.wrap(-m.rounded(s10[1] * yb[1]) + m.rounded(s9[1] * ya[1])),
            m.wrap(m.rounded(s10[0] * yb[1]) - m.rounded(s9[0] * ya[1])),
        )
        first = (m.wrap(x[0][0] + (s7[0] + s8[0])), m.wrap(x[0][1] + (s7[1] + s8[1])))
        return [
            first,
            _sub(m, (s5[0], s5[1]), s6),
            _add(m, (s11[0], s11[1]), s12),
            _sub(m, (s11[0], s11[1]), s12),
            _add(m, (s5[0], s5[1]), s6),
        ]


@cache
def transform(dtype: str, length: int, *, inverse: bool) -> Transform:
    """The transform of a tensor type: "int16", "int32" or "float32"."""
    real = dtype == "float32"
    arithmetic: Arithmetic = Real() if real else Fixed(int(dtype.removeprefix("int")))
    return Transform.of(arithmetic, length, inverse=inverse)


def _circle(arithmetic: Arithmetic, phases: NDArray[np.float64]) -> Pair:
    """Cosines and sines, by the C library's functions, which the last bit may hang on."""
    cosines = np.array([math.cos(phase) for phase in phases], np.float64)
    sines = np.array([math.sin(phase) for phase in phases], np.float64)
    return arithmetic.constants(cosines), arithmetic.constants(sines)


def _factors(n: int) -> tuple[int, ...]:
    """Fours, then twos, then odd numbers in order; what is left beyond the root is one factor."""
    found = []
    p, root = 4, int(np.sqrt(n))
    while True:
        while n % p:
            p = {4: 2, 2: 3}.get(p, p + 2)
            if p > root:
                p = n
        n //= p
        found.append(p)
        if n <= 1:
            return tuple(found)


def _multiply(m: Arithmetic, a: Pair, b: Pair) -> Pair:
    return m.rounded(a[0] * b[0] - a[1] * b[1]), m.rounded(a[0] * b[1] + a[1] * b[0])


def _add(m: Arithmetic, a: Pair, b: Pair) -> Pair:
    return m.wrap(a[0] + b[0]), m.wrap(a[1] + b[1])


def _sub(m: Arithmetic, a: Pair, b: Pair) -> Pair:
    return m.wrap(a[0] - b[0]), m.wrap(a[1] - b[1])
