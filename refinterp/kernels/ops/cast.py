"""CAST: numbers of one type to another; scales are ignored.

Real      y = x
Integer   float to integer: truncated; what the type cannot hold becomes its nearest end, and NaN
          its maximum
          integer to integer: the low bits; to bool: not zero
          int4, uint4, int2: from and to float32 alone
Shapes    y as x
Raises    UnsupportedError, from prepare only: a type without a cast
Source    LiteRT kernels/cast.cc (f67457790); tflite-micro micro/kernels/cast.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM's wheel
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refinterp.errors import UnsupportedError
from refinterp.graph.model import STORAGE
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import RealMap
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel

_TYPES = (
    "float32", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool",
)  # fmt: skip
_PACKED = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1)}


@kernel("CAST", *_TYPES, *_PACKED)
class Cast(Kernel):
    """Prepares a function of one element."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> RealMap:
        """Choose how to convert."""
        x, y = operands.input, outputs[0]
        if y.dtype in _PACKED and x.dtype == "float32":
            return RealMap(_into(STORAGE[y.dtype], *_PACKED[y.dtype]))
        if y.dtype not in _TYPES or (x.dtype in _PACKED and y.dtype != "float32"):
            raise UnsupportedError(
                f"CAST from {x.dtype} to {y.dtype} is not supported; allowed: {', '.join(_TYPES)}"
            )
        if STORAGE[x.dtype].kind == "f" and STORAGE[y.dtype].kind in "iu":
            return RealMap(_saturating(y.dtype))
        return RealMap(lambda array: array.astype(y.dtype))


def _into(dtype: np.dtype[Any], low: int, high: int) -> Callable[[Array], Array]:
    """Limit floats, NaN to the highest, and cut fractions off, as LiteRT does for packed codes."""

    def convert(x: Array) -> Array:
        return np.clip(np.where(np.isnan(x), high, x), low, high).astype(dtype)

    return convert


def _saturating(dtype: str) -> Callable[[Array], Array]:
    limits = np.iinfo(dtype)

    def convert(x: Array) -> Array:
        wide = x.astype(np.float64)
        below, above = wide < float(limits.min), ~(wide < float(limits.max) + 1.0)
        inside = np.where(below | above, 0.0, wide).astype(dtype)
        return np.where(below, limits.min, np.where(above, limits.max, inside)).astype(dtype)

    return convert
