"""An export: every file of a project as text, and how they are written to a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from refinterp.errors import UsageError
from refinterp.export.layout import ProjectLayout
from refinterp.export.layout_files import first_headers
from refinterp.export.readme import readme
from refinterp.export.subject import Exported
from refinterp.export.texts_data import (
    arena_header,
    data_header,
    data_source,
    golden_header,
    golden_source,
    numbers_header,
)
from refinterp.export.texts_runner import example, golden_test, runner_header, runner_source
from refinterp.version import __version__


def project(subject: Exported, layout: ProjectLayout) -> dict[str, str]:
    """Return every file of an export, by its path below the folder, in order of the paths.

    The same subject gives the same bytes, wherever and whenever.
    """
    name = subject.name
    first = first_headers(subject, layout.name)
    sources = {
        f"{name}.cpp": runner_source(subject, first),
        f"{name}.h": runner_header(subject),
        f"{name}_arena.h": arena_header(subject),
        f"{name}_data.cpp": data_source(subject),
        f"{name}_data.h": data_header(subject),
        f"{name}_example.cpp": example(subject, first),
        f"{name}_golden.cpp": golden_source(subject),
        f"{name}_golden.h": golden_header(subject),
        f"{name}_golden_test.cpp": golden_test(subject, first),
        f"{name}_numbers.h": numbers_header(subject),
    }
    folder = layout.sources.format(name=name)
    files = {f"{folder}/{file}": text for file, text in sources.items()}
    files |= layout.build(subject)
    files = {path: _marked(path, text) for path, text in files.items()}
    files["README.md"] = readme(subject, layout, sorted(files))
    return dict(sorted(files.items()))


def _marked(path: str, text: str) -> str:
    """A file that says who wrote it."""
    mark = {".h": "//", ".cpp": "//", ".ino": "//", ".ini": ";"}.get(Path(path).suffix, "#")
    return f"{mark} Written by refinterp {__version__}; export again rather than edit.\n{text}"


def require_room(folder: str, *, force: bool) -> None:
    """Raise UsageError for a folder that is a file, or holds something without `force`."""
    root = Path(folder)
    try:
        if root.exists() and not root.is_dir():
            raise UsageError(f"--to {folder}: this is a file; give a folder")
        if root.is_dir() and any(root.iterdir()) and not force:
            raise UsageError(
                f"--to {folder}: the folder is not empty; name another, or give --force to write "
                "into it (files of other names stay)"
            )
    except OSError as error:
        raise UsageError(f"--to {folder}: the folder cannot be read: {error.strerror}") from None


def write(files: Mapping[str, str] | Mapping[str, bytes], folder: str) -> None:
    """Write the files into a folder, which is made where it is missing.

    Raises UsageError when it cannot be written.
    """
    root = Path(folder)
    try:
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        where = os.fspath(error.filename or folder)
        raise UsageError(f"--to {folder}: {where} cannot be written: {error.strerror}") from None
