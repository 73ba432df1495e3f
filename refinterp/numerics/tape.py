"""NumPy calls on fixed arrays, made at once or written down and made over and over.

A small operator spends more time in cutting its arrays into blocks and looking up what to do with
them than in arithmetic. A kernel whose calls do not depend on the data names them to a `Do`; from
run to run only the bytes in the arrays change, so what was written down once can be played again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

# On a small array np.clip takes four times what the ufunc below it takes, in Python that finds out
# what was meant. Where NumPy keeps the ufunc is not promised.
_UMATH = getattr(getattr(np, "_core", None), "umath", None)
clip: Callable[..., Any] = getattr(_UMATH, "clip", np.clip)


class Do(Protocol):
    """Takes a call that works on arrays in place.

    What one call reads and another writes is kept in order; what a call returns is dropped.
    """

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Make the call, or note it."""
        ...


@dataclass(frozen=True, slots=True)
class _Now:
    """Makes every call at once."""

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> None:
        function(*arguments)


NOW = _Now()


@dataclass(frozen=True, slots=True)
class Tape:
    """Notes calls, and plays them in order."""

    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=list)

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Note a call."""
        self.calls.append((function, arguments))

    def play(self) -> None:
        """Make all calls."""
        for function, arguments in self.calls:
            function(*arguments)


def put(target: Any, source: Any) -> None:
    """Write source into target, converting numbers as C does."""
    target[...] = source


def fill(target: Any, value: Any) -> None:
    """Set every element of target."""
    target.fill(value)
