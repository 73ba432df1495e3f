"""Numbers that are none: nan and infinity in data, told by where they are, or counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.samples.inputs import ModelInput
from refinterp.samples.reading import Reading
from refinterp.samples.samples import Samples
from refinterp.samples.stack import Stack

Array = NDArray[Any]


def sample(stack: Stack, index: int, how: Reading, *, keep_non_finite: bool) -> Array:
    """One sample as what its numbers stand for.

    Raises UsageError, saying where in the file, for numbers that cannot be meant: pixels and codes
    out of range, and nan and infinity unless they are to be kept.
    """
    values = stack.read(index)
    try:
        values = how.apply(values)
        if not keep_non_finite:
            _refuse(values)
    except UsageError as error:
        raise UsageError(f"{stack.origin}, {stack.place(index)}: {error}") from None
    return values


def _refuse(values: Array) -> None:
    if values.dtype.kind not in "fc" or bool(np.isfinite(values).all()):
        return
    wrong = np.argwhere(~np.isfinite(values))
    more = f" and in {len(wrong) - 1} more place(s)" if len(wrong) > 1 else ""
    raise UsageError(
        f"{values[tuple(wrong[0])]} at {wrong[0].tolist()}{more}; mend the data, or leave such "
        "samples out with --non-finite skip (count: take nan as 0)"
    )


def settled(samples: Samples, policy: str) -> Samples:
    """Look through all samples, count what is not finite, and do as the policy says.

    policy: "skip" leaves such samples out. "count" takes nan as 0 and infinity as the end of what
    the input holds where its scale says it; other float inputs get them as they are. Raises
    UsageError when no sample is left.
    """
    wrong: dict[int, int] = {}
    for index in range(samples.count):
        count = sum(
            int(values.size - np.isfinite(values).sum())
            for values in samples.get(index)
            if values.dtype.kind in "fc"
        )
        if count:
            wrong[index] = count
    if not wrong:
        return samples
    first = ", ".join(map(str, list(wrong)[:5])) + (", …" if len(wrong) > 5 else "")
    told = (
        f"{samples.origin}: {sum(wrong.values())} value(s) in {len(wrong)} of {samples.count} "
        f"sample(s) are nan or infinite (samples {first})"
    )
    if policy == "count":
        inputs = samples.inputs
        note = f"{told}; nan is taken as 0, infinity as the end of the input's range"
        if any(one.reals is None and one.dtype.kind == "f" for one in inputs):
            note = f"{told}; the model gets them as they are"
        return replace(
            samples,
            get=lambda index: [
                _mended(v, one) for v, one in zip(samples.get(index), inputs, strict=True)
            ],
            notes=(*samples.notes, note),
        )
    kept = [index for index in range(samples.count) if index not in wrong]
    if not kept:
        raise UsageError(f"{told}: no sample is left")
    return replace(
        samples,
        count=len(kept),
        get=lambda index: samples.get(kept[index]),
        labels=None if samples.labels is None else samples.labels[kept],
        notes=(*samples.notes, f"{told}; they are left out"),
    )


def _mended(values: Array, wanted: ModelInput) -> Array:
    if values.dtype.kind != "f" or wanted.reals is None:
        return values
    low, high = wanted.reals
    return np.nan_to_num(values, nan=0.0, posinf=high, neginf=low)
