"""From what a user calls a model to the bytes of a .tflite file, or what it is instead."""

from __future__ import annotations

import difflib
import mmap
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError, UsageError
from refinterp.graph.layout import layout
from refinterp.modelfile import carray, foreign
from refinterp.modelfile.flatbuffer import FlatBuffer
from refinterp.modelfile.foreign_kind import SUFFIXES

Bytes = NDArray[np.uint8]
Source = str | os.PathLike[str] | bytes | bytearray | memoryview

_HEAD = 4096  # bytes that tell whether a file is source code


class Opened(NamedTuple):
    """The bytes of a model. path: its file; array: the one it is in, where it is C source."""

    data: Bytes
    path: str | None
    array: str | None = None


def opened(source: Source) -> Opened:
    """Return the bytes of a model: a file's, or those of an array in C or C++ source.

    source: a path, which may be followed by `:` and the name of an array, or a file's bytes. What
    is source is seen by its content. Of several arrays with a model the first is taken, with a
    warning.

    Raises ModelError that says what the file is when it is no .tflite file, UsageError when the
    path cannot be read; both name the path.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _found(np.frombuffer(source, np.uint8), None)
    path, array = _split(os.fspath(source))
    try:
        return _found(_content(path), str(path), array)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _found(data: Bytes, path: str | None, array: str | None = None) -> Opened:
    """Return a file's bytes if they begin as a model does, or those of its array that does."""
    identifier = layout().identifier.encode()
    if data[4:8].tobytes() == identifier:
        return Opened(data, path)
    called_source = path is not None and Path(path).suffix.lower() in carray.SUFFIXES
    problem = None
    if called_source or carray.is_source(data[:_HEAD].tobytes()):
        try:
            one = _chosen(carray.models(data.tobytes()), path, array)
        except ModelError as error:
            problem = error
        else:
            return Opened(np.frombuffer(one.content, np.uint8), path, one.name)
    kind = foreign.recognize(data.data, path)
    if problem is not None and not (kind and kind.certain):
        raise problem
    if kind is not None:
        raise ModelError(f"this is {kind.what}, not a .tflite file; {kind.advice}")
    FlatBuffer(data).root()  # raises, and says how a model begins
    raise AssertionError("a model without its identifier has been read")


def _split(source: str) -> tuple[Path, str | None]:
    """Return a path, and the name of the array in it that `PATH:NAME` asks for."""
    path, colon, name = source.rpartition(":")
    if colon and name.isidentifier() and not Path(source).exists() and Path(path).is_file():
        return Path(path), name
    return Path(source), None


def _content(path: Path) -> Bytes:
    try:
        with path.open("rb") as file:
            try:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (ValueError, OSError):  # an empty file or a pipe: neither can be mapped
                return np.frombuffer(file.read(), np.uint8)
            return np.frombuffer(mapped, np.uint8)
    except OSError as error:
        if path.is_dir():
            kind = foreign.folder(path)
            raise UsageError(f"{path}: this is {kind.what}; {kind.advice}") from error
        reason = f"cannot read the model {str(path)!r}: {error.strerror}"
        raise UsageError(reason + _beside(path)) from error


def _beside(path: Path) -> str:
    """Name the models that lie where a path that does not exist points."""
    try:
        names = sorted(one.name for one in path.parent.iterdir() if one.suffix in SUFFIXES)
    except OSError:
        return ""
    if not names or path.exists():
        return ""
    stems = {Path(name).stem: name for name in names}
    close = difflib.get_close_matches(path.stem, stems, 1)
    if close:
        return f"; did you mean {str(path.with_name(stems[close[0]]))!r}?"
    return f"; there are {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"


def _chosen(found: tuple[carray.Array, ...], path: str | None, wanted: str | None) -> carray.Array:
    """Return the array that was asked for, or the first, and say so when there are more."""
    named = ", ".join(f"{one.name!r} (line {one.line})" for one in found)
    if wanted is not None:
        for one in found:
            if one.name == wanted:
                return one
        raise ModelError(f"no array {wanted!r} holds a model; these do: {named}")
    if len(found) > 1:
        where = path or "the source"
        names = [one.name for one in found]
        other = f"; to take another, write {where}:{names[1]}" if len(set(names)) > 1 else ""
        warnings.warn(
            f"{where}: {len(found)} arrays hold a model: {named}; the first is taken{other}",
            stacklevel=5,
        )
    return found[0]


def told(error: Any, path: str | None) -> str:
    """Begin a message with the path of the file it is about."""
    return str(error) if path is None else f"{path}: {error}"
