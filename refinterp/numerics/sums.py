"""Sums of codes over an axis between others, taken as products with ones.

BLAS adds rows of a matrix several times as fast as NumPy reduces them. Exact for whatever type
`numerics.gemm` would call exact: integers whose sums of absolute values stay below 2**24 in
float32, 2**53 in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 1 << 17  # elements converted at a time: they stay in a second-level cache

Take = Callable[[tuple[int, ...], Any], NDArray[Any]]


def middle_sums(x: NDArray[Any], out: NDArray[Any], take: Take) -> None:
    """Write the sums of codes x (n, k, c) over k into out (n, c), a float type that is exact.

    take: lends scratch memory of a shape and type.
    """
    n, k, c = x.shape
    step = max(1, BLOCK // max(1, k * c))
    block = take((min(step, n), k, c), out.dtype)
    ones = _ones(k, out.dtype.char)
    for start in range(0, n, step):
        own = x[start : start + step]
        converted = block[: len(own)]
        np.copyto(converted, own)
        np.matmul(ones, converted, out=out[start : start + step, None])


@lru_cache(maxsize=64)
def _ones(count: int, kind: str) -> NDArray[Any]:
    array = np.ones((1, count), kind)
    array.flags.writeable = False
    return array
