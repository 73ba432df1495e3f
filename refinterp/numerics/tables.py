"""Functions of 8- and 16-bit codes, worked out once for every code there is.

A table is indexed by a code's bit pattern read as unsigned, a table of pairs by the first code's
pattern times 256 plus the second's. What it holds is what the plain definition returns for each
index, so a table is exact by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
Array = NDArray[Any]

UNSIGNED = {1: np.dtype(np.uint8), 2: np.dtype(np.uint16)}
"""The type a code's bit pattern is read as, by its size in bytes."""


def all_codes(dtype: str) -> I64:
    """Return every code of a type of at most 16 bits, in the order of the bit patterns."""
    kind = np.dtype(dtype)
    patterns = np.arange(1 << (8 * kind.itemsize), dtype=UNSIGNED[kind.itemsize])
    return patterns.view(kind).astype(np.int64)


def tabulate(function: Callable[[I64], Array], x_dtype: str, y_dtype: str) -> Array:
    """Return function(code) for every code of x_dtype, as y_dtype."""
    return np.asarray(function(all_codes(x_dtype))).astype(y_dtype)


def tabulate_pairs(
    function: Callable[[I64, I64], Array], a_dtype: str, b_dtype: str, y_dtype: str
) -> Array:
    """Return function(a, b) for every pair of 8-bit codes, as y_dtype, (65536,)."""
    values = function(all_codes(a_dtype)[:, None], all_codes(b_dtype)[None, :])
    return np.asarray(values).astype(y_dtype).reshape(-1)
