"""Samples from a path: `.npy`, `.npz`, a folder of them, `.bin`, images, WAV.

A source is read lazily, one sample at a time, so that a data set may be larger than memory: `.npy`
files are memory-mapped, folders are walked in name order, images are opened when their turn comes.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.spec import TensorSpec
from refinterp.samples.images import IMAGE_SUFFIXES, read_image
from refinterp.samples.sound import read_wav

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """`count` samples; `get(i)` gives one array per model input, as the file has them.

    notes: what was done to the data on the way in, for the user to read.
    """

    count: int
    get: Callable[[int], list[Array]]
    origin: str
    labels: Array | None = None

    def __iter__(self) -> Iterator[list[Array]]:
        return (self.get(index) for index in range(self.count))


def open_samples(
    path: str | os.PathLike[str],
    inputs: Sequence[TensorSpec],
    *,
    image_range: str = "0..1",
    window_stride: int | None = None,
) -> Samples:
    """Open a path as samples for a model with these inputs.

    `.npy`: samples on axis 0 (a single input); an array of exactly the input's shape, or of as many
    elements, is one sample.
    `.npz`: one such array per input, by name; `labels` is kept aside. `.bin`: raw, the input's
    dtype, any whole number of samples. Folder: its files in name order, one after the other.
    image_range: see `images.read_image`. window_stride: see `sound.read_wav`.

    Raises UsageError, naming the file, what was found and what is allowed.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place, inputs, image_range, window_stride)
    if not place.exists():
        raise UsageError(f"{place}: no such file or folder")
    suffix = place.suffix.lower()
    if suffix == ".npz":
        return _npz(place, inputs)
    only = _single(place, inputs)
    if suffix == ".npy":
        try:
            array = np.load(place, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise UsageError(f"{place}: not a readable .npy file: {error}") from None
        return _stacked({only.name: array}, [only], str(place))
    if suffix in (".bin", ".raw"):
        return _raw(place, only)
    if suffix == ".wav":
        return _one(read_wav(place, only, window_stride), str(place))
    if suffix in IMAGE_SUFFIXES:
        return Samples(1, lambda _: [read_image(place, only, image_range)], str(place))
    raise UsageError(
        f"{place}: {suffix or 'a file without a suffix'} is not a kind of input; allowed: .npy, "
        f".npz, .bin, .raw, .wav, {', '.join(sorted(IMAGE_SUFFIXES))}, or a folder of them"
    )


def random_samples(inputs: Sequence[TensorSpec], count: int, seed: int) -> Samples:
    """Samples drawn from a seed: integers over the whole range, floats in [0, 1)."""

    def draw(index: int) -> list[Array]:
        rng = np.random.default_rng((seed, index))
        return [_draw(spec, rng) for spec in inputs]

    return Samples(count, draw, f"random data, seed {seed}")


def _draw(spec: TensorSpec, rng: np.random.Generator) -> Array:
    dtype = STORAGE[spec.dtype]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, spec.shape, dtype, endpoint=True)
    if dtype.kind == "b":
        return rng.random(spec.shape) < 0.5
    return np.asarray(rng.random(spec.shape), dtype)


def _single(place: Path, inputs: Sequence[TensorSpec]) -> TensorSpec:
    if len(inputs) != 1:
        names = ", ".join(repr(spec.name) for spec in inputs)
        raise UsageError(
            f"{place}: the model has {len(inputs)} inputs ({names}); give them by name in an .npz"
        )
    return inputs[0]


def _npz(place: Path, inputs: Sequence[TensorSpec]) -> Samples:
    try:
        archive = np.load(place, allow_pickle=False)
    except (ValueError, zipfile.BadZipFile) as error:
        raise UsageError(f"{place}: not a readable .npz file: {error}") from None
    names = [name for name in archive.files if name != "labels"]
    arrays: dict[str, Array] = {}
    for spec in inputs:
        short = spec.name.split(":")[0].removeprefix("serving_default_")
        match = next((n for n in (spec.name, short) if n in names), None)
        if match is None and len(inputs) == len(names) == 1:
            match = names[0]
        if match is None:
            raise UsageError(
                f"{place}: no array for input {spec.name!r}; the file holds {', '.join(names)}"
            )
        arrays[spec.name] = archive[match]
    labels = archive["labels"] if "labels" in archive.files else None
    return _stacked(arrays, inputs, str(place), labels)


