"""WAV files as model inputs: 16-bit PCM, cut into windows of the input's size."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.spec import TensorSpec


def read_wav(path: str | Path, spec: TensorSpec, stride: int | None = None) -> list[NDArray[Any]]:
    """Cut a mono 16-bit WAV into samples of an input's shape, one every `stride` values.

    int16 inputs get the PCM codes, others float32 in [-1, 1). stride defaults to the window's
    length; windows that overlap have a smaller one. What is left at the end is dropped.

    Raises UsageError when the file is not mono 16-bit PCM or shorter than one window.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise UsageError(f"{path}: not a readable WAV file: {error}") from None
    if channels != 1 or width != 2:
        raise UsageError(
            f"{path}: {channels} channel(s) of {8 * width} bits; allowed: 1 channel of 16 bits"
        )
    if stride is not None and stride < 1:
        raise UsageError(f"the window stride is {stride}; it must be at least 1")
    codes = np.frombuffer(raw, "<i2")
    size = spec.size
    if codes.size < size:
        raise UsageError(f"{path}: {codes.size} values, input {spec.name!r} takes {size}")
    values = codes if spec.dtype == "int16" else codes.astype(np.float32) / np.float32(32768)
    starts = range(0, codes.size - size + 1, stride or size)
    return [np.array(values[start : start + size]).reshape(spec.shape) for start in starts]
