"""Sliding windows of convolutions and pools: output sizes and padding.

Source: LiteRT kernels/padding.h (ComputeOutSize, ComputePaddingWithOffset), read at f67457790.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from refinterp.errors import ModelError


@dataclass(frozen=True, slots=True)
class Window:
    """One spatial axis of a sliding window; sizes in elements.

    size: output positions. before, after: padding at the two ends; `before` is the smaller one.
    """

    size: int
    before: int
    after: int
    kernel: int
    stride: int
    dilation: int


@lru_cache(maxsize=1024)  # a model's layers have a few windows over and over
def window(
    padding: str | int, extent: int, kernel: int, stride: int, dilation: int = 1, *, where: str
) -> Window:
    """Place a window along one axis of `extent` input elements.

    Raises ModelError, naming `where`, when stride, dilation or kernel is not positive, or the
    padding is neither SAME nor VALID.
    """
    if stride < 1 or dilation < 1 or kernel < 1:
        raise ModelError(
            f"{where}: stride {stride}, dilation {dilation} and window size {kernel} "
            "must all be at least 1"
        )
    reach = (kernel - 1) * dilation + 1
    if padding == "SAME":
        size = (extent + stride - 1) // stride
    elif padding == "VALID":
        size = (extent + stride - reach) // stride
    else:
        raise ModelError(f"{where}: padding is {padding!r}; allowed: SAME, VALID")
    size = max(size, 0)
    total = max((size - 1) * stride + reach - extent, 0) if size else 0
    before = total // 2
    return Window(size, before, total - before, kernel, stride, dilation)
