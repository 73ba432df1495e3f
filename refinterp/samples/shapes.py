"""How an array's shape stands to an input's: how many samples it holds, and each one's shape.

Axes of size 1 that are missing or too many, and axes merged or split without a change of order, are
mended and told; whatever would need another order of the elements is an error that says which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from refinterp.errors import UsageError
from refinterp.graph.model import Shape
from refinterp.samples.inputs import ModelInput, Pattern

_COLOURS = (3, 4)  # channels of a picture that may lie first or last


@dataclass(frozen=True, slots=True)
class Fit:
    """count: samples. found: the shape of one in the array; shape: as the input takes it.

    rows: entries of the array's first axis that make up a sample, 0 when the array is one sample.
    note: what was done to the shape, or None.
    """

    count: int
    found: Shape
    shape: Shape
    rows: int = 1
    note: str | None = None


def fit_shape(given: Shape, wanted: ModelInput) -> Fit:
    """Find how an array of shape `given` holds samples of an input.

    Raises UsageError (without the file's name) saying what is allowed, and how to get there.
    """
    pattern = wanted.pattern
    exact = _exact(given, pattern)
    if exact is not None:
        return exact
    for one in _whole_first(given, pattern):
        found = given if one else given[1:]
        shape = _without_ones(found, pattern)
        if shape is None and not wanted.is_open:
            shape = _regrouped(found, wanted.spec.shape)
        if shape is not None:
            rows = 0 if one else 1
            note = f"reshaped from {list(found)} to {list(shape)}, in the order they lie in"
            return Fit(1 if one else given[0], found, shape, rows, note)
    raise UsageError(_refusal(given, wanted))


def _exact(given: Shape, pattern: Pattern) -> Fit | None:
    """Samples on axis 0, one sample, samples in place of a batch of 1, several to a batch."""
    if given and matches(given[1:], pattern):
        return Fit(given[0], given[1:], given[1:])
    if matches(given, pattern):
        return Fit(1, given, given, rows=0)
    if pattern and given and matches(given[1:], pattern[1:]):
        batch = pattern[0]
        if batch == 1:
            return Fit(given[0], given[1:], (1, *given[1:]))
        if batch and given[0] % batch == 0:
            shape = (batch, *given[1:])
            return Fit(given[0] // batch, shape, shape, rows=batch)
    return None


def matches(shape: Shape, pattern: Pattern) -> bool:
    """Whether a shape is that of a pattern, whose None stands for any size."""
    return len(shape) == len(pattern) and all(
        size is None or size == n for n, size in zip(shape, pattern, strict=True)
    )


def _whole_first(given: Shape, pattern: Pattern) -> tuple[bool, ...]:
    """Whether to take the array as one sample, in the order to try."""
    if None in pattern:
        return (False, True) if given else (True,)
    size = math.prod(n for n in pattern if n is not None)
    if math.prod(given) == size:
        return (True,)
    return (False,) if given else ()


def _without_ones(found: Shape, pattern: Pattern) -> Shape | None:
    """The pattern's shape when the two are equal but for axes of size 1."""
    sizes = [n for n in found if n != 1]
    if not matches(tuple(sizes), tuple(n for n in pattern if n != 1)):
        sizes = list(found)  # an open size may be 1
        if not matches(tuple(sizes), tuple(n for n in pattern if n != 1)):
            return None
    rest = iter(sizes)
    return tuple(1 if n == 1 else next(rest) for n in pattern)


def _regrouped(found: Shape, wanted: Shape) -> Shape | None:
    """The wanted shape when it comes of merging or splitting axes, none of them in another order.

    A flattened picture of several channels is not split: which of them lies first is not known.
    """
    if math.prod(found) != math.prod(wanted):
        return None
    have, want = set(accumulate(found, mul)) - {1}, set(accumulate(wanted, mul)) - {1}
    if not (have <= want or want <= have):
        return None
    if _is_picture(wanted) and math.prod(wanted) // wanted[-1] not in have:
        return None
    return wanted


def _is_picture(shape: Shape) -> bool:
    return len([n for n in shape if n != 1]) == 3 and shape[-1] in _COLOURS


def _refusal(given: Shape, wanted: ModelInput) -> str:
    rest = wanted.allowed[1:-1]
    text = (
        f"has shape {list(given)}; input {wanted.spec.name!r} takes {wanted.allowed} for one "
        f"sample, or [samples, {rest}]"
    )
    shape = tuple(0 if n is None else n for n in wanted.pattern)
    sizes = [n for n in shape if n != 1]
    for found in (given, given[1:]):
        have = [n for n in found if n != 1]
        if len(have) != 3 or len(sizes) != 3 or have == sizes:
            continue
        axes = len(given) == 4
        if _same([have[1], have[2], have[0]], sizes):
            order = "0, 2, 3, 1" if axes else "1, 2, 0"
            return (
                f"{text}. The channels lie first (NCHW), the model wants them last (NHWC): "
                f"numpy.transpose(array, ({order}))"
            )
        if _same([have[2], have[0], have[1]], sizes):
            order = "0, 3, 1, 2" if axes else "2, 0, 1"
            return (
                f"{text}. The channels lie last (NHWC), the model wants them first (NCHW): "
                f"numpy.transpose(array, ({order}))"
            )
    if not wanted.is_open and _is_picture(shape) and math.prod(given[1:]) == math.prod(shape):
        height, width, channels = sizes
        return (
            f"{text}. Flattened pictures of {channels} channels do not say which channel lies "
            f"where: numpy.reshape(array, (-1, {height}, {width}, {channels})) if the channels of "
            f"a pixel lie together, numpy.reshape(array, (-1, {channels}, {height}, {width}))"
            ".transpose(0, 2, 3, 1) if one channel follows the other"
        )
    batch = shape[0] if shape else 1
    if batch > 1 and given[1:] == shape[1:]:
        return f"{text}. The model takes {batch} at once: give a multiple of {batch}"
    return text


def _same(have: list[int], sizes: list[int]) -> bool:
    return all(b in (0, a) for a, b in zip(have, sizes, strict=True))
