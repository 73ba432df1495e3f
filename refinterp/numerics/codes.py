"""Clamped floats into an output's integer type, without a conversion C leaves undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def store(work: NDArray[Any], out: NDArray[Any], low: int, high: int, zero_point: int) -> None:
    """Write trunc(work) + zero_point into out; work lies in [low, high], relative to zero_point.

    A float outside an integer type's range converts to whatever the processor likes (x86 wraps, Arm
    saturates), so the conversion goes to a type that holds [low, high]; only integers wrap.
    """
    limits = np.iinfo(out.dtype)
    if limits.min <= low and high <= limits.max:
        target = out
    elif low >= 0 and high <= 2 * limits.max + 1:
        target = out.view(_UNSIGNED[out.dtype.itemsize])
    else:
        wide = work.astype(np.int16 if out.dtype.itemsize == 1 else np.int32)
        wide += wide.dtype.type(zero_point)
        np.copyto(out, wide, casting="unsafe")  # in range: the clamp saw to it
        return
    np.copyto(target, work, casting="unsafe")
    if zero_point:
        mask = -1 if target is out else 2 * limits.max + 1  # an unsigned sum wraps to the code
        target += target.dtype.type(zero_point & mask)


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}
