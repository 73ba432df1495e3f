"""SUB: the difference of two tensors whose scales may differ; ADD's kernels with b's sign turned.

Real      y = clamp(a - b)
Integer   as ADD with s = R(a_factor, ...) - R(b_factor, ...)
          An output scale may be so small that the output factor exceeds one: then the sum is
          shifted left first, and what leaves int32 saturates. LiteRT takes such models, and shifts
          by a negative count: what it gives depends on how a compiler vectorized that
Raises    ModelError, from prepare only
Source    LiteRT kernels/sub.cc, internal/reference/sub.h (f67457790);
          tflite-micro micro/kernels/sub_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for output factors below one
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from refinterp.kernels.addition import SumInteger, SumPlain
from refinterp.kernels.registry import kernel


@dataclass(frozen=True, slots=True)
class SubOptions:
    """Schema table SubOptions."""

    fused_activation_function: str | int = "NONE"
    pot_scale_int16: bool = True

    sign: ClassVar[int] = -1


kernel("SUB", "int8", "uint8", "int16", options=SubOptions)(SumInteger)
kernel("SUB", "float32", "int32", "int64", options=SubOptions)(SumPlain)
