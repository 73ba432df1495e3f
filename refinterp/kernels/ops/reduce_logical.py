"""REDUCE_ANY and REDUCE_ALL: whether one or every element over some axes is true.

Real      y = any(x), y = all(x)
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); of no elements any is false and all is true
Units     bool
Raises    ModelError, from prepare only: an axis x does not have; NeedsValue when the axes are
          known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (ReduceGeneric; f67457790);
          tflite-micro micro/kernels/reduce_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

import numpy as np

from refinterp.kernels.reduction import plain_reduction

plain_reduction("REDUCE_ANY", np.logical_or, "bool")
plain_reduction("REDUCE_ALL", np.logical_and, "bool")
