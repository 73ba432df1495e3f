"""What data a user asks for: paths and options, plain values that cross to other processes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Final

from refinterp.graph.model import Shape

SEED: Final = 42
IMAGE_RANGES: Final = ("auto", "raw", "0..255", "0..1", "-1..1")
NON_FINITE: Final = ("error", "count", "skip")

_INSIDE: Final = re.compile(r"(.+\.(?:npz|csv|tsv)):([^/\\]+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class DataRequest:
    """The data arguments of a command.

    path: file or folder, or FILE.npz:ARRAY, FILE.csv:COLUMN,…; None for `count` random samples of
        `seed`.
    labels: likewise; None where none are named.
    image_range: see `reading`.
    window_stride: see `sound.wav_stack`.
    shapes: (input name or None, shape) pairs for open sizes.
    non_finite: "error", "count" (they are taken as numbers, and counted) or "skip" (their samples
        are left out, and counted).
    count: how many random samples.
    seed: of the random samples.
    """

    path: str | None
    labels: str | None = None
    image_range: str = "auto"
    window_stride: int | None = None
    shapes: tuple[tuple[str | None, Shape], ...] = ()
    non_finite: str = "error"
    count: int = 1
    seed: int = SEED

    def absolute(self) -> DataRequest:
        """The same for a process that may be in another folder."""
        path = self.path and os.path.abspath(self.path)
        labels = self.labels
        if labels and os.path.exists(split_name(labels)[0]):
            labels = os.path.abspath(labels)
        return replace(self, path=path, labels=labels)


def split_name(path: str) -> tuple[str, str | None]:
    """Part FILE.npz:NAME into the file and the name of what is meant inside, None if nothing is.

    A file that has such a name as a whole is meant as a whole.
    """
    found = _INSIDE.fullmatch(path)
    if found is None or os.path.exists(path):
        return path, None
    return found[1], found[2]
