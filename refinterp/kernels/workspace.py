"""Scratch memory that kernels share: taken during one operator, void after it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_ALIGN = 64  # one cache line, and what wide vector loads like
_FIRST = 1 << 21
"""Bytes that are asked for when scratch is first taken: what is never written to takes no memory,
and a first run then touches the same bytes operator after operator."""


class Workspace:
    """A byte array that grows to the largest operator's need and is used again by the next."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)
        self._base = 0
        self._used = 0
        self._wanted = 0

    @property
    def nbytes(self) -> int:
        """Bytes held at present."""
        return self._bytes.nbytes

    def reset(self) -> None:
        """Give everything back; called between operators."""
        if self._wanted > self._bytes.size - _ALIGN:
            self._grow(self._wanted)
        self._used = 0
        self._wanted = 0

    def _grow(self, size: int) -> None:
        self._bytes = np.empty(size + _ALIGN, np.uint8)
        self._base = -self._bytes.ctypes.data % _ALIGN

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Lend an uninitialised array of `shape`; valid until the next `reset`."""
        kind = np.dtype(dtype)
        nbytes = math.prod(shape) * kind.itemsize
        padded = nbytes + (-nbytes % _ALIGN)
        if not self._bytes.size:
            self._grow(_FIRST)
        start = self._base + self._used
        self._wanted += padded
        if start + nbytes > self._bytes.size:
            return np.empty(shape, kind)  # once; the next reset grows the array
        self._used += padded
        return np.ndarray(shape, kind, self._bytes, start)
