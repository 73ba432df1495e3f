"""Results as JSON: plain types only, and no number that JSON lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from refinterp.errors import (
    ModelError,
    RefinterpError,
    StateError,
    UnsupportedError,
    UsageError,
)

SCHEMA_VERSION: Final = "1.0.0"
_KINDS: Final = (
    (ModelError, "model"),
    (UnsupportedError, "unsupported"),
    (StateError, "state"),
    (UsageError, "usage"),
    (RefinterpError, "other"),
    (MemoryError, "memory"),
    (OSError, "system"),
)


def document(**fields: Any) -> dict[str, Any]:
    """Start a document: `schema_version` first, then the fields in order."""
    return {"schema_version": SCHEMA_VERSION, **fields}


def error_fields(error: Exception, message: str = "") -> dict[str, str]:
    """Return an error as fields: whose fault it is, by its class ("bug": ours), and what it says.

    message: what to say of it instead of its own words.
    """
    kind = next((name for of, name in _KINDS if isinstance(error, of)), "bug")
    return {"kind": kind, "message": message or str(error)}


def dumps(value: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """Write a document as JSON text; ascii_only: with every other character as its escape.

    NumPy scalars and arrays become plain numbers and lists. A number that is not finite becomes
    null, with a sibling `NAME_note` that says which ("inf", "-inf", "nan").
    """
    return json.dumps(plain(value), indent=2, ensure_ascii=ascii_only, allow_nan=False)


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold."""
    if isinstance(value, Mapping):
        result: dict[str, Any] = {}
        for name, item in value.items():
            result[str(name)] = plain(item)
            if _not_finite(item):
                result[f"{name}_note"] = str(float(item))
        return result
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates
    return None if _not_finite(value) else value


def _not_finite(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and not math.isfinite(value)
