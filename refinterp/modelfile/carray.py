"""A model as C or C++ source: the array of bytes that microcontroller projects compile in."""

from __future__ import annotations

import re
from typing import Final

from refinterp.errors import ModelError
from refinterp.graph.layout import layout

SUFFIXES: Final = frozenset({".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp"})
"""Names of C and C++ sources end in one of these."""

_NOT_CODE: Final = re.compile(
    rb'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"', re.DOTALL
)  # comments and string literals may hold braces
_BRACES: Final = re.compile(rb"\{([^{}]*)\}")
_NUMBERS: Final = re.compile(
    rb"\s*(?:-?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})[uUlL]*\s*(?:,\s*|\Z))+"
)  # all of a brace's content; no C integer is longer
_NUMBER: Final = re.compile(rb"(-?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)(?![0-9])|([0-9]+))")


def model_bytes(source: bytes) -> bytes:
    """Return the bytes of the array that holds a model.

    source: C or C++ text with one or several arrays of integers: hexadecimal, decimal or octal,
    with comments, signed or unsigned.

    Raises ModelError when no array holds a model, saying what the arrays start with.
    """
    identifier = layout().identifier.encode()
    starts = []
    for match in _BRACES.finditer(_NOT_CODE.sub(b" ", source)):
        body = match.group(1)
        if not _NUMBERS.fullmatch(body):
            continue
        content = bytes(
            (-1 if sign else 1) * _value(hexadecimal, octal, decimal) & 0xFF
            for sign, hexadecimal, octal, decimal in _NUMBER.findall(body)
        )
        if content[4:8] == identifier:
            return content
        starts.append(content[:8])
    if not starts:
        raise ModelError("byte 0: C source: it holds no array of integers")
    raise ModelError(
        f"byte 0: C source: none of its {len(starts)} arrays holds a model, whose bytes 4 to 7 are "
        f"{identifier!r}; they start with {', '.join(repr(s) for s in starts[:4])}"
    )


def _value(hexadecimal: bytes, octal: bytes, decimal: bytes) -> int:
    if hexadecimal:
        return int(hexadecimal, 16)
    return int(octal, 8) if octal else int(decimal)
