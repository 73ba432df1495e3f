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

    labels: what each sample should give, from `labels_origin`. labels_asked: they are
    meant as labels; False where only the names of folders say so. class_names: names of the labels
    0, 1, …, where the data say them. inputs: the model's, with all sizes settled by the data.
    notes: what was done to the data on the way in, for the user to read; look: what can be told
    only by opening more of them.
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
