"""What the operators that only move elements share: checks of operands, axes and known values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, NeedsValue

BYTES: Final = (
    "float32", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "bool",
)  # fmt: skip
"""Types whose elements are whole bytes that can be copied as they are."""

ALL: Final = (*BYTES, "int4")
"""Types an operator that copies elements as they are can copy."""


def value(spec: TensorSpec, where: str) -> NDArray[Any]:
    """Return the value of an operand. Raises NeedsValue when it is not known before the run."""
    if spec.data is not None:
        return spec.data
    if spec.size == 0:
        return np.empty(spec.shape, STORAGE[spec.dtype])
    raise NeedsValue(spec)


def integers(spec: TensorSpec, where: str) -> list[int]:
    """Return the value of an integer operand as a flat list; raises as `value` does."""
    data = value(spec, where)
    if data.dtype.kind not in "iub":
        raise ModelError(f"{where}: {spec.name!r} must hold integers, it is {data.dtype}")
    return [int(item) for item in data.reshape(-1)]


def integer(spec: TensorSpec, where: str) -> int:
    """Return the value of an operand of one integer; raises as `value` does."""
    found = integers(spec, where)
    if len(found) != 1:
        raise ModelError(f"{where}: {spec.name!r} must hold one integer, it holds {len(found)}")
    return found[0]


def axis_of(axis: int, rank: int, where: str) -> int:
    """Count an axis from the front; allowed is [-rank, rank)."""
    if not -rank <= axis < rank:
        raise ModelError(f"{where}: axis {axis} does not exist in {rank} dimensions")
    return axis % rank


def same_scale(x: TensorSpec, y: TensorSpec, where: str) -> None:
    """Check that codes mean the same before and after: one scale and zero point.

    Raises ModelError, as LiteRT refuses what would have to be rescaled.
    """
    if x.step != y.step or x.zero != y.zero:
        raise ModelError(
            f"{where}: {x.name!r} has scale {x.step:g} and zero point {x.zero}, but {y.name!r} has "
            f"{y.step:g} and {y.zero}; codes are copied, so they must be the same"
        )


def expect_shapes(outputs: Sequence[TensorSpec], shapes: Sequence[Shape], where: str) -> None:
    """Check that there are as many outputs as results, each of its result's shape."""
    found = [tuple(spec.shape) for spec in outputs]
    if found != [tuple(shape) for shape in shapes]:
        raise ModelError(
            f"{where}: outputs have shapes {[list(s) for s in found]}, "
            f"but the results {[list(s) for s in shapes]}"
        )


def copy(x: Array, y: Array) -> None:
    """Copy the elements in order, whatever the two shapes; (S or 1, ...) to (S, ...)."""
    np.copyto(y, x.reshape(len(x), *y.shape[1:]))


def take(x: Array, index: NDArray[Any], axis: int, y: Array) -> None:
    """Fill y with x[..., index, ...] along an axis counted without the sample axis.

    x: (S or 1, ...). index: any shape, which replaces the axis; every entry in range.
    """
    first = y if len(x) == len(y) else y[: len(x)]
    index = index.astype(np.intp, copy=False)
    np.take(x, index, axis=axis + 1, out=first, mode="clip")  # "raise" would buffer the result
    if first is not y:
        y[len(x) :] = first


def per_sample(count: int, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield for each of `count` samples the arrays without the sample axis; (1, ...) repeats."""
    for s in range(count):
        yield tuple(array[min(s, len(array) - 1), ...] for array in arrays)  # views, even 0-D


def within(index: NDArray[Any], size: int, where: str) -> None:
    """Check that every index is in [0, size). Raises ModelError, as the runtimes fail the run."""
    if index.size and (index.min() < 0 or index.max() >= size):
        raise ModelError(
            f"{where}: indices {index.min()}..{index.max()} are not all in 0..{size - 1}"
        )
