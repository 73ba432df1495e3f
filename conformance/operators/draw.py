"""One source of choices for random models, driven by NumPy for speed or hypothesis for shrinking.

A case generator asks a `Draw` for small decisions (sizes, settings, scales) one at a time, and for
bulk data through `rng`. Under hypothesis the decisions shrink, and so does the failing model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_LIMITS = {
    "int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int4": (-8, 7),
    "int2": (-2, 1), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1),
    "uint16": (0, 2**16 - 1), "uint32": (0, 2**32 - 1), "uint64": (0, 2**64 - 1), "uint4": (0, 15),
}  # fmt: skip


class Draw(Protocol):
    """Where decisions come from."""

    rng: np.random.Generator

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]; hypothesis shrinks it towards low."""
        ...


class RandomDraw:
    """Decisions from a seeded NumPy generator."""

    def __init__(self, seed: int | Sequence[int]) -> None:
        self.rng = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return int(self.rng.integers(low, high + 1))


def choice(d: Draw, options: Sequence[T]) -> T:
    """One of the options; simpler ones should come first."""
    return options[d.integer(0, len(options) - 1)]


def chance(d: Draw, percent: int) -> bool:
    """True in `percent` of a hundred draws."""
    return d.integer(0, 99) >= 100 - percent


def shape(d: Draw, rank: int, most: int = 6, least: int = 1) -> tuple[int, ...]:
    """A shape of `rank` sizes in [least, most]; size 1 comes up more often than its share."""
    return tuple(1 if chance(d, 15) else d.integer(least, most) for _ in range(rank))


def scale(d: Draw, low: float = 2.0**-10, high: float = 1.0) -> float:
    """A float32 scale: a power of two (ties!) in a third of the draws, else log-uniform."""
    first, last = int(np.ceil(np.log2(low))), int(np.floor(np.log2(high)))
    if chance(d, 34):
        return float(2.0 ** d.integer(first, last))
    exponent = np.log2(low) + (np.log2(high) - np.log2(low)) * d.integer(0, 10**6) / 1e6
    return float(np.float32(2.0**exponent))


def zero_point(d: Draw, dtype: str = "int8") -> int:
    """A zero point: extremes and the middle come up more often; int16 has only 0."""
    if dtype == "int16":
        return 0
    low, high = _LIMITS[dtype]
    middle = (low + high + 1) // 2
    return choice(d, [middle, low, high, d.integer(low, high), d.integer(low, high)])


def codes(d: Draw, dims: Sequence[int], dtype: str = "int8") -> NDArray[Any]:
    """Integer data: uniform, extremes only, near zero, or constant. int4 comes as int8 values."""
    low, high = _LIMITS[dtype]
    storage = {"int4": "int8", "int2": "int8", "uint4": "uint8"}.get(dtype, dtype)
    kind = choice(d, ["uniform", "uniform", "uniform", "extremes", "small", "constant"])
    if kind == "extremes":
        return d.rng.choice(np.array([low, high, low + 1, high - 1], storage), tuple(dims))
    if kind == "small":
        low, high = max(low, -3), min(high, 3)
    if kind == "constant":
        return np.full(tuple(dims), d.rng.integers(low, high, dtype=storage, endpoint=True))
    return d.rng.integers(low, high, tuple(dims), storage, endpoint=True)


def reals(d: Draw, dims: Sequence[int], size: float = 3.0) -> NDArray[np.float32]:
    """float32 data: normal, with exact zeros, or large."""
    kind = choice(d, ["normal", "normal", "zeros", "large"])
    values = d.rng.standard_normal(tuple(dims)) * size
    if kind == "zeros":
        values = np.where(d.rng.random(tuple(dims)) < 0.5, 0.0, values)
    if kind == "large":
        values = values * 100
    return np.asarray(values, np.float32)


def inputs(d: Draw, dims: Sequence[int], dtype: str) -> NDArray[Any]:
    """Data for an input of a type: codes or reals."""
    if dtype in ("float32", "float16"):
        return reals(d, dims).astype(dtype)
    if dtype == "bool":
        return d.rng.random(tuple(dims)) < 0.5
    return codes(d, dims, dtype)


ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