def _stacked(
    arrays: Mapping[str, Array],
    inputs: Sequence[TensorSpec],
    origin: str,
    labels: Array | None = None,
) -> Samples:
    """Samples on axis 0; the model's own batch axis may be there or not."""
    stacks = {
        spec.name: _samples_first(arrays[spec.name], spec.shape, f"{origin}, {spec.name!r}")
        for spec in inputs
    }
    counts = {name: len(stack) for name, stack in stacks.items()}
    if len(set(counts.values())) > 1:
        raise UsageError(f"{origin}: the inputs have different numbers of samples: {counts}")
    count = next(iter(counts.values()), 0)
    if count == 0:
        raise UsageError(f"{origin}: holds no samples")
    order = [spec.name for spec in inputs]
    return Samples(count, lambda i: [np.asarray(stacks[n][i]) for n in order], origin, labels)


def _samples_first(array: Array, shape: Shape, where: str) -> Array:
    """View an array as (samples, *shape)."""
    if array.shape[1:] == shape:
        return array
    if array.shape == shape:
        return array[None]
    if shape and shape[0] == 1 and array.shape[1:] == shape[1:]:
        return array[:, None]  # the first axis counts samples, the model's batch of 1 is left out
    if shape and shape[0] > 1 and array.shape[1:] == shape[1:] and len(array) % shape[0] == 0:
        return array.reshape(-1, *shape)
    if array.size == np.prod(shape, dtype=np.int64):
        return array.reshape(1, *shape)  # what another model gave piece by piece
    raise UsageError(
        f"{where}: has shape {list(array.shape)}; allowed: {list(shape)} for one sample, or "
        f"[samples, {', '.join(map(str, shape))}]"
    )


def _raw(place: Path, spec: TensorSpec) -> Samples:
    dtype = STORAGE[spec.dtype]
    size = math.prod(spec.shape) * dtype.itemsize
    found = place.stat().st_size
    if size == 0 or found == 0 or found % size:
        raise UsageError(
            f"{place}: {found} bytes are no whole number of samples; input {spec.name!r}, "
            f"{spec.dtype} {list(spec.shape)}, takes {size} bytes each"
        )
    stack = np.memmap(place, dtype, "r").reshape(-1, *spec.shape)
    return Samples(len(stack), lambda i: [np.asarray(stack[i])], str(place))


def _one(arrays: Sequence[Array], origin: str) -> Samples:
    return Samples(len(arrays), lambda i: [arrays[i]], origin)


def _folder(
    place: Path, inputs: Sequence[TensorSpec], image_range: str, window_stride: int | None
) -> Samples:
    files = sorted(p for p in place.iterdir() if p.is_file() and not p.name.startswith("."))
    usable = [p for p in files if p.suffix.lower() in (".npy", ".npz", ".bin", ".raw", ".wav")
              or p.suffix.lower() in IMAGE_SUFFIXES]  # fmt: skip
    if not usable:
        raise UsageError(f"{place}: the folder holds no file that can be an input")
    parts = [
        open_samples(p, inputs, image_range=image_range, window_stride=window_stride)
        for p in usable
    ]
    starts = np.cumsum([0, *(part.count for part in parts)], dtype=np.int64)

    def get(index: int) -> list[Array]:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return parts[part].get(index - int(starts[part]))

    labels = [part.labels for part in parts if part.labels is not None]
    joined = np.concatenate(labels) if len(labels) == len(parts) else None
    return Samples(int(starts[-1]), get, str(place), joined)
