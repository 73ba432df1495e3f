"""Labels: names of a model's classes, and what samples should give."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.samples.arrays import LABELS, npy_array, npz_array, npz_headers
from refinterp.samples.request import split_name
from refinterp.samples.samples import Samples
from refinterp.samples.table import LABEL_COLUMNS, TABLES, column_values, numbered, read_table

Array = NDArray[Any]

_SHOWN: Final = 10  # class names in a message


def read_labels(path: str | None, model: Model) -> list[str] | None:
    """Return one label a line of a file, or of the first label file inside the model, or None.

    Models with TFLite metadata carry associated files in a zip archive behind the flatbuffer.
    Raises UsageError when the given file cannot be read.
    """
    if path is not None:
        return _lines(_text(Path(path)))
    if model.source is None or not zipfile.is_zipfile(model.source):
        return None
    with zipfile.ZipFile(model.source) as archive:
        names = [name for name in archive.namelist() if name.endswith(".txt")]
        names.sort(key=lambda name: "label" not in name.lower())
        return _lines(archive.read(names[0]).decode("utf-8", "replace")) if names else None


def with_labels(samples: Samples, path: str) -> Samples:
    """Give samples their labels from a file, the first label to the first sample.

    `.npy`: along axis 0; `.npz`: FILE.npz:NAME, else its array `labels`, or its only one; `.csv`:
    FILE.csv:COLUMN, else the column called `label` or the like, or the only one; else text, a label
    a line. Labels that are words are numbered in the order of the alphabet. Where the samples come
    from class folders, a text of the classes' names gives these their numbers, from 0 by line.

    Raises UsageError when the file cannot be read so, or holds another number of labels.
    """
    name, inside = split_name(path)
    place = Path(name)
    if not place.is_file():
        raise UsageError(f"{path}: no such file of labels")
    suffix = place.suffix.lower()
    names: tuple[str, ...] | None = None
    origin = path
    if suffix == ".npy":
        labels = npy_array(place)
    elif suffix == ".npz":
        chosen = _array_name(place, inside)
        labels, origin = npz_array(place, chosen), f"{place}:{chosen}"
    elif suffix in TABLES:
        labels, names, origin = _column(place, inside)
    else:
        lines = _lines(_text(place))
        if samples.class_names is not None and set(samples.class_names) <= set(lines):
            return _renumbered(samples, lines, path)
        labels, names = numbered(lines)
    samples = replace(samples, class_names=names, labels_asked=True)
    return labelled(samples, labels, origin)


def with_model_names(samples: Samples, model: Model) -> Samples:
    """Number class folders as the labels in the model's own metadata do, where they name them."""
    if samples.class_names is None or samples.labels_asked:
        return samples
    names = read_labels(None, model)
    if names is None or not set(samples.class_names) <= set(names):
        return samples
    return _renumbered(samples, names, "the labels inside the model")


def labelled(samples: Samples, labels: Array, origin: str) -> Samples:
    """Give samples labels that are numbers, one each; rows of one 1 and 0s become class numbers."""
    if labels.dtype.kind not in "iufb":
        raise UsageError(f"{origin}: labels are {labels.dtype}; allowed: numbers")
    found = 0 if labels.ndim == 0 else len(labels)
    if found != samples.count:
        raise UsageError(f"{origin}: {found} label(s) for {samples.count} sample(s)")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        at = np.argwhere(~np.isfinite(labels))[0].tolist()
        raise UsageError(f"{origin}: label {at} is {labels[tuple(at)]}")
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)
    notes = samples.notes
    if _one_hot(labels):
        labels = np.argmax(labels, axis=1)
        notes = (*notes, f"{origin}: rows of one 1 each, taken as the numbers of classes")
    return replace(samples, labels=labels, labels_origin=origin, notes=notes)


def label_line(samples: Samples) -> str | None:
    """Say where labels come from and what they are."""
    labels = samples.labels
    if labels is None:
        return None
    text = f"labels: {samples.labels_origin}"
    if labels.dtype.kind in "iub" and labels.size:
        text += f", {int(labels.min())}..{int(labels.max())}"
    if samples.class_names:
        names = [f"{i} {name}" for i, name in enumerate(samples.class_names)]
        more = f", … {len(names) - 1} {samples.class_names[-1]}" if len(names) > _SHOWN else ""
        text += f"; {', '.join(names[:_SHOWN])}{more}"
    return text


def _one_hot(labels: Array) -> bool:
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.dtype.kind not in "iub":
        return False
    ones = (labels == 1).sum(axis=1) == 1
    return bool(np.all(ones & ((labels == 0).sum(axis=1) == labels.shape[1] - 1)))


def _renumbered(samples: Samples, lines: Sequence[str], path: str) -> Samples:
    """Number the class folders by the lines of a file of their names."""
    assert samples.class_names is not None
    assert samples.labels is not None
    places = np.array([lines.index(name) for name in samples.class_names], np.int64)
    return replace(
        samples,
        labels=places[samples.labels],
        labels_asked=True,
        labels_origin=f"{samples.labels_origin}, numbered by {path}",
        class_names=tuple(lines),
    )


def _array_name(place: Path, inside: str | None) -> str:
    headers = npz_headers(place)
    if inside is not None and inside in headers:
        return inside
    if inside is None and (LABELS in headers or len(headers) == 1):
        return LABELS if LABELS in headers else next(iter(headers))
    listed = ", ".join(f"{name!r} ({header})" for name, header in headers.items())
    wrong = f"no array {inside!r}" if inside else f"no array {LABELS!r}; choose {place.name}:NAME"
    raise UsageError(f"{place}: {wrong}; it holds {listed}")


def _column(place: Path, inside: str | None) -> tuple[Array, tuple[str, ...] | None, str]:
    table = read_table(place)
    if inside is not None:
        column = table.column(inside)
    else:
        low = [name.lower() for name in table.header or ()]
        usual = [low.index(name) for name in LABEL_COLUMNS if name in low]
        column = 0 if table.columns == 1 else (usual[0] if usual else None)
    if column is None:
        known = ", ".join(table.header) if table.header else f"0..{table.columns - 1}"
        wrong = f"no column {inside!r}" if inside else "which column holds labels?"
        raise UsageError(f"{place}: {wrong} It has {known}; write {place.name}:COLUMN")
    labels, names = numbered(column_values(table, column))
    return labels, names, f"{place}, column {table.name(column)}"


def _text(place: Path) -> str:
    try:
        return place.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{place}: cannot be read as labels: {error}") from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
