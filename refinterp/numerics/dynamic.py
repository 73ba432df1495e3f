"""Dynamic-range quantization: activations become int8 codes at run time, row by row.

Operators whose activations are float32 and whose weights are integers quantize each row of the
activations by its own range, multiply integers, and scale the sums back to float32.

Source: LiteRT kernels/internal/reference/portable_tensor_utils.cc and
internal/optimized/neon_tensor_utils.cc (SymmetricQuantizeFloats, AsymmetricQuantizeFloats; read at
f67457790). On x86-64 LiteRT is built with the latter; its groups of eight elements are rounded by
adding a half in float32, and the elements left over by C's `round`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.fixedpoint import round_half_away
from refinterp.numerics.gemm import ExactGemm

F32 = NDArray[np.float32]
_GROUP = 8


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """real = scale * (code - zero), per row: codes (rows, n), whole numbers in float32.

    scale: float32 (rows,); zero: float32 (rows,), whole numbers.
    """

    codes: F32
    scale: F32
    zero: F32


def symmetric(x: F32) -> Quantized:
    """Quantize rows (rows, n) to -127..127 around zero; a row of zeros has scale 1."""
    reach = np.abs(x).max(axis=1, initial=0)
    empty = reach == 0
    safe: F32 = np.where(empty, np.float32(1), reach).astype(np.float32)
    scale = np.where(empty, np.float32(1), reach / np.float32(127))
    with np.errstate(over="ignore", invalid="ignore"):
        factor: F32 = np.divide(np.float32(127), safe, dtype=np.float32)
        codes = _rounded(x * factor[:, None])
    if np.isinf(factor).any():  # a reach near the smallest float: x86 converts to the lowest int32
        codes[~np.isfinite(codes)] = -127
    np.clip(codes, -127, 127, out=codes)
    return Quantized(codes, scale, np.zeros_like(scale))


def asymmetric(x: F32) -> Quantized:
    """Quantize rows (rows, n) to -128..127; zero is always a code."""
    low = np.minimum(x.min(axis=1, initial=0), np.float32(0))
    high = np.maximum(x.max(axis=1, initial=0), np.float32(0))
    empty = low == high
    with np.errstate(divide="ignore", invalid="ignore"):
        step = (high - low).astype(np.float64) / 255.0
        from_low = -128.0 - low / step
        from_high = 127.0 - high / step
        nearer = 128.0 + np.abs(low / step) < 127.0 + np.abs(high / step)
        zero = np.clip(round_half_away(np.where(nearer, from_low, from_high)), -128, 127)
        scale = step.astype(np.float32)
        inverse = np.where(scale == 0, np.float32(0), np.float32(1) / scale)
    zero = np.where(empty, 0.0, zero).astype(np.float32)
    scale = np.where(empty, np.float32(1), scale)
    factor = np.where(empty, np.float32(0), inverse).astype(np.float32)
    codes = _rounded(x * factor[:, None])
    codes += zero[:, None]
    np.clip(codes, -128, 127, out=codes)
    return Quantized(codes, scale, zero)


def _rounded(x: F32) -> F32:
    """Round halves away from zero as LiteRT does, in place."""
    grouped = x.shape[1] - x.shape[1] % _GROUP
    head, tail = x[:, :grouped], x[:, grouped:]
    np.trunc(head + np.copysign(np.float32(0.5), head), out=head)
    tail[...] = round_half_away(tail.astype(np.float64))
    return x


LARGEST_STEP = 255  # |code - zero| of a row
_VECTOR = 16


@dataclass(frozen=True, slots=True, eq=False)
class DynamicGemm:
    """Sums of (code - zero) * weight, exact; weights (K, N).

    turned: where LiteRT's SSE product of 16 elements turns the sign, (K, N) of 0 and 256, or None.
    There a negative code times the weight -128 comes out negative, since 128 is no int8; the last
    K % 16 elements are multiplied one by one, and rightly.
    """

    gemm: ExactGemm
    turned: F32 | None

    @classmethod
    def prepare(cls, weights: NDArray[Any], *, sse: bool) -> DynamicGemm:
        """Lay out integer weights (K, N). sse: whether LiteRT multiplies them by SSE vectors."""
        turned = np.where(weights == -128, np.float32(256), np.float32(0))
        turned[len(weights) - len(weights) % _VECTOR :] = 0
        gemm = ExactGemm.prepare(weights, LARGEST_STEP)
        return cls(gemm, turned if sse and turned.any() else None)

    def __call__(self, codes: F32, zero: F32 | None = None) -> F32:
        """Return the sums as float32: codes (rows, K), whole numbers; zero (rows,), 0 if None."""
        steps = codes if zero is None else codes - zero[:, None]
        sums = np.empty((len(codes), self.gemm.weights.shape[1]), self.gemm.output_dtype)
        self.gemm(steps.astype(self.gemm.input_dtype, copy=False), sums)
        if self.turned is None:
            return sums.astype(np.float32, copy=False)
        turned = np.minimum(codes, 0).astype(np.float64) @ self.turned.astype(np.float64)
        return (sums + turned).astype(np.float32)
