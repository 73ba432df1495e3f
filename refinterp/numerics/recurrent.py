"""What recurrent operators on reals are made of: products with float or int8 weights, activations.

Rows are float32 (rows, n). With int8 weights (dynamic range) a row is quantized by its own range
before it is multiplied; see `dynamic`.

Source: LiteRT kernels/internal/tensor_utils.h, reference/portable_tensor_utils.cc and
internal/optimized/sse_tensor_utils.cc (f67457790).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.numerics.dynamic import DynamicGemm, Quantized, asymmetric, symmetric

F32 = NDArray[np.float32]
Activation = Callable[[F32], F32]


def sigmoid(x: F32) -> F32:
    """1 / (1 + exp(-x)), correctly rounded but for the last ulp."""
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


def tanh(x: F32) -> F32:
    """Hyperbolic tangent, correctly rounded but for the last ulp."""
    return np.tanh(x.astype(np.float64)).astype(np.float32)


_ACTIVATIONS: Final[dict[Any, Activation]] = {
    "NONE": lambda x: x,
    "RELU": lambda x: np.maximum(x, np.float32(0)),
    "RELU_N1_TO_1": lambda x: np.clip(x, np.float32(-1), np.float32(1)),
    "RELU6": lambda x: np.clip(x, np.float32(0), np.float32(6)),
    "TANH": tanh,
}


def activation(name: str | int) -> Activation:
    """The function of an activation, on float32; raises UnsupportedError."""
    try:
        return _ACTIVATIONS[name]
    except KeyError:
        raise UnsupportedError(
            f"activation {name} is not supported; allowed: {', '.join(_ACTIVATIONS)}"
        ) from None


@dataclass(eq=False)
class Rows:
    """Rows (rows, n) to be multiplied, and their codes, worked out when first asked for."""

    values: F32
    asymmetric: bool = False

    @cached_property
    def quantized(self) -> Quantized:
        """The rows' codes, each row with its scale and zero point."""
        return (asymmetric if self.asymmetric else symmetric)(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class WeightProduct:
    """rows @ weights.T for weights (units, n), or rows * weights for a diagonal (n,).

    Float32 weights, or int8 codes with a scale, laid out once.
    """

    matrix: F32 | None
    gemm: DynamicGemm | None
    scale: np.float32 | None

    @classmethod
    def of(cls, weights: NDArray[Any], scale: np.float32 | None) -> WeightProduct:
        """Lay out weights; scale: of int8 ones, else None."""
        if scale is None:
            return cls(np.asarray(weights, np.float32).T, None, None)
        if weights.ndim == 1:
            return cls(weights.astype(np.float32) * scale, None, None)
        return cls(None, DynamicGemm.prepare(weights.T, sse=True), scale)

    def __call__(self, rows: Rows) -> F32:
        """Return float32 (rows, units)."""
        if self.gemm is None or self.scale is None:
            assert self.matrix is not None
            if self.matrix.ndim == 1:
                return rows.values * self.matrix
            return rows.values @ self.matrix
        codes = rows.quantized
        return self.gemm(codes.codes, codes.zero) * (codes.scale * self.scale)[:, None]


def normalized(x: F32) -> F32:
    """Rows with mean 0 and deviation 1: layer normalization before its weights."""
    mean = x.mean(axis=1, keepdims=True, dtype=np.float32)
    apart = x - mean
    variance = np.square(apart).mean(axis=1, keepdims=True, dtype=np.float32)
    return np.asarray(apart / np.sqrt(variance + np.float32(1e-8)), np.float32)
