"""SUM: the sum over some axes.

Real      y = sum(x)
Integer   int8, uint8, int16: y = clip(R(sum(x) - n * x_zero) + y_zero)
          int32, int64: y = sum(x), wrapping
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims)
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis x does not have, missing scales; NeedsValue when
          the axes are known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (f67457790); tflite-micro
          micro/kernels/reduce_common.cc (90b983c2b)
Exact to  TFLM, LiteRT BUILTIN_REF but for int8 and int16: it takes their codes for uint8 ones, and
          writes one byte per element; float32 sums are added in their order
"""

from __future__ import annotations

import numpy as np

from refinterp.kernels.reduction import code_sums, ordered_reduction, plain_reduction

code_sums("SUM", mean=False)
plain_reduction("SUM", np.add, "int32", "int64")
ordered_reduction("SUM", np.add, 0)
