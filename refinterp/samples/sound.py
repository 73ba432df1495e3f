"""WAV files as samples: PCM, cut into windows of the input's size."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.spec import TensorSpec
from refinterp.samples.inputs import ModelInput
from refinterp.samples.stack import Stack

Array = NDArray[Any]

_UNKNOWN: Final = (0x7FFFFFFF, 0xFFFFFFFF)  # bytes of sound, where whoever wrote did not know
_SLACK: Final = 64  # values by which the head's own size shifts them
_CONVERT: Final = "ffmpeg -i FILE -ac 1 -c:a pcm_s16le OUT.wav converts it"


@dataclass(frozen=True, slots=True)
class Sound:
    """A WAV file's head: channels, bits of a value, values per second, and how many there are."""

    channels: int
    width: int
    rate: int
    frames: int


def wav_stack(path: Path, wanted: ModelInput, stride: int | None = None) -> Stack:
    """A PCM WAV as samples of an input, one every `stride` values.

    int16 inputs get 16-bit codes, others float32 in [-1, 1). stride defaults to the window's
    length; windows that overlap have a smaller one. What is left at the end is dropped, which is
    told where there is but one window; a sound shorter than one window is filled up with silence,
    and several channels become their mean, which is told. An input of open length takes the whole
    sound.

    Raises UsageError when the file is no PCM, cut off, or the stride makes no sense.
    """
    sound = _head(path)
    if stride is not None and stride < 1:
        raise UsageError(f"the window stride is {stride}; it must be at least 1")
    shape = tuple(sound.frames if n is None else n for n in wanted.pattern)
    if sum(n is None for n in wanted.pattern) > 1:
        raise UsageError(
            f"{path}: input {wanted.spec.name!r} {wanted.allowed} leaves several sizes open; say "
            "them with --shape"
        )
    size = int(np.prod(shape, dtype=np.int64))
    step = stride or max(size, 1)
    if size < 1 or sound.frames < 1:
        raise UsageError(f"{path}: {sound.frames} values, input {wanted.spec.name!r} takes {size}")
    count = max(1, (sound.frames - size) // step + 1)
    whole = wanted.dtype == np.int16
    stamp = path.stat().st_mtime_ns

    def read(index: int) -> Array:
        values = _values(path, sound, whole, stamp)
        window = values[index * step : index * step + size]
        if window.size < size:
            window = np.pad(window, (0, size - window.size))
        return np.array(window).reshape(shape)

    notes = []
    if sound.channels > 1:
        notes.append(f"{path}: {sound.channels} channels, their mean is taken")
    if sound.frames < size:
        notes.append(f"{path}: {sound.frames} values, filled up to {size} with silence")
    elif (rest := sound.frames - ((count - 1) * step + size)) > 0 and count == 1:
        notes.append(f"{path}: {rest} of {sound.frames} values at the end are left out")
    seconds = sound.frames / sound.rate if sound.rate else 0
    heading = f"{path}: {seconds:.3g} s of {sound.rate} Hz, {8 * sound.width} bits; " + (
        f"{count} window(s) of {size} values, one every {step}"
    )
    dtype = np.dtype(np.int16 if whole else np.float32)
    return Stack(
        str(path),
        count,
        dtype,
        shape,
        shape,
        read,
        "codes" if whole else "array",
        (heading, *notes),
        place=lambda i: f"window {i}, from value {i * step}",
    )


def read_wav(path: str | Path, spec: TensorSpec, stride: int | None = None) -> list[Array]:
    """Return the windows of a WAV as arrays of an input's shape; see `wav_stack`."""
    stack = wav_stack(Path(path), ModelInput.of(spec), stride)
    return [stack.read(index) for index in range(stack.count)]


def _head(path: Path) -> Sound:
    with _opened(path) as (file, raw):
        sound = Sound(
            file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()
        )
        start = raw.tell()  # the head is read: what follows is sound
    if sound.width not in (1, 2, 3, 4) or sound.channels < 1:
        raise UsageError(f"{path}: values of {8 * sound.width} bits; {_CONVERT}")
    each = sound.width * sound.channels
    there = max(0, os.path.getsize(path) - start) // each
    if 0 < sound.frames <= there:
        return sound
    unknown = any(abs(sound.frames - size // each) <= _SLACK for size in _UNKNOWN)
    if unknown or not sound.frames:
        return replace(sound, frames=there)
    raise UsageError(
        f"{path}: the file is cut off: its head promises {sound.frames} values, {there} are there"
    )


@lru_cache(maxsize=4)
def _values(path: Path, sound: Sound, whole: bool, stamp: int) -> Array:
    """All values of a sound: 16-bit codes if `whole`, else float32 in [-1, 1)."""
    with _opened(path) as (file, _):
        raw = file.readframes(sound.frames)
    each = sound.width * sound.channels
    data = np.frombuffer(raw[: len(raw) // each * each], np.uint8).reshape(-1, sound.width)
    wide = np.zeros((len(data), 4), np.uint8)
    wide[:, 4 - sound.width :] = data
    codes = wide.view("<i4").reshape(-1).astype(np.int32)  # the value's bits uppermost
    if sound.width == 1:
        codes = codes ^ np.int32(-(2**31))  # 8-bit values are unsigned
    if sound.channels > 1:
        mean = codes.reshape(-1, sound.channels).astype(np.float64).mean(axis=1)
        codes = np.rint(mean).astype(np.int32)
    if whole:
        return (codes >> 16).astype(np.int16)
    return (codes.astype(np.float64) / 2.0**31).astype(np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[wave.Wave_read, BinaryIO]]:
    """Open a WAV file, naming it when that fails."""
    try:
        with path.open("rb") as raw, wave.open(raw, "rb") as file:
            yield file, raw
    except (wave.Error, EOFError, OSError, RuntimeError) as error:
        reason = str(error) or "it ends too early"
        hint = f"; {_CONVERT}" if "format" in reason else ""
        raise UsageError(f"{path}: not a readable WAV file: {reason}{hint}") from None
