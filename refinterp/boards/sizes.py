"""Numbers of bytes as people write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from refinterp.errors import UsageError

_UNITS: Final = {"": 1, "K": 1024, "M": 1024 * 1024}
_NUMBER: Final = r"((?:\d{1,3}(?:,\d{3})+|\d[\d_]*)(?:\.\d+)?) ?(?:([KM])(?:iB)?|B)?"
_EITHER: Final = r"(\d+(?:\.\d+)?) ?([KM])B"
"""1,000 to some and 1,024 to others."""


def byte_count(text: str) -> int:
    """Read a number of bytes: 61440, 60K or 60KiB (1,024), 1.5M or 1.5MiB (1,048,576).

    Raises UsageError for what is no such number, or none of whole bytes.
    """
    found = re.fullmatch(_NUMBER, text.strip(), re.IGNORECASE)
    if found is None:
        raise UsageError(
            f"{text!r} is no number of bytes{_ambiguous(text)}; write 61440, or 60K (K = 1,024, "
            "M = 1,048,576)"
        )
    value = Fraction(re.sub("[_,]", "", found[1])) * _UNITS[(found[2] or "").upper()]
    if value.denominator != 1:
        raise UsageError(f"{text!r} is {float(value):g} bytes, not a whole number")
    return int(value)


def _ambiguous(text: str) -> str:
    """What kB and MB may each mean; nothing of other texts."""
    found = re.fullmatch(_EITHER, text.strip(), re.IGNORECASE)
    if found is None:
        return ""
    power = "KM".index(found[2].upper()) + 1
    decimal, binary = (float(Fraction(found[1]) * base**power) for base in (1000, 1024))
    return f": it may mean {decimal:,.10g} or {binary:,.10g}"
