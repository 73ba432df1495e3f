"""NumPy files as samples: `.npy`, and the arrays of an `.npz` by name.

`.npy` files are memory-mapped when a sample is wanted, and only the last few stay mapped, so that
folders of any size can be read. Of an `.npz` the shapes are read first; arrays are loaded when a
sample of theirs is wanted.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import Shape
from refinterp.samples.inputs import ModelInput
from refinterp.samples.shapes import Fit, fit_shape
from refinterp.samples.stack import Stack, stacked

Array = NDArray[Any]

LABELS: Final = "labels"
USUAL: Final = ("x_test", "X_test", "test_images", "x_val", "X_val", "x", "X")
"""Names an `.npz` usually has samples to test with under, those first that come first here."""
_PAIRS: Final = (
    ("x", "y"), ("X", "y"), ("X", "Y"), ("images", "labels"), ("images", "targets"),
    ("data", "labels"), ("data", "target"), ("features", "labels"), ("inputs", "targets"),
)  # fmt: skip
_OPEN: Final = 16  # files that stay mapped


@dataclass(frozen=True, slots=True)
class Header:
    """An array in a file, unread."""

    shape: Shape
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        """Its type and shape."""
        return f"{self.dtype} {list(self.shape)}"


def npy_stack(path: Path, wanted: ModelInput) -> Stack:
    """Open a `.npy` as samples of an input; raises UsageError naming the file."""
    stamp = _stamp(path)
    array = _mapped(path, stamp)
    fit = _fit(str(path), Header(array.shape, array.dtype), wanted)
    return stacked(str(path), lambda: _mapped(path, stamp), fit, array.dtype, ())


def npy_array(path: Path) -> Array:
    """Load a whole `.npy`; raises UsageError naming the file."""
    return _mapped(path, _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """What changes with a file's content."""
    with _readable(path, "data"):
        status = path.stat()
        return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=_OPEN)
def _mapped(path: Path, stamp: tuple[int, int]) -> Array:
    with _readable(path, ".npy"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it is an archive of arrays; name it .npz")
        return array


def npz_headers(path: Path) -> dict[str, Header]:
    """The arrays of an `.npz` by name, unread; raises UsageError when it is none."""
    headers = {}
    with _readable(path, ".npz"), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if not member.endswith(".npy"):
                continue
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = read(file)
            headers[member.removesuffix(".npy")] = Header(shape, dtype)
    if not headers:
        raise UsageError(f"{path}: holds no arrays")
    return headers


def npz_array(path: Path, name: str) -> Array:
    """Load one array; raises UsageError naming the file and the array."""
    with _readable(path, ".npz", f", array {name!r}"), np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[name])


@lru_cache(maxsize=2)
def _loaded(path: Path, stamp: tuple[int, int], names: tuple[str, ...]) -> dict[str, Array]:
    return {name: npz_array(path, name) for name in names}


def _fit(origin: str, header: Header, wanted: ModelInput) -> Fit:
    """How an array holds samples of an input; UsageError naming it when it does not."""
    if header.dtype.kind not in "fiubc":
        raise UsageError(f"{origin}: holds {header.dtype} data; allowed: numbers")
    try:
        return fit_shape(header.shape, wanted)
    except UsageError as error:
        raise UsageError(f"{origin}: {error}") from None


def _one(path: Path, stamp: tuple[int, int], names: tuple[str, ...], name: str) -> Array:
    return _loaded(path, stamp, names)[name]


def npz_stacks(path: Path, inputs: Sequence[ModelInput], wanted: str | None) -> list[Stack]:
    """Open an `.npz` as samples, a stack per input.

    wanted: which array is meant, NAME, or INPUT=NAME,… for several inputs; None: found by the
    inputs' names, then by being the only one that fits, then by a usual name, and said.
    """
    headers = npz_headers(path)
    names, notes = _chosen(path, headers, inputs, wanted)
    stacks, stamp = [], _stamp(path)
    for one, name, note in zip(inputs, names, notes, strict=True):
        origin = f"{path}:{name}"
        fit = _fit(origin, headers[name], one)
        load = partial(_one, path, stamp, tuple(names), name)
        stacks.append(stacked(origin, load, fit, headers[name].dtype, note))
    return stacks


