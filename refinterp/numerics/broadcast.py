"""Operands of different shapes and ranks, lined up and cut into blocks that stay in cache.

Arrays carry a sample axis S in front; the axes a smaller operand lacks are inserted after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from refinterp.errors import ModelError

Array = NDArray[Any]
BLOCK = 1 << 15  # elements per block: index and result stay in the second-level cache


def broadcast_shape(first: Sequence[int], second: Sequence[int], *, where: str) -> tuple[int, ...]:
    """Return the common shape of two operands, by the rules NumPy and LiteRT share.

    Raises ModelError, naming `where`, when two sizes differ and neither is 1.
    """
    rank = max(len(first), len(second))
    pairs = zip(_padded(first, rank), _padded(second, rank), strict=True)
    sizes = []
    for a, b in pairs:
        if a != b and 1 not in (a, b):
            raise ModelError(
                f"{where}: shapes {list(first)} and {list(second)} do not broadcast: "
                f"{a} against {b}"
            )
        sizes.append(b if a == 1 else a)
    return tuple(sizes)


def _padded(shape: Sequence[int], rank: int) -> tuple[int, ...]:
    return (1,) * (rank - len(shape)) + tuple(shape)


def lined_up(array: Array, rank: int) -> Array:
    """Insert axes of size 1 after the sample axis until the array has `rank` axes besides it."""
    missing = rank + 1 - array.ndim
    if missing <= 0:
        return array
    return array.reshape(array.shape[0], *(1,) * missing, *array.shape[1:])


def blocks(out: Array, *operands: Array, limit: int = BLOCK) -> Iterator[tuple[Array, ...]]:
    """Yield matching views (out, operands...) of about `limit` output elements each.

    out is contiguous and has the full shape; the operands broadcast to it. Axes along which all
    operands advance alike are merged first, so that equal shapes make one long axis.
    """
    if out.size == 0:
        return
    merged = _merged((out, *(lined_up(operand, out.ndim - 1) for operand in operands)))
    yield from _cut(merged, limit)


def _merged(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Reshape so that no two neighbouring axes could be one; the first array has every size."""
    groups: list[tuple[int, tuple[bool, ...]]] = []  # output size, and who repeats along it
    for axis, size in enumerate(arrays[0].shape):
        if size == 1:
            continue
        repeated = tuple(array.shape[axis] == 1 for array in arrays)
        if groups and groups[-1][1] == repeated:
            groups[-1] = (groups[-1][0] * size, repeated)
        else:
            groups.append((size, repeated))
    if not groups:
        return tuple(array.reshape(1) for array in arrays)
    return tuple(
        array.reshape([1 if repeated[i] else size for size, repeated in groups])
        for i, array in enumerate(arrays)
    )


def _cut(arrays: tuple[Array, ...], limit: int) -> Iterator[tuple[Array, ...]]:
    count, row = arrays[0].shape[0], math.prod(arrays[0].shape[1:])
    if row > limit:  # then the rows themselves have two axes or more, or are one long one
        for index in range(count):
            yield from _cut(tuple(a[0 if len(a) == 1 else index] for a in arrays), limit)
        return
    step = max(1, limit // row)
    for start in range(0, count, step):
        yield tuple(a if len(a) == 1 else a[start : start + step] for a in arrays)
