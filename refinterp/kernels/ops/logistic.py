"""LOGISTIC: y = 1 / (1 + exp(-x)). TANH (tanh.py) runs on the same kernels with another curve.

Real      y = 1 / (1 + exp(-x))
Integer   8 bits, LiteRT: a table filled in float32 (numerics.tables.through_float32)
          int8, TFLM (path "fixed-point"): x in Q4, the curve in Q0 (numerics.q31), rounded to the
          code, with codes beyond a radius at the type's ends
          int16: a table of the sigmoid, interpolated (numerics.sigmoid16)
Shapes    y as x
Units     codes, real = scale * (code - zero point). y of LOGISTIC: scale 1/256, int8 zero point
          -128; int16: scale 1/32768, both zero points 0
Raises    ModelError, from prepare only: an output scale or zero point other than these
Source    LiteRT kernels/activations.cc, internal/reference/logistic.h (f67457790); tflite-micro
          micro/kernels/logistic_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8, uint8, int16; float32 within an ulp of expf
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from refinterp.kernels.registry import kernel
from refinterp.kernels.sigmoidal import F32, Curve, CurveFloat, CurveInteger
from refinterp.numerics import q31, sigmoid16
from refinterp.numerics.tables import in_float64

_exp32 = in_float64(np.exp)


def _logistic_for_tables(x: F32) -> F32:
    return np.float32(1) / (np.float32(1) + _exp32(-x))


def _logistic(x: F32) -> F32:
    """Beyond two cut-offs LiteRT takes 1 and exp(x)."""
    y = np.where(x < np.float32(-9), _exp32(x), _logistic_for_tables(x))
    return np.where(x > np.float32(16.619047164916992188), np.float32(1), y)


LOGISTIC: Final = Curve(
    _logistic, _logistic_for_tables, q31.logistic, 8, -128, sigmoid16.logistic, (0,), 1 / 256
)


@dataclass(frozen=True, slots=True)
class LogisticOptions:
    """LOGISTIC has no options; the class says which curve it is."""

    curve: ClassVar[Curve] = LOGISTIC


kernel("LOGISTIC", "int8", "uint8", "int16", options=LogisticOptions)(CurveInteger)
kernel("LOGISTIC", "float32", "float16", options=LogisticOptions)(CurveFloat)
