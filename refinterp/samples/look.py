"""What data were taken as, told before anything is computed with them: a line, and what is odd."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.samples.convert import fit_input
from refinterp.samples.inputs import ModelInput
from refinterp.samples.labels import label_line
from refinterp.samples.samples import Samples

LOOKED_AT: Final = 16
"""Samples whose values are looked at, so that large data are not read twice."""
_CUT: Final = 0.05  # share of values beyond the input's range that is worth a warning
_NARROW: Final = 1 / 16  # share of the input's range that data should take up at least


def told(samples: Samples, wanted: int | None = None) -> list[str]:
    """Say what the samples were taken as, what was done to them, and what looks wrong.

    wanted: how many are going to be used. Raises UsageError for data that cannot be used.
    """
    if samples.random:
        line = f"no data given: {samples.count} sample(s) of {samples.origin}"
        return [line, *(f"data: {note}" for note in samples.notes)]
    seen = min(samples.count, LOOKED_AT, wanted or samples.count)
    values = [samples.get(index) for index in range(seen)]
    lines, odd = [], []
    for place, one in enumerate(samples.inputs):
        given = np.stack([sample[place] for sample in values])
        real = given[np.isfinite(given)]
        low, high = (real.min(), real.max()) if real.size and given.dtype.kind != "c" else (0, 0)
        here = "" if seen == samples.count else f" in the first {seen}"
        if given.dtype.kind == "b":
            here = f"{bool(low)}..{bool(high)}{here}"
        elif given.dtype.kind == "c":
            here = f"complex numbers{here}"
        else:
            here = f"{low:.4g}..{high:.4g}{here}"
        if place < len(samples.taken):
            lines.append(f"data: {samples.taken[place]}: {here}")
        note = fit_input(values[0][place], one.spec)[1]
        if note:
            odd.append(note)
        odd += _odd(given, one)
    notes = [f"data: {note}" for note in (*samples.notes, *samples.look())]
    labels = label_line(samples)
    return [*lines, *notes, *odd, *([labels] if labels else [])]


def _odd(given: NDArray[Any], wanted: ModelInput) -> list[str]:
    """Warn where reals lie beyond what the input holds, or take up next to nothing of it."""
    if given.dtype.kind != "f" or wanted.reals is None or not given.size:
        return []
    low, high = wanted.reals
    finite = given[np.isfinite(given)]
    step = (high - low) / 255
    outside = float(np.mean((finite < low - step) | (finite > high + step))) if finite.size else 0.0
    name = wanted.spec.name
    if outside > _CUT:
        hint = ""
        if high <= 1.5 and 1.5 < finite.max() <= 255 and finite.min() >= 0:
            hint = (
                "; pixels 0..255 stored as floats are not scaled: divide them, or save them as "
                "uint8"
            )
        return [
            f"warning: {outside:.0%} of the values lie outside of what input {name!r} holds, "
            f"{low:.4g}..{high:.4g}, and are cut{hint}"
        ]
    if finite.size and 0 < finite.max() - finite.min() < _NARROW * (high - low):
        return [
            f"warning: the values take up {(finite.max() - finite.min()) / (high - low):.1%} of "
            f"what input {name!r} holds, {low:.4g}..{high:.4g}; is their scale right?"
        ]
    return []
