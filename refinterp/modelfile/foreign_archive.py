"""Archives that were given for a model: what they are by the names of their members."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from typing import Final

from refinterp.modelfile.foreign_kind import (
    DATA,
    FROM_KERAS,
    FROM_TORCH,
    IDENTIFIER,
    SUFFIXES,
    Kind,
)

_START: Final = 64  # bytes of what is compressed that tell what it is


def archive(data: memoryview) -> Kind | None:
    """Say what an archive is, None for anything else. Damaged archives are archives, too."""
    head = bytes(data[:4])
    if head in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(data)
    if head[:2] == b"\x1f\x8b":
        return _gzip(data)
    if bytes(data[257:262]) == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                names = tar.getnames()
        except (tarfile.TarError, EOFError, ValueError):
            names = []
        return _members("a tar archive", names, "tar -xf FILE")
    return None


def _zip(data: memoryview) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return Kind("a zip archive that is cut off", "fetch it again, then unpack it")
    last = {name.rsplit("/", 1)[-1] for name in names}
    if {"config.json", "model.weights.h5"} <= last:
        return Kind("a Keras 3 model (.keras)", FROM_KERAS)
    if "data.pkl" in last or ({"archive_format", "model.json"} & last and "constants.pkl" in last):
        return Kind("a model or weights saved by PyTorch (.pt, .pth)", FROM_TORCH)
    if "archive_format" in last or any(name.endswith("models/model.json") for name in names):
        return Kind("a program exported by PyTorch (.pt2)", FROM_TORCH)
    if names and all(name.endswith(".npy") for name in names):
        return Kind("a file of NumPy arrays (.npz)", DATA)
    if "Manifest.json" in last and any(name.endswith(".mlmodel") for name in names):
        return Kind("a Core ML package", "start from the model it was converted from")
    if "model.params" in last:
        return Kind(
            "a model container for Qualcomm's SNPE (.dlc)",
            "it runs on Qualcomm's runtime alone: give the .tflite file it was made from",
        )
    if any(name.startswith("edge-impulse-sdk/") or "/edge-impulse-sdk/" in name for name in names):
        return Kind(
            "an Edge Impulse library (zip)",
            "unpack it: unzip FILE; the model is the C array in tflite-model/ (tflite_learn_*.cpp)",
        )
    if "TF_LITE_PREFILL_DECODE" in last or "TOKENIZER_MODEL" in last:
        return Kind(
            "a MediaPipe bundle of a language model (.task)",
            "unpack it: unzip FILE; TF_LITE_PREFILL_DECODE is the model",
        )
    return _members("a zip archive", names, "unzip FILE")


def _gzip(data: memoryview) -> Kind:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            start = file.read(512)
    except (OSError, EOFError, zlib.error):
        return Kind("a gzip archive that is cut off", "fetch it again, then unpack it")
    if start[4:8] == IDENTIFIER:
        return Kind(
            "a .tflite model compressed with gzip", "unpack it: gunzip -c FILE > model.tflite"
        )
    if start[257:262] == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                names = tar.getnames()
        except (tarfile.TarError, OSError, EOFError, zlib.error):
            names = []
        return _members("a tar archive compressed with gzip", names, "tar -xzf FILE")
    return Kind("a file compressed with gzip", "unpack it: gunzip FILE")


def _members(what: str, names: Sequence[str], unpack: str) -> Kind:
    """Name the models in an archive, or what else it holds."""
    models = [name for name in names if name.endswith(SUFFIXES)]
    if models:
        listed = ", ".join(models[:3]) + (", …" if len(models) > 3 else "")
        return Kind(f"{what} that holds {listed}", f"unpack it: {unpack}; give that file")
    if any(name.endswith("saved_model.pb") for name in names):
        return Kind(
            f"{what} that holds a TensorFlow SavedModel",
            f"unpack it: {unpack}; then convert its folder with "
            "tf.lite.TFLiteConverter.from_saved_model",
        )
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return Kind(f"{what} without a .tflite file", f"it holds {listed or 'nothing'}")
