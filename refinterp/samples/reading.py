"""What numbers in a file stand for: codes of the input, reals, or pixels.

It follows from their type, the input's type and what was asked, never from the values:

=================  =======================================================================
in the file        taken as
=================  =======================================================================
float              reals
bool               the reals 0 and 1
the input's type   its codes, or its numbers where it has no scale
image file, uint8  pixels: reals of --image-range; `raw`: the bytes are the input's codes
other integers     `raw`: codes. A range: pixels. `auto`: pixels where the input's scale and
                   zero point say such a range, but int8 and all others: the reals they are
=================  =======================================================================

uint8 given to a uint8 input are codes, unless a range is asked for. `auto` chooses the range that
the input's scale and zero point come to. An input that has none but is read by one QUANTIZE alone
goes by what that writes; of any other float input 0..1 is assumed, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import code_limits
from refinterp.samples.inputs import ModelInput

Array = NDArray[Any]

RANGES: Final = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
_NEAR: Final = 0.1  # of a range's width: how far the ends of the input's may be from it
_PIXELS: Final = (0, 255)


@dataclass(frozen=True, slots=True)
class Reading:
    """words: what the numbers are taken as. apply: a sample's reals, or codes of the input's type.

    apply raises UsageError, without a place, for numbers that cannot be meant. to: what is done
    with the reals afterwards, in words, or "".
    """

    words: str
    apply: Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class ImageRange:
    """The reals that pixels 0..255 stand for, None where nothing says it, and who says so."""

    name: str | None
    why: str


def auto_range(wanted: ModelInput) -> ImageRange:
    """Choose among the image ranges, from the input's scale and zero point."""
    reals = wanted.reals
    if reals is None:
        if wanted.dtype.kind == "f":
            return ImageRange("0..1", "assumed: the input has no scale that says it")
        return ImageRange(None, "has scales per channel")
    low, high = reals
    says = f"holds {low:.4g}..{high:.4g}"
    assert wanted.grid is not None
    if wanted.grid.dtype == "int16" and wanted.grid.zero == 0:
        for name in ("0..1", "0..255"):  # 16-bit ranges always reach as far below 0
            if abs(high - RANGES[name][1]) <= _NEAR * RANGES[name][1]:
                return ImageRange(name, f"{says}, 16-bit inputs always as far below 0")
        return ImageRange(None, says)
    for name, (least, most) in RANGES.items():
        near = _NEAR * (most - least)
        if abs(low - least) <= near and abs(high - most) <= near:
            return ImageRange(name, says)
    return ImageRange(None, says)


def reading(wanted: ModelInput, given: np.dtype[Any], image_range: str, kind: str) -> Reading:
    """Decide what numbers of a type are taken as.

    kind: "image" for image files, "array" for all that has a type of its own, "codes" for files
    whose bytes are the input's by definition. Raises UsageError, without the file's name, for a
    type that the input cannot take, and for pixels whose range nothing says.
    """
    own, spec = wanted.dtype, wanted.spec
    if given.kind not in "fiubc":
        raise UsageError(f"holds {given} data; allowed: numbers")
    asked = image_range in RANGES
    pixels = kind == "image" or (given == np.uint8 and (own != np.uint8 or asked))
    if given.kind == own.kind == "f":
        return Reading("reals", _as_is)
    if kind == "codes" or (given == own and not pixels):
        return Reading("codes" if spec.quantized else "numbers as they are", _as_is)
    if given.kind == "c" or own.kind == "c":
        raise UsageError(f"holds {given} data; input {spec.name!r} is {spec.dtype}")
    if own.kind != "f" and not spec.quantized:
        return _whole(wanted, given, kind)
    if given.kind == "f":
        return Reading("reals", _as_is)
    if given.kind == "b":
        return Reading("the reals 0 and 1", lambda values: values.astype(np.float32))
    if image_range == "raw":
        return _raw(wanted, given)
    chosen = ImageRange(image_range, "asked for") if asked else auto_range(wanted)
    pixels = pixels or asked
    if not pixels:
        pixels = given != np.int8 and wanted.reals is not None and chosen.name is not None
    if not pixels:
        return Reading("the reals they are", lambda values: values.astype(np.float32))
    return _pixels(wanted, chosen)


def _as_is(values: Array) -> Array:
    return values


def _pixels(wanted: ModelInput, chosen: ImageRange) -> Reading:
    if chosen.name is None:
        raise UsageError(
            f"what reals do pixels 0..255 stand for? Input {wanted.spec.name!r} {chosen.why}, "
            "which is none of 0..255, 0..1, -1..1. Say it with --image-range (0..255: the numbers "
            "as they are; raw: they are codes)"
        )
    low, high = RANGES[chosen.name]

    def apply(values: Array) -> Array:
        _check(values, _PIXELS, "no pixel, those are 0..255; --image-range raw takes codes")
        scaled = values.astype(np.float32) / np.float32(255) * (high - low) + low
        return np.asarray(scaled, np.float32)

    why = f"the input {chosen.why}" if chosen.why.startswith("holds") else chosen.why
    return Reading(f"pixels 0..255 for the reals {chosen.name} ({why})", apply)


def _raw(wanted: ModelInput, given: np.dtype[Any]) -> Reading:
    own, spec = wanted.dtype, wanted.spec
    if own.kind == "f":
        raise UsageError(f"--image-range raw takes codes; input {spec.name!r} is {spec.dtype}")
    if given.itemsize == own.itemsize == 1:
        return Reading(f"codes, the bytes being {spec.dtype}", lambda values: values.view(own))
    return _whole(wanted, given, "array")


def _whole(wanted: ModelInput, given: np.dtype[Any], kind: str) -> Reading:
    """Integers for an integer input, each as it is."""
    own, spec = wanted.dtype, wanted.spec
    if given.kind == "f":
        raise UsageError(f"holds {given} data; input {spec.name!r} takes {spec.dtype}, which has "
                         "no scale: give integers")  # fmt: skip
    if own.kind == "b":
        return Reading("true where they are not 0", lambda values: values != 0)
    if kind == "image" and own.itemsize == 1:
        return Reading(f"bytes that are {spec.dtype}", lambda values: values.view(own))
    limits = code_limits(spec.dtype)

    def apply(values: Array) -> Array:
        _check(values, limits, f"outside of {spec.dtype}, {limits[0]}..{limits[1]}")
        return values.astype(own)

    return Reading("codes" if spec.quantized else "numbers as they are", apply)


def _check(values: Array, limits: tuple[int, int], what: str) -> None:
    if values.dtype.kind == "b" or not values.size:
        return
    low, high = values.min(), values.max()
    if low >= limits[0] and high <= limits[1]:
        return
    wrong = np.argwhere((values < limits[0]) | (values > limits[1]))[0]
    raise UsageError(f"{values[tuple(wrong)]} at {wrong.tolist()} is {what}")
