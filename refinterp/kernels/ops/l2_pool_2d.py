"""L2_POOL_2D: the root of the mean square of each window of each channel.

Real      y = clamp(sqrt(sum(x * x) / n)), n the window's elements that lie inside the image
Shapes    x (batch, height, width, channels), y (batch, height', width', channels)
Units     float32
Raises    ModelError, from prepare only: a window that does not fit
Source    LiteRT kernels/pooling.cc, internal/reference/pooling.h (L2Pool; f67457790);
          tflite-micro micro/kernels/l2_pool_2d.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM, whose order of summation is kept
"""

from __future__ import annotations

from refinterp.kernels.pooling import mean_pool

mean_pool("L2_POOL_2D", squares=True)
