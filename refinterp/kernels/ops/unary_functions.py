"""NEG, SQUARE, SIN, COS, CEIL, FLOOR, ROUND, SIGN, LOGICAL_NOT: plain functions of an element.

Real      y = -x, x * x, sin(x), cos(x), the whole number above, below or nearest (halves to even),
          -1, 0 or 1, not x
Integer   NEG on int8 and int16 turns the code itself, whatever scale and zero point say; the
          smallest code stays itself
Shapes    y as x
Raises    ModelError, from prepare only: types that differ
Source    LiteRT kernels/elementwise.cc, neg.cc, ceil.cc, floor.cc, round.cc, sign.cc (f67457790);
          tflite-micro micro/kernels/ the same names (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; SIN and COS within an ulp
"""

from __future__ import annotations

import numpy as np

from refinterp.kernels.elementwise import real_function
from refinterp.numerics.tables import in_float64

real_function("NEG", np.negative, "float32", "float16", "int8", "int16", "int32", "int64")
real_function("SQUARE", np.square)
real_function("SIN", in_float64(np.sin), "float32", "float16")
real_function("COS", in_float64(np.cos), "float32", "float16")
real_function("CEIL", np.ceil)
real_function("FLOOR", np.floor, "float32", "float16")
real_function("ROUND", np.rint, "float32", "float16")
real_function("SIGN", np.sign, "float32", "int32")
real_function("LOGICAL_NOT", np.logical_not, "bool")
