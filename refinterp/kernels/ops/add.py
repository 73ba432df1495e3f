"""ADD: the sum of two tensors whose scales may differ. SUB (sub.py) is the same with one sign.

Real      y = clamp(a + b)
Integer   s = R(a_factor, (a - a_zero) << shift) + R(b_factor, (b - b_zero) << shift)
          y = clip(R(y_factor, s) + y_zero, y_min, y_max)      R: fixedpoint.rescale
          shift is 20 for 8-bit codes and 15 for int16
          int16, powers of two: y = clip(a >> r, b) with the sum saturating; see `PowerOfTwoSum`
Shapes    a, b: broadcast to y by NumPy's rules
Units     codes, real = scale * (code - zero point); s: one unit is 2 * max(scale a, scale b)
          / 2**shift; int32, int64, float32 and int16 without scales: plain numbers, wrapping
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales, an output
          scale too small for the output factor to stay below one
Source    LiteRT kernels/add.cc, internal/reference/add.h, integer_ops/add.h (f67457790);
          tflite-micro micro/kernels/add_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from refinterp.kernels.addition import SumInteger, SumPlain
from refinterp.kernels.registry import kernel


@dataclass(frozen=True, slots=True)
class AddOptions:
    """Schema table AddOptions."""

    fused_activation_function: str | int = "NONE"
    pot_scale_int16: bool = True

    sign: ClassVar[int] = 1


kernel("ADD", "int8", "uint8", "int16", options=AddOptions)(SumInteger)
kernel("ADD", "float32", "float16", "int32", "int64", options=AddOptions)(SumPlain)
