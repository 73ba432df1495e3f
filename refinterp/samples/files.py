"""One file as samples, by its suffix, and the samples of several files together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.samples.arrays import npy_stack, npz_labels, npz_stacks
from refinterp.samples.finite import sample
from refinterp.samples.images import IMAGE_SUFFIXES, image_stack
from refinterp.samples.inputs import ModelInput
from refinterp.samples.reading import Reading, reading
from refinterp.samples.samples import Samples
from refinterp.samples.sound import wav_stack
from refinterp.samples.stack import Stack, sized_by
from refinterp.samples.table import TABLES, column_values, numbered, read_table, table_stack

Array = NDArray[Any]

_SHOWN: Final = 6  # lines of many files
RAW: frozenset[str] = frozenset({".bin", ".raw"})
SUFFIXES: frozenset[str] = IMAGE_SUFFIXES | TABLES | RAW | {".npy", ".npz", ".wav"}


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
