"""The kernels' texts, and what they say of themselves: where an argument stands, what they need.

A text names its arguments `A.name`; their places in the array of arguments follow from the order in
which the names first appear, behind what the module's loop reads. A line that ends in `#[feature]`
belongs to modules that need the feature.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

FIRST: Final = 3
"""Arguments of the loop itself: bytes to read, which view of the arena they go to, which kernel."""

LEFT: Final = "left"
"""Some channel is shifted left before it is rescaled; otherwise lines of RIGHT are taken."""

SINGLE: Final = "single"
"""Some sum is rounded once; otherwise lines of DOUBLE are taken."""

THUMB: Final = "thumb"
"""Inner products are machine code of Arm; otherwise lines of VIPER are taken."""

_OPPOSITES: Final[Mapping[str, str]] = {"right": LEFT, "double": SINGLE, "viper": THUMB}
_FOLDER: Final = Path(__file__).with_name("kernels")
_PARTS: Final = Path(__file__).with_name("kernel_parts")
_ARGUMENT: Final = re.compile(r"\bA\.([a-z_0-9]+)")
_FEATURE: Final = re.compile(r"  #\[([a-z]+)\]$")


@cache
def kernels() -> tuple[str, ...]:
    """Return the kernels' names, in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.txt")))


@cache
def text(name: str) -> str:
    """Return a kernel's text as it stands in its file."""
    return (_FOLDER / f"{name}.txt").read_text("utf-8")


@cache
def places(name: str) -> Mapping[str, int]:
    """Return where each argument of a kernel stands in the array of arguments."""
    found = dict.fromkeys(_ARGUMENT.findall(text(name)))
    return {argument: place for place, argument in enumerate(found, FIRST)}


def rendered(name: str, features: Collection[str]) -> str:
    """Return a kernel as the module has it: arguments by number, lines of its features only."""
    where = places(name)
    lines = _lines(text(name), features)
    return "\n".join(_ARGUMENT.sub(lambda m: f"A[{where[m[1]]}]", line) for line in lines) + "\n"


def inner_products() -> str:
    """Return the function that kernels call for inner products where the module is for Arm."""
    return (_PARTS / "dots.txt").read_text("utf-8")


def _lines(whole: str, features: Collection[str]) -> Iterator[str]:
    for line in whole.splitlines():
        marked = _FEATURE.search(line)
        if marked is None:
            yield line
        elif _wanted(marked[1], features):
            yield line[: marked.start()]


def _wanted(feature: str, features: Collection[str]) -> bool:
    opposite = _OPPOSITES.get(feature)
    return feature in features if opposite is None else opposite not in features
