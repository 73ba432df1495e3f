"""Text that was given for a model: pages, pointers, descriptions, dumps."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

from refinterp.modelfile.foreign_kind import FROM_TENSORFLOW, IDENTIFIER, NOT_A_MODEL, Kind

_HEAD: Final = 4096
_PRINTED: Final = bytes({*range(32, 127), *range(128, 256), *b"\t\n\r\f\x1b"})
_LARGEST: Final = 64 << 20  # bytes of JSON that are read whole
_POINTER: Final = b"version https://git-lfs"
_SIZE: Final = re.compile(rb"^size (\d+)", re.MULTILINE)
_DUMP: Final = re.compile(rb"\A(?:[0-9a-fA-F]{6,8}[: ]\s*(?:[0-9a-fA-F]{2,8} ?){4,}.*\n){2}")
_PLAIN: Final = re.compile(rb"\A\s*(?:[0-9a-fA-F]{2}\s*){8,}\Z")
_INTEL: Final = re.compile(rb"\A:[0-9A-Fa-f]{10,}\r?\n:[0-9A-Fa-f]{10,}")


def text(data: memoryview) -> Kind | None:
    """Say what a text is, None when it is none or tells nothing."""
    head = bytes(data[:_HEAD])
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Kind("a text in UTF-16", "save it as plain ASCII or UTF-8 first")
    if head.translate(None, _PRINTED) != b"":
        return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    low = start[:512].lower()
    if start.startswith(_POINTER):
        size = _SIZE.search(head)
        held = f" to a file of {int(size.group(1)):,} bytes" if size else ""
        return Kind(
            f"a Git LFS pointer{held}",
            "fetch what it stands for: git lfs install && git lfs pull",
        )
    if low.startswith((b"<!doctype html", b"<html")) or (
        b"<head" in low and b"<body" in head.lower()
    ):
        return Kind(
            "a web page (HTML)",
            "download the file itself: on GitHub by its 'Raw' button (raw.githubusercontent.com), "
            "on Hugging Face by /resolve/ instead of /blob/ in the address",
        )
    if low.startswith((b"<?xml", b"<net ")):
        if b"<net " in head:
            return Kind(
                "an OpenVINO model's description (.xml)",
                "start from the model it was converted from",
            )
        return Kind("an XML text, such as a server's error", "download the model again")
    if low.startswith((b"{", b"[")):
        found = _json(data, head)
        if found is not None:
            return found
    if low.startswith((b"404: not found", b"not found", b"error", b"access denied", b"forbidden")):
        first = start.splitlines()[0][:60].decode("utf-8", "replace")
        return Kind(f"a server's answer ({first!r})", "download it again, as raw file")
    return _dump(data, head)


def _dump(data: memoryview, head: bytes) -> Kind | None:
    """Bytes written as text."""
    if _INTEL.match(head):
        return Kind("a firmware image (Intel HEX)", NOT_A_MODEL)
    if _DUMP.match(head):
        return Kind("a hex dump", "turn it into bytes: xxd -r FILE model.tflite")
    sample = head.rsplit(b"\n", 1)[0] if len(data) > _HEAD else head
    if _PLAIN.match(sample):
        return Kind("bytes as hexadecimal text", "turn it into bytes: xxd -r -p FILE model.tflite")
    try:
        start = base64.b64decode(head.replace(b"\n", b"").replace(b"\r", b"")[:64], validate=True)
    except (binascii.Error, ValueError):
        start = b""
    if start[4:8] == IDENTIFIER:
        return Kind("a .tflite model in base64", "decode it: base64 -d FILE > model.tflite")
    try:
        first = head.decode("utf-8").strip().splitlines()
    except UnicodeDecodeError:
        return None
    if not first:
        return Kind("an empty text", "fetch or convert the model again")
    return Kind(
        f"a text that begins {first[0][:40]!r}", "give the model's .tflite file", certain=False
    )


def _json(data: memoryview, head: bytes) -> Kind | None:
    """Models written as JSON, and the answers of servers."""
    try:
        document: Any = json.loads(bytes(data)) if len(data) <= _LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if document is None:
        keys = set(re.findall(r'"(\w+)"\s*:', head.decode("utf-8", "replace")))
    else:
        keys = set(document) if isinstance(document, dict) else set()
    if "modelTopology" in keys or "weightsManifest" in keys:
        return Kind(
            "a TensorFlow.js model (model.json)",
            "start from the model it was converted from, or convert it to a SavedModel with "
            "tensorflowjs_converter, and that with " + FROM_TENSORFLOW.split(": ", 1)[1],
        )
    if {"operator_codes", "subgraphs"} <= keys:
        return Kind(
            "a .tflite model written as JSON by flatc",
            "turn it back: flatc -b schema.fbs FILE",
        )
    if {"class_name", "config"} <= keys:
        return Kind(
            "a Keras model's description without its weights (JSON)",
            "give the model as .tflite; convert the .keras or .h5 file that has the weights",
        )
    if "nbformat" in keys:
        return Kind("a Jupyter notebook", "run it, and give the .tflite file it writes")
    if keys & {"error", "message", "errors"}:
        return Kind("a server's answer (JSON)", "download it again")
    if document is None:
        return None
    return Kind("a JSON text", "give the model's .tflite file", certain=False)
