"""The search for the smallest set of layers in another precision that recovers a target.

It keeps adding the operator that gains most, unless even all of them together do not reach the
target; in large models each step tries those that the steps before have found best. What counts is
the set *deployed*, where an integer layer reads integers whoever feeds it, so those who read what a
kept layer writes are kept with it. Once the set reaches the target it gives back every layer that
turns out not to be needed, and where all smaller sets can be tried it says that none of them would
do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Final

from refinterp.debug.study.report import Search, SearchStep
from refinterp.debug.study.variants import PERFECT, Variants, ordered

_ALL_TRIED: Final = 24  # layers of a model in which each step of the search tries all
_TRIED: Final = 8  # in larger ones
_PROOF: Final = 300  # how many smaller sets are tried to show that none does

Enough = Callable[[Iterable[int]], bool]
Stopping = Callable[[], bool]


def search(
    variants: Variants,
    usable: Sequence[int],
    wanted: float,
    told: Callable[[int], None],
    stop: Stopping,
) -> Search | None:
    """Grow the set by what gains most, then give back what is not needed.

    usable: the operators that can be kept, in order. wanted: of the target's figure. told: called
    with how large the set has grown. stop: once it says yes, None is returned.
    """
    goal = min(-wanted if variants.falls() else wanted, PERFECT)

    def enough(operators: Iterable[int]) -> bool:
        return variants.figure(variants.effect(operators, deployed=True)) >= goal

    steps: list[SearchStep] = []
    chosen: list[int] = []
    if not enough(chosen) and not enough(usable):
        chosen = sorted(usable)  # hopeless
    else:
        grown = _grow(variants, usable, enough, steps, told, stop)
        if grown is None:
            return None
        chosen = grown
    reached = enough(chosen)
    smallest: bool | None = None
    if reached:
        for operator in reversed(chosen):
            rest = [i for i in chosen if i != operator]
            if enough(rest):
                chosen = rest
        chosen, smallest = _smaller(usable, chosen, enough, stop)
    return Search(
        wanted,
        reached,
        tuple(steps),
        tuple(sorted(chosen)),
        tuple(sorted(variants.carried(chosen))),
        variants.effect(chosen),
        variants.effect(chosen, deployed=True),
        smallest,
    )


def _grow(
    variants: Variants,
    usable: Sequence[int],
    enough: Enough,
    steps: list[SearchStep],
    told: Callable[[int], None],
    stop: Stopping,
) -> list[int] | None:
    """Add what gains most until it is enough, or all is in; a line is added to `steps` for each."""
    able = frozenset(usable)
    grown: list[int] = []
    chosen: list[int] = []
    values = {i: _order(variants, (i,)) for i in usable}
    while not enough(chosen) and values:
        told(len(grown))
        tried = sorted(values, key=lambda i: values[i], reverse=True)
        if len(usable) > _ALL_TRIED:
            tried = tried[:_TRIED]
        for operator in tried:
            if stop():
                return None
            values[operator] = _order(variants, (*grown, operator))
        best = max(tried, key=lambda i: (values[i], -usable.index(i)))
        del values[best]
        grown.append(best)
        chosen = [*grown, *sorted((variants.readers(grown) & able) - set(grown))]
        effects = variants.effect(grown), variants.effect(chosen, deployed=True)
        steps.append(SearchStep(best, *effects))
    return chosen


def _order(variants: Variants, operators: Sequence[int]) -> tuple[float, float]:
    """What the search goes by: the figure, and the SQNR where it is equal."""
    found = variants.effect(operators)
    return variants.figure(found), ordered(found.sqnr_db)


def _smaller(
    usable: Sequence[int], chosen: list[int], enough: Enough, stop: Stopping
) -> tuple[list[int], bool | None]:
    """Try all smaller sets, if they are few: the smallest, and whether that is proven."""
    sizes = range(1, len(chosen))
    if sum(math.comb(len(usable), size) for size in sizes) > _PROOF:
        return chosen, None
    for size in sizes:
        for trial in combinations(usable, size):
            if stop():
                return chosen, None
            if enough(trial):
                return list(trial), True
    return chosen, True
