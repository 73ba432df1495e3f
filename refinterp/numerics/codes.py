"""Floats on their way to codes: adding away from zero, and converting to the output's type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def store(work: NDArray[Any], out: NDArray[Any], low: int, high: int, zero_point: int) -> None:
    """Write trunc(work) + zero_point into out; work lies in [low, high], relative to zero_point.

    A float outside an integer type's range converts to whatever the processor likes (x86 wraps, Arm
    saturates), so the conversion goes to a type that holds [low, high]; only integers wrap.
    """
    least, most = _LIMITS[out.dtype.char]
    if not least <= zero_point <= most:  # the file may say so, absurd as it is
        np.copyto(out, work.astype(np.int64) + zero_point, casting="unsafe")
        return
    if least <= low and high <= most:
        target = out
    elif low >= 0 and high <= 2 * most + 1:
        target = out.view(_UNSIGNED[out.dtype.itemsize])
    else:
        wide = work.astype(np.int16 if out.dtype.itemsize == 1 else np.int32)
        np.add(wide, wide.dtype.type(zero_point), out=wide)
        np.copyto(out, wide, casting="unsafe")  # in range: the clamp saw to it
        return
    np.copyto(target, work, casting="unsafe")
    if zero_point:
        mask = -1 if target is out else 2 * most + 1  # an unsigned sum wraps to the code
        np.add(target, target.dtype.type(zero_point & mask), out=target)


def add_away(work: NDArray[Any], half: NDArray[Any], spare: NDArray[Any]) -> None:
    """Add copysign(half, work) to work, in place; half > 0, spare: scratch of work's shape.

    The sign bit is moved by integer operations: NumPy's `copysign` is several times slower.
    """
    integer = np.dtype(f"i{work.dtype.itemsize}")
    signs = spare.view(integer)
    np.bitwise_and(work.view(integer), np.iinfo(integer).min, out=signs)
    np.bitwise_or(signs, half.view(integer), out=signs)
    np.add(work, spare, out=work)


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}
_LIMITS = {
    np.dtype(kind).char: (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in (np.int8, np.uint8, np.int16, np.int32)
}
