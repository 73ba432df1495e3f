"""TANH: y = tanh(x); LOGISTIC's kernels with another curve.

Real      y = tanh(x)
Integer   as LOGISTIC; TFLM's int8 form gives codes of scale 1/128 and zero point 0, whatever the
          output says
Units     int16: y has scale 1/32768, both zero points are 0
Raises    ModelError, from prepare only: missing scales, int16 with others than these
Source    LiteRT kernels/activations.cc, internal/reference/tanh.h (f67457790); tflite-micro
          micro/kernels/tanh.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8, uint8, int16; float32 within an ulp of tanhf
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from refinterp.kernels.registry import kernel
from refinterp.kernels.sigmoidal import Curve, CurveFloat, CurveInteger
from refinterp.numerics import q31, sigmoid16
from refinterp.numerics.tables import in_float64

TANH: Final = Curve(
    in_float64(np.tanh), in_float64(np.tanh), q31.tanh, 7, 0, sigmoid16.tanh, (0, 1), None
)


@dataclass(frozen=True, slots=True)
class TanhOptions:
    """TANH has no options; the class says which curve it is."""

    curve: ClassVar[Curve] = TANH


kernel("TANH", "int8", "uint8", "int16", options=TanhOptions)(CurveInteger)
kernel("TANH", "float32", "float16", options=TanhOptions)(CurveFloat)
