"""Names for the classes of a model: from a text file, or from files packed into the model."""

from __future__ import annotations

import zipfile
from pathlib import Path

from refinterp.errors import UsageError
from refinterp.graph.model import Model


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


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
