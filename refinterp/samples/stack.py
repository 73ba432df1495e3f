"""Samples of one input as a file has them, before anybody asks what their numbers stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape
from refinterp.samples.inputs import ModelInput
from refinterp.samples.shapes import Fit

Array = NDArray[Any]
Kind = Literal["array", "image", "codes"]


def _nothing() -> tuple[str, ...]:
    return ()


def _sample(index: int) -> str:
    return f"sample {index}"


@dataclass(frozen=True, slots=True)
class Stack:
    """`count` samples; read(i) gives one in the file's type, of `shape`, the input's.

    origin: the file, and what of it.
    count: how many there are.
    dtype: the file's.
    found: the shape of a sample in the file.
    shape: the input's.
    read: opens one, by index from 0.
    kind: what an element is: a number, a pixel or a code.
    notes: what was done to get here.
    look: what can be told only by opening more of the data, asked for at most once.
    place: where in the file a sample lies, for messages.
    """

    origin: str
    count: int
    dtype: np.dtype[Any]
    found: Shape
    shape: Shape
    read: Callable[[int], Array]
    kind: Kind = "array"
    notes: tuple[str, ...] = ()
    look: Callable[[], tuple[str, ...]] = _nothing
    place: Callable[[int], str] = _sample


def stacked(
    origin: str, load: Callable[[], Any], fit: Fit, dtype: np.dtype[Any], notes: tuple[str, ...]
) -> Stack:
    """A stack out of an array of (samples, …); load: gives the array, as often as it is asked."""

    def read(index: int) -> Array:
        array = load()
        if not fit.rows:
            part = array
        elif fit.rows == 1:
            part = array[index]
        else:
            part = array[index * fit.rows : (index + 1) * fit.rows]
        return np.asarray(part).reshape(fit.shape)

    if fit.note:
        notes = (*notes, f"{origin}: each sample {fit.note}")
    return Stack(origin, fit.count, dtype, fit.found, fit.shape, read, "array", notes)


def sized_by(stack: Stack, wanted: ModelInput) -> ModelInput:
    """The input with the sizes that the data settle."""
    return wanted if not wanted.is_open else wanted.sized(stack.shape)
