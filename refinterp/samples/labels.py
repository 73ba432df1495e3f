"""Labels: names of a model's classes, and what samples should give."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.samples.source import Samples


def read_labels(path: str | None, model: Model) -> list[str] | None:
    """Return one label a line of a file, or of the first label file inside the model, or None.

    Models with TFLite metadata carry associated files in a zip archive behind the flatbuffer.
    Raises UsageError when the given file cannot be read.
    """
    if path is not None:
        try:
            return _lines(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read as labels: {error}") from None
    if model.source is None or not zipfile.is_zipfile(model.source):
        return None
    with zipfile.ZipFile(model.source) as archive:
        names = [name for name in archive.namelist() if name.endswith(".txt")]
        names.sort(key=lambda name: "label" not in name.lower())
        return _lines(archive.read(names[0]).decode("utf-8", "replace")) if names else None


def with_labels(samples: Samples, path: str) -> Samples:
    """Give samples their labels from a file, the first label to the first sample.

    `.npy`: along axis 0; `.npz`: its array `labels`, or its only one; else text, a number a line.
    Raises UsageError when the file cannot be read so, or holds fewer labels than there are samples.
    """
    place = Path(path)
    try:
        if place.suffix == ".npy":
            labels = np.load(place, allow_pickle=False)
        elif place.suffix == ".npz":
            with np.load(place, allow_pickle=False) as archive:
                names = archive.files
                if "labels" not in names and len(names) != 1:
                    raise UsageError(f"{path}: no array 'labels'; it holds {', '.join(names)}")
                labels = archive["labels" if "labels" in names else names[0]]
        else:
            numbers = [float(line) for line in _lines(place.read_text("utf-8"))]
            labels = np.array(numbers)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path}: cannot be read as labels: {error}") from None
    if labels.ndim == 0 or len(labels) < samples.count:
        found = 0 if labels.ndim == 0 else len(labels)
        raise UsageError(f"{path}: {found} label(s) for {samples.count} sample(s)")
    if labels.dtype.kind not in "iufb":
        raise UsageError(f"{path}: labels are {labels.dtype}; allowed: numbers")
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)
    return replace(samples, labels=labels)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
