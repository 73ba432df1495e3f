"""Problems for the planners, drawn at random: graphs of operators, and intervals of all kinds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from refinterp.arena.greedy import greedy
from refinterp.arena.judge import lower_bound
from refinterp.arena.problem import Buffer, Problem

Rng = np.random.Generator
Draw = Callable[[Rng, int, int], Problem]
"""(random numbers, buffers, variant) → problem. The variant decides sizes and lengths of stay."""

WASTE: Final = 1.1
WASTE_OF_MANY: Final = 1.01  # greedy does better on long graphs
FEW: Final = (40, 120)  # buffers of a graph that is planned to the end
MANY: Final = 2000
_REACH: Final = (30, 300, 4, 10)  # operators back that a tensor is read from, at most
_STAYS: Final = (0.5, 0.15, 0.05)  # chance that a buffer goes at the next step


def _size(rng: Rng, variant: int) -> int:
    """Draw bytes, spread over magnitudes or kilobytes, as networks have them, powers, or odd."""
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: math.exp(rng.uniform(math.log(64), math.log(65536))),
        lambda: 1024 * rng.integers(1, 64),
        lambda: rng.choice([1024, 2048, 4096, 8192, 9216, 16384, 18432, 32768, 36864]),
        lambda: 1 << rng.integers(4, 17),
        lambda: rng.integers(1, 100_000) | 1,
    )
    return int(kinds[variant % len(kinds)]())


def _operators(rng: Rng, count: int, variant: int) -> Problem:
    """Operators in a row that read their predecessor and one to three earlier ones."""
    reach = _REACH[variant % len(_REACH)]
    last = list(range(count))
    for operator in range(1, count):
        back = [1, *(1 + int(rng.integers(0, reach)) for _ in range(int(rng.integers(1, 4))))]
        for steps in back:
            last[max(0, operator - steps)] = operator
    return Problem(tuple(Buffer(_size(rng, variant), i, last[i]) for i in range(count)))


def _layers(rng: Rng, count: int, variant: int) -> Problem:
    """Layers of a few operators each, which read from the layer before or one further back."""
    width = int(rng.integers(2, 9))
    last = list(range(count))
    for operator in range(width, count):
        for _ in range(int(rng.integers(1, 4))):
            layer = max(0, operator // width - int(rng.geometric(0.6)))
            read = layer * width + int(rng.integers(0, width))
            last[read] = max(last[read], operator)
    return Problem(tuple(Buffer(_size(rng, variant), i, last[i]) for i in range(count)))


def _skips(rng: Rng, count: int, variant: int) -> Problem:
    """U-Nets one after the other: what goes in first comes out last, and halves on its way."""
    buffers: list[Buffer] = []
    at = 0
    while len(buffers) < count:
        depth = int(rng.integers(2, 12))
        end, size = at + 4 * depth + 2, 4 * _size(rng, variant)
        for level in range(depth):
            step, mine = at + 2 * level, max(16, size >> level // 2)
            kept = 1 + int(mine * rng.uniform(0.3, 1.5))
            buffers += [
                Buffer(mine, step, step + 1),
                Buffer(kept, step + 1, end - 2 * level - 1),
                Buffer(mine, end - 2 * level - 2, end - 2 * level - 1),
                Buffer(2 * mine, end - 2 * level - 1, end - 2 * level),
            ]
        at = end
    return Problem(tuple(buffers[:count]))


def _blocks(rng: Rng, count: int, variant: int) -> Problem:
    """Dense blocks: every operator reads all tensors that its block has made so far."""
    buffers: list[Buffer] = []
    at = 0
    while len(buffers) < count:
        end = at + int(rng.integers(3, 20))
        for step in range(at, end):
            buffers += [
                Buffer(_size(rng, variant), step, end),
                Buffer(_size(rng, variant), step, step + 1),
            ]
        at = end
    return Problem(tuple(buffers[:count]))


def _intervals(rng: Rng, count: int, variant: int) -> Problem:
    """Buffers that come at any time and stay for a geometrically distributed one."""
    stay = _STAYS[variant % len(_STAYS)]
    firsts = [int(rng.integers(0, count)) for _ in range(count)]
    return Problem(
        tuple(Buffer(_size(rng, variant), i, i + int(rng.geometric(stay))) for i in firsts)
    )


def _long_stays(rng: Rng, count: int, variant: int) -> Problem:
    """Buffers that come at any time and leave at any later one: a third of them live at once."""
    ends = [sorted(rng.integers(0, count, 2).tolist()) for _ in range(count)]
    return Problem(tuple(Buffer(_size(rng, variant), first, last) for first, last in ends))


def _few_long_stays(rng: Rng, count: int, variant: int) -> Problem:
    """A tensor a step; half are read at once, most others soon, a tenth up to half the run on."""
    buffers = []
    for first in range(count):
        kind = rng.random()
        most = 2 if kind < 0.5 else 20 if kind < 0.9 else max(21, count // 2)
        last = min(count - 1, first + int(rng.integers(1, most)))
        buffers.append(Buffer(_size(rng, variant), first, last))
    return Problem(tuple(buffers))


KINDS: Final[Mapping[str, Draw]] = MappingProxyType(
    {
        "operators": _operators,
        "layers": _layers,
        "skips": _skips,
        "dense blocks": _blocks,
        "intervals": _intervals,
        "long stays": _long_stays,
        "few long stays": _few_long_stays,
    }
)


def draw(kind: str, seed: int, count: int | None = None) -> Problem:
    """Return the problem of a kind and seed; of 40 to 120 buffers where no count is given."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(FEW[0], FEW[1] + 1)) if count is None else count
    return KINDS[kind](rng, count, seed // len(KINDS))


def kind_of(seed: int) -> str:
    """Return the kind whose turn it is."""
    return tuple(KINDS)[seed % len(KINDS)]


def hard_graphs(count: int) -> Iterator[tuple[str, int, Problem]]:
    """Yield (kind, seed, problem) for the first seeds on which greedy wastes a tenth or more."""
    return islice(_wasted(WASTE, None), count)


def crowds(count: int, size: int = MANY) -> Iterator[tuple[str, int, Problem]]:
    """Yield (kind, seed, problem) of so many buffers, for the first seeds that greedy wastes."""
    return islice(_wasted(WASTE_OF_MANY, size), count)


def _wasted(waste: float, size: int | None) -> Iterator[tuple[str, int, Problem]]:
    for seed in itertools.count():
        kind = kind_of(seed)
        problem = draw(kind, seed, size)
        if greedy(problem).extent >= waste * lower_bound(problem):
            yield kind, seed, problem
