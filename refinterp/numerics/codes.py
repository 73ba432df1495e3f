"""Floats on their way to codes: in long rows, adding away from zero, to the output's type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.tape import NOW, Do, put


def stretched(size: int, row: int) -> Iterator[Callable[[Any], Any]]:
    """Yield what cuts a flat array of `size` into rows as long as a vector, and what is left.

    Long rows keep NumPy's inner loops long; a short one lies beside its vector like for like.
    """
    whole = size // row * row
    if whole > row:
        yield lambda flat: flat[:whole].reshape(-1, row)
    elif whole:
        yield lambda flat: flat[:whole]
    if whole < size:
        yield lambda flat: flat[whole:size]


def store(
    work: NDArray[Any],
    out: NDArray[Any],
    low: int,
    high: int,
    zero_point: int,
    do: Do = NOW,
    spare: NDArray[Any] | None = None,
) -> None:
    """Write trunc(work) + zero_point into out; work lies in [low, high], relative to zero_point.

    A float outside an integer type's range converts to whatever the processor likes (x86 wraps, Arm
    saturates), so the conversion goes to a type that holds [low, high]; only integers wrap.
    spare: flat scratch of as many elements and bytes as work, for where two conversions are needed.
    """
    least, most = _LIMITS[out.dtype.char]
    if not least <= zero_point <= most:  # the file may say so, absurd as it is
        do(_store_wide, work, out, zero_point)
        return
    if least <= low and high <= most:
        target = out
    elif low >= 0 and high <= 2 * most + 1:
        target = out.view(_UNSIGNED[out.dtype.itemsize])
    else:
        wide: Any = np.int16 if out.dtype.itemsize == 1 else np.int32
        target = np.empty(work.size, wide) if spare is None else spare.view(wide)[: work.size]
        target = target.reshape(work.shape)
    do(put, target, work)
    if zero_point:
        mask = 2 * most + 1 if target.dtype.kind == "u" else -1  # an unsigned sum wraps to the code
        do(np.add, target, target.dtype.type(zero_point & mask), target)
    if target.dtype.itemsize > out.dtype.itemsize:
        do(put, out, target)  # in range: the clamp saw to it


def _store_wide(work: NDArray[Any], out: NDArray[Any], zero_point: int) -> None:
    np.copyto(out, work.astype(np.int64) + zero_point, casting="unsafe")


def add_away(work: NDArray[Any], half: NDArray[Any], spare: NDArray[Any], do: Do = NOW) -> None:
    """Add copysign(half, work) to work, in place; half > 0, spare: scratch of work's shape.

    The sign bit is moved by integer operations: NumPy's `copysign` is several times slower.
    """
    lowest = _SIGNS[work.dtype.itemsize]
    signs = spare.view(lowest.dtype)
    do(np.bitwise_and, work.view(lowest.dtype), lowest, signs)
    do(np.bitwise_or, signs, half.view(lowest.dtype), signs)
    do(np.add, work, spare, work)


_SIGNS: dict[int, Any] = {4: np.int32(-(2**31)), 8: np.int64(-(2**63))}
"""A sign bit alone, by the size of a float."""
_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}
_LIMITS = {
    np.dtype(kind).char: (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in (np.int8, np.uint8, np.int16, np.int32)
}