def npz_labels(path: Path, chosen: Sequence[Stack]) -> tuple[str, Array] | None:
    """The labels an `.npz` has for the arrays chosen: `labels`, or y_test for x_test and so on."""
    headers = npz_headers(path)
    name = LABELS if LABELS in headers else None
    if name is None and len(chosen) == 1:
        own = chosen[0].origin.removeprefix(f"{path}:")
        partners = [own.replace(a, b) for a, b in _PAIRS if a in own]
        name = next((n for n in partners if n in headers and n != own), None)
        if name is not None and headers[name].shape[:1] != (chosen[0].count,):
            name = None
    if name is None or headers[name].dtype.kind not in "iufb":
        return None
    return f"{path}:{name}", npz_array(path, name)


def _chosen(
    path: Path, headers: Mapping[str, Header], inputs: Sequence[ModelInput], wanted: str | None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The array of each input, and what is to be said of the choice."""
    if wanted is not None:
        return _asked(path, headers, inputs, wanted), [()] * len(inputs)
    found: list[str | None] = [next((n for n in i.names if n in headers), None) for i in inputs]
    notes: list[tuple[str, ...]] = [()] * len(inputs)
    missing = [place for place, name in enumerate(found) if name is None]
    if len(missing) == 1:
        place = missing[0]
        taken = {name for name in found if name} | {LABELS}
        rest = {name: h for name, h in headers.items() if name not in taken}
        name, why = _guess(rest, inputs[place])
        if name is not None:
            found[place] = name
            notes[place] = (
                f"{path}: no array is called {inputs[place].names[-1]!r}; {name!r} is taken, {why}",
            )
    names = [name for name in found if name is not None]
    if len(names) < len(inputs):
        raise UsageError(_ambiguous(path, headers, inputs, found))
    return names, notes


def _guess(headers: Mapping[str, Header], wanted: ModelInput) -> tuple[str | None, str]:
    """The array that must be meant for an input whose name none has, and why."""
    if len(headers) == 1:
        return next(iter(headers)), "the only one"
    fits = [n for n, h in headers.items() if h.dtype.kind in "fiubc" and _fits(h.shape, wanted)]
    if len(fits) == 1:
        return fits[0], "the only one of a shape that fits"
    usual = next((name for name in USUAL if name in fits), None)
    if usual is not None:
        others = ", ".join(repr(n) for n in fits if n != usual)
        return usual, f"by its name ({others} would fit too: FILE.npz:NAME chooses)"
    return None, ""


def _fits(shape: Shape, wanted: ModelInput) -> Fit | None:
    try:
        return fit_shape(shape, wanted)
    except UsageError:
        return None


def _asked(
    path: Path, headers: Mapping[str, Header], inputs: Sequence[ModelInput], wanted: str
) -> list[str]:
    if len(inputs) == 1 and wanted in headers:
        return [wanted]
    pairs = [part.rpartition("=")[::2] for part in wanted.split(",")]
    if len(inputs) == 1 and len(pairs) == 1:
        pairs = [(pairs[0][0] or inputs[0].names[0], pairs[0][1])]
    found = []
    for one in inputs:
        name = next((name for key, name in pairs if key in one.names), None)
        if name is None:
            raise UsageError(
                f"{path}:{wanted}: says no array for input {one.names[-1]!r}; write "
                f"{path.name}:" + ",".join(f"{i.names[-1]}=ARRAY" for i in inputs)
            )
        if name not in headers:
            raise UsageError(f"{path}: no array {name!r}; it holds {_listed(headers)}")
        found.append(name)
    return found


def _ambiguous(
    path: Path,
    headers: Mapping[str, Header],
    inputs: Sequence[ModelInput],
    found: Sequence[str | None],
) -> str:
    missing = ", ".join(
        f"{one.names[-1]!r} ({one.spec.dtype} {one.allowed})"
        for one, name in zip(inputs, found, strict=True)
        if name is None
    )
    example = next((n for n in headers if n != LABELS), "NAME")
    if len(inputs) == 1:
        how = f"choose one with {path.name}:NAME, such as {path.name}:{example}"
    else:
        pairs = ",".join(f"{one.names[-1]}=NAME" for one in inputs)
        how = f"name the arrays as the inputs, or choose with {path.name}:{pairs}"
    return f"{path}: which array is for input {missing}? It holds {_listed(headers)}; {how}"


def _listed(headers: Mapping[str, Header]) -> str:
    return ", ".join(f"{name!r} ({header})" for name, header in headers.items())


@contextmanager
def _readable(path: Path, kind: str, inside: str = "") -> Iterator[None]:
    """Turn what a damaged file raises into a UsageError that names the file."""
    try:
        yield
    except UsageError:
        raise
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if "pickle" in reason.lower() or "python object" in reason.lower():
            reason = "it holds Python objects; save numbers, with a dtype of their own"
        raise UsageError(f"{path}{inside}: not a readable {kind} file: {reason}") from None
