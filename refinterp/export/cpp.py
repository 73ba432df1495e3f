"""How values and names from a model are written in C++: literals, identifiers, comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError

WIDTH: Final = 100
"""Columns that a generated line takes at most, but for names that are longer."""

TYPES: Final = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "bool": "bool",
}
"""The C++ type that holds an element of an input or output."""

TFLM_TYPES: Final = {
    "float32": "kTfLiteFloat32",
    "int8": "kTfLiteInt8",
    "uint8": "kTfLiteUInt8",
    "int16": "kTfLiteInt16",
    "uint16": "kTfLiteUInt16",
    "int32": "kTfLiteInt32",
    "uint32": "kTfLiteUInt32",
    "int64": "kTfLiteInt64",
    "bool": "kTfLiteBool",
}
"""What TFLM's headers call the same types."""

_LONGEST: Final = 48
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_SUFFIX: Final = "_model"


def project_name(given: str | None, source: str | None) -> str:
    """Return the name that all files and the namespace of an export bear; it ends in `_model`.

    given: what the user typed, or None. source: the path the model was read from, or None. The
    ending keeps the name apart from keywords, macros and functions of C libraries, whatever was
    typed. Raises UsageError for a typed name that is no C identifier.
    """
    if given is None:
        stem = PurePath(source).stem if source else ""
        name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")[:_LONGEST].strip("_")
        if name and not name[0].isalpha():
            name = f"m_{name}"
        return _ended(name)
    if not _IDENTIFIER.match(given) or "__" in given or given.endswith("_"):
        close = project_name(None, f"{given}.tflite").removesuffix(_SUFFIX)
        hint = f"; {close!r} would do" if close and _IDENTIFIER.match(close) else ""
        raise UsageError(
            f"--name is {given!r}; a name is an ASCII letter and then letters, digits and single "
            f"underscores, as in C++{hint}"
        )
    if len(given) > _LONGEST:
        raise UsageError(f"--name has {len(given)} characters; at most {_LONGEST} are taken")
    return _ended(given)


def _ended(name: str) -> str:
    if not name or name.lower() == "model":
        return "exported_model"
    return name if name.endswith(_SUFFIX) else name + _SUFFIX


def quoted(name: str) -> str:
    """Return a name from a file for a comment: ASCII in quotes, all else as escapes.

    The quote at the end keeps a backslash from joining the next line to the comment.
    """
    escaped = name.encode("unicode_escape", "backslashreplace").decode("ascii")
    return '"' + escaped.replace('"', '\\"').replace("??/", "?\\?/") + '"'


def comment(text: str, indent: str = "") -> str:
    """Return text as `//` lines that fit the width; its own line breaks are kept."""
    lines = []
    for paragraph in text.split("\n"):
        line = f"{indent}//"
        for word in paragraph.split(" "):
            if len(line) + 1 + len(word) > WIDTH and line.strip() != "//":
                lines.append(line.rstrip())
                line = f"{indent}//"
            line += f" {word}"
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def real(value: float, dtype: str = "float32") -> str:
    """Return a float's shortest literal that is the same number again."""
    number = np.float32(value) if dtype == "float32" else np.float64(value)
    if np.isnan(number):
        return "NAN"
    if np.isinf(number):
        return "INFINITY" if number > 0 else "-INFINITY"
    text = np.format_float_scientific(number, unique=True, trim="0", exp_digits=1)
    return f"{text}f" if dtype == "float32" else text


def literals(values: NDArray[Any], dtype: str) -> Iterable[str]:
    """Yield an array's elements as literals, in C order."""
    flat = values.reshape(-1)
    if dtype == "float32":
        return (real(v) for v in flat)
    if dtype == "bool":
        return ("true" if v else "false" for v in flat)
    if dtype == "int64":
        lowest = -(1 << 63)  # its digits alone are no literal of any type
        return ("INT64_MIN" if v == lowest else f"{v}LL" for v in flat.tolist())
    if dtype == "int32":
        return ("INT32_MIN" if v == -(1 << 31) else str(v) for v in flat.tolist())
    return (f"{v}u" if dtype == "uint32" else str(v) for v in flat.tolist())


def rows(items: Sequence[str], indent: str = "    ") -> str:
    """Return items with commas between, as many on a line as fit."""
    lines: list[str] = []
    line = indent
    for item in items:
        if len(line) + len(item) + 1 > WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{item}, "
    lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def guarded(name: str, body: str) -> str:
    """Return a header's text between include guards."""
    guard = f"{name.upper()}_H_"
    return f"#ifndef {guard}\n#define {guard}\n\n{body}\n#endif  // {guard}\n"
