"""Opening a model for the drop-in, with LiteRT's sentences where it cannot be opened.

Scripts match on these sentences, so they come first, in LiteRT's own spelling; what is known
besides follows.
"""

from __future__ import annotations

import os
from typing import Any, Final, NoReturn

from refinterp.errors import ModelError, UsageError
from refinterp.graph.model import Model
from refinterp.interpreter.litert_errors import DelegateError, UnsupportedModelError
from refinterp.modelfile.reader import read_model

_INVALID: Final = "The model is not a valid Flatbuffer buffer"
_NULL: Final = "The model allocation is null/empty"


def load(path: str | bytes | os.PathLike[Any] | None, content: Any) -> Model:
    """Read the model that a constructor was given; raises ModelError, UsageError, TypeError."""
    if path and content:
        raise UsageError("Can't both provide `model_path` and `model_content`")
    if path:
        return _from_path(os.fsdecode(os.fspath(path)))
    if not content:
        raise UsageError("`model_path` or `model_content` must be specified.")
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(f"model_content must be bytes, not {type(content).__name__}")
    try:
        return read_model(content)
    except ModelError as error:
        raise ModelError(f"{_INVALID}: {error}") from None


def _from_path(path: str) -> Model:
    try:
        return read_model(path)
    except UsageError as error:
        opened = os.path.exists(path) and os.access(path, os.R_OK)
        sentence = _NULL if opened else f"Could not open '{path}'.{_NULL}"
        raise UsageError(f"{sentence}: {error}") from None
    except ModelError as error:
        empty = os.path.isfile(path) and not os.path.getsize(path)
        sentence = f"mmap of size 0 requested.{_NULL}" if empty else _INVALID
        raise ModelError(f"{sentence}: {error}") from None


def refuse_delegates(delegates: Any) -> None:
    """Raise UnsupportedError (also a ValueError) if any are given."""
    if delegates:
        raise UnsupportedModelError(
            f"experimental_delegates has {len(delegates)} entries; refinterp runs every operator "
            "itself, so leave them out"
        )


def no_delegate(library: object) -> NoReturn:
    """Raise UnsupportedError, which is also what LiteRT raises when a library cannot be loaded."""
    raise DelegateError(
        f"Failed to load delegate from {library}: refinterp runs every operator itself and takes "
        "no delegates; construct the Interpreter without experimental_delegates"
    )


def refuse_native(registerers: list[Any]) -> None:
    """Raise UnsupportedError (also a ValueError) for names of functions in native libraries."""
    if registerers:
        raise UnsupportedModelError(
            f"Looking up symbol {registerers[0]!r} failed with error: custom_op_registerers "
            f"{registerers} name native code, which refinterp does not run; give functions that "
            "call refinterp.register_custom"
        )


def check_threads(number: int | None) -> None:
    """Raise UsageError unless it is a number of threads, 1 or more, or None."""
    if number is None:
        return
    if not isinstance(number, int):
        raise UsageError(f"type of num_threads should be int, not {number!r}")
    if number < 1:
        raise UsageError(f"num_threads should >= 1, not {number}")
