"""Samples that were opened, whatever they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from refinterp.samples.inputs import ModelInput

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """`count` samples; `get(i)` gives one array per model input: reals, or codes of its type.

    count: how many there are.
    get: opens one, by index from 0.
    origin: what they come from, for messages.
    labels: what each sample should give, (count,); None where the data do not say.
    labels_origin: where labels come from.
    labels_asked: they are meant as labels; False where only the names of folders say so.
    class_names: names of the labels 0, 1, …, where the data say them.
    inputs: the model's, with all sizes settled by the data.
    taken: what the data are taken as, a line each.
    notes: what was done to the data on the way in, for the user to read.
    look: what can be told only by opening more of them.
    random: whether they were drawn, and come from no file.
    """

    count: int
    get: Callable[[int], list[Array]]
    origin: str
    labels: Array | None = None
    labels_origin: str = ""
    labels_asked: bool = True
    class_names: tuple[str, ...] | None = None
    inputs: tuple[ModelInput, ...] = ()
    taken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    look: Callable[[], tuple[str, ...]] = field(default=tuple)
    random: bool = False

    def __iter__(self) -> Iterator[list[Array]]:
        return (self.get(index) for index in range(self.count))
