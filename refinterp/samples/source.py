"""Samples from a path: `.npy`, `.npz`, CSV, `.bin`, images, WAV, or a folder of them.

A source is read lazily, one sample at a time, so that a data set may be larger than memory: `.npy`
files are memory-mapped, folders are walked in name order, images are opened when their turn comes.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.spec import TensorSpec
from refinterp.samples.arrays import npy_stack, npz_labels, npz_stacks
from refinterp.samples.finite import sample
from refinterp.samples.images import IMAGE_SUFFIXES, image_stack
from refinterp.samples.inputs import ModelInput, code_limits
from refinterp.samples.reading import Reading, reading
from refinterp.samples.request import split_name
from refinterp.samples.sound import wav_stack
from refinterp.samples.stack import Stack, sized_by
from refinterp.samples.table import TABLES, column_values, numbered, read_table, table_stack

Array = NDArray[Any]

_SHOWN: Final = 6  # lines of many files
RAW: frozenset[str] = frozenset({".bin", ".raw"})
SUFFIXES: frozenset[str] = IMAGE_SUFFIXES | TABLES | RAW | {".npy", ".npz", ".wav"}


@dataclass(frozen=True, slots=True)
class Samples:
    """`count` samples; `get(i)` gives one array per model input: reals, or codes of its type.

    labels: what each sample should give, from `labels_origin`. labels_asked: they are
    meant as labels; False where only the names of folders say so. class_names: names of the labels
    0, 1, …, where the data say them. inputs: the model's, with all sizes settled by the data.
    notes: what was done to the data on the way in, for the user to read; look: what can be told
    only by opening more of them.
    """

    count: int
    get: Callable[[int], list[Array]]
    origin: str
    labels: Array | None = None
    labels_origin: str = ""
    labels_asked: bool = True
    class_names: tuple[str, ...] | None = None
    inputs: tuple[ModelInput, ...] = ()
    taken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    look: Callable[[], tuple[str, ...]] = field(default=tuple)
    random: bool = False

    def __iter__(self) -> Iterator[list[Array]]:
        return (self.get(index) for index in range(self.count))


Inputs = Sequence[TensorSpec | ModelInput]


def open_samples(
    path: str | os.PathLike[str],
    inputs: Inputs,
    *,
    image_range: str = "auto",
    window_stride: int | None = None,
    label_column: str | None = None,
    keep_non_finite: bool = False,
) -> Samples:
    """Open a path as samples for a model with these inputs.

    `.npy`: samples on axis 0 (a single input); an array of exactly the input's shape, or of as many
    elements in the same order, is one sample. `.npz`: one such array per input, by name, or
    FILE.npz:NAME; its `labels` are kept aside. `.csv`, `.tsv`: a sample a row, FILE.csv:COLUMN,…
    chooses. `.bin`: raw, the input's dtype, any whole number of samples. Folder: its files in name
    order, one after the other; or folders of a class each, which label the files in them.
    image_range, and what numbers are taken as: see `reading`. window_stride: see `sound.wav_stack`.
    label_column: of a CSV, by name or number. keep_non_finite: leave nan and infinity in the data;
    otherwise they are errors when their sample is wanted.

    Raises UsageError, naming the file, what was found and what is allowed.
    """
    wanted = [one if isinstance(one, ModelInput) else ModelInput.of(one) for one in inputs]
    how = How(image_range, window_stride, label_column, keep_non_finite)
    name, inside = split_name(os.fspath(path))
    place = Path(name)
    if place.is_dir():
        from refinterp.samples.folder import open_folder

        return open_folder(place, wanted, how)
    if not place.exists():
        raise UsageError(f"{path}: no such file or folder")
    return open_file(place, wanted, how, inside)


@dataclass(frozen=True, slots=True)
class How:
    """How files are to be read; see `open_samples`."""

    image_range: str
    window_stride: int | None = None
    label_column: str | None = None
    keep_non_finite: bool = False


def open_file(
    place: Path, inputs: Sequence[ModelInput], how: How, inside: str | None = None
) -> Samples:
    """Open one file; inside: what of it is meant. Raises UsageError as `open_samples` does."""
    suffix = place.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{place}: {suffix or 'a file without a suffix'} is not a kind of input; allowed: "
            f".npy, .npz, .csv, .tsv, .bin, .raw, .wav, {', '.join(sorted(IMAGE_SUFFIXES))}, or a "
            "folder of them"
        )
    if suffix == ".npz":
        stacks = npz_stacks(place, inputs, inside)
        found = npz_labels(place, stacks)
        samples = together(stacks, inputs, str(place), how)
        return (
            samples if found is None else replace(samples, labels=found[1], labels_origin=found[0])
        )
    only = _single(place, inputs)
    if suffix in TABLES:
        return _table(place, only, how, inside)
    if suffix == ".npy":
        stack = npy_stack(place, only)
    elif suffix in RAW:
        stack = _raw(place, only)
    elif suffix == ".wav":
        stack = wav_stack(place, only, how.window_stride)
    else:
        stack = image_stack([place], only, str(place))
    return together([stack], inputs, str(place), how)


def together(
    stacks: Sequence[Stack], inputs: Sequence[ModelInput], origin: str, how: How
) -> Samples:
    """Samples out of a stack per input, each read as what its numbers stand for."""
    counts = {one.spec.name: stack.count for one, stack in zip(inputs, stacks, strict=True)}
    if len(set(counts.values())) > 1:
        raise UsageError(f"{origin}: the inputs have different numbers of samples: {counts}")
    count = next(iter(counts.values()), 0)
    if count == 0:
        raise UsageError(f"{origin}: holds no samples")
    readings: list[Reading] = []
    for stack, one in zip(stacks, inputs, strict=True):
        try:
            readings.append(reading(one, stack.dtype, how.image_range, stack.kind))
        except UsageError as error:
            raise UsageError(f"{stack.origin}: {error}") from None

    def get(index: int) -> list[Array]:
        return [
            sample(stack, index, as_, keep_non_finite=how.keep_non_finite)
            for stack, as_ in zip(stacks, readings, strict=True)
        ]

    return Samples(
        count,
        get,
        origin,
        inputs=tuple(sized_by(s, one) for s, one in zip(stacks, inputs, strict=True)),
        taken=tuple(
            f"{stack.origin}: {stack.count} sample(s) of {stack.dtype} {list(stack.found)}, taken "
            f"as {as_.words}"
            for stack, as_ in zip(stacks, readings, strict=True)
        ),
        notes=tuple(dict.fromkeys(note for stack in stacks for note in stack.notes)),
        look=lambda: tuple(line for stack in stacks for line in stack.look()),
    )


def random_samples(inputs: Inputs, count: int, seed: int) -> Samples:
    """Samples drawn from a seed: codes over the whole range, reals that the input holds, or 0..1.

    Integers of 32 bits and more without a scale, which are indices and counts more often than not,
    are 0 and 1.
    """
    wanted = [one if isinstance(one, ModelInput) else ModelInput.of(one) for one in inputs]

    def draw(index: int) -> list[Array]:
        rng = np.random.default_rng((seed, index))
        return [_draw(one, rng) for one in wanted]

    return Samples(count, draw, f"random data, seed {seed}", inputs=tuple(wanted), random=True)


def _draw(wanted: ModelInput, rng: np.random.Generator) -> Array:
    dtype, shape = wanted.dtype, wanted.spec.shape
    if dtype.kind in "iu":
        low, high = code_limits(wanted.spec.dtype)
        drawn = rng.integers(low, high, shape, dtype, endpoint=True)
        return drawn & 1 if dtype.itemsize >= 4 and not wanted.spec.quantized else drawn
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    least, most = wanted.reals or (0.0, 1.0)
    return np.asarray(least + (most - least) * rng.random(shape), dtype)


def _single(place: Path, inputs: Sequence[ModelInput]) -> ModelInput:
    if len(inputs) != 1:
        names = ", ".join(repr(one.names[-1]) for one in inputs)
        raise UsageError(
            f"{place}: the model has {len(inputs)} inputs ({names}); give them by name in an .npz, "
            "or as a folder of .npy files with their names"
        )
    return inputs[0]


def _table(place: Path, wanted: ModelInput, how: How, inside: str | None) -> Samples:
    table = read_table(place, inside)
    label = None
    if how.label_column is not None:
        label = table.column(how.label_column)
        if label is None:
            known = ", ".join(table.header) if table.header else f"0..{table.columns - 1}"
            raise UsageError(f"{place}: no column {how.label_column!r} for labels; it has {known}")
    stack, label = table_stack(table, wanted, label)
    samples = together([stack], [wanted], str(place), how)
    if label is None:
        return samples
    labels, names = numbered(column_values(table, label))
    origin = f"{place}, column {table.name(label)}"
    return replace(samples, labels=labels, labels_origin=origin, class_names=names)


def _raw(place: Path, wanted: ModelInput) -> Stack:
    dtype = wanted.dtype
    shape = wanted.spec.shape
    if wanted.is_open:
        raise UsageError(
            f"{place}: raw bytes do not say the sizes that {wanted.allowed} leaves open; say them "
            "with --shape"
        )
    size = math.prod(shape) * dtype.itemsize
    found = place.stat().st_size
    if size == 0 or found == 0 or found % size:
        raise UsageError(
            f"{place}: {found} bytes are no whole number of samples; input {wanted.spec.name!r}, "
            f"{wanted.spec.dtype} {list(shape)}, takes {size} bytes each"
        )

    def read(index: int) -> Array:
        return np.fromfile(place, dtype, size // dtype.itemsize, offset=index * size).reshape(shape)

    return Stack(str(place), found // size, dtype, shape, shape, read, "codes")


def merged(parts: Sequence[Samples], origin: str) -> Samples:
    """The samples of several files, one file after the other."""
    starts = np.cumsum([0, *(part.count for part in parts)], dtype=np.int64)

    def get(index: int) -> list[Array]:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return parts[part].get(index - int(starts[part]))

    labels = [part.labels for part in parts if part.labels is not None]
    return Samples(
        int(starts[-1]),
        get,
        origin,
        np.concatenate(labels) if len(labels) == len(parts) else None,
        parts[0].labels_origin,
        inputs=parts[0].inputs,
        taken=tuple(dict.fromkeys(line for part in parts for line in part.taken)),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        look=lambda: _counted(line for part in parts for line in part.look()),
    )


def _counted(lines: Iterable[str]) -> tuple[str, ...]:
    """Each line once, and of how many files it is; a few of them."""
    told = Counter(lines)
    shown = [f"{n} files: {line}" if n > 1 else line for line, n in told.most_common(_SHOWN)]
    more = len(told) - len(shown)
    return (*shown, f"… and {more} more lines like these") if more else tuple(shown)
