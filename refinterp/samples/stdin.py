"""Data from standard input: kept in a file, whose kind its first bytes say."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from refinterp.errors import UsageError

_KINDS: Final = (
    (b"\x93NUMPY", 0, ".npy"), (b"PK\x03\x04", 0, ".npz"), (b"\x89PNG", 0, ".png"),
    (b"\xff\xd8\xff", 0, ".jpg"), (b"GIF8", 0, ".gif"), (b"BM", 0, ".bmp"),
    (b"P5", 0, ".pgm"), (b"P6", 0, ".ppm"), (b"WAVE", 8, ".wav"), (b"WEBP", 8, ".webp"),
)  # fmt: skip
_HEAD: Final = 4096
_folder: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def spooled(stream: BinaryIO) -> Path:
    """Write a stream to a temporary file and return its path: `stdin` and the suffix of its kind.

    Known by their first bytes: .npy, .npz, images, WAV; text is taken as CSV, all else as raw bytes
    of the input's type. Raises UsageError when there is nothing.
    """
    head = stream.read(_HEAD)
    if not head:
        raise UsageError("standard input holds no data")
    _folder.append(tempfile.TemporaryDirectory(prefix="refinterp-"))
    path = Path(_folder[-1].name) / f"stdin{_kind(head)}"
    with path.open("wb") as file:
        file.write(head)
        while block := stream.read(1 << 20):
            file.write(block)
    return path


def _kind(head: bytes) -> str:
    for mark, at, suffix in _KINDS:
        if head[at : at + len(mark)] == mark:
            return suffix
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return ".bin"
    return ".csv" if all(c.isprintable() or c in "\r\n\t" for c in text) else ".bin"
