"""Samples from a path: `.npy`, `.npz`, CSV, `.bin`, images, WAV, or a folder of them.

A source is read lazily, one sample at a time, so that a data set may be larger than memory: `.npy`
files are memory-mapped, folders are walked in name order, images are opened when their turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import code_limits
from refinterp.graph.spec import TensorSpec
from refinterp.samples.files import How, open_file
from refinterp.samples.folder import open_folder
from refinterp.samples.inputs import ModelInput
from refinterp.samples.request import split_name
from refinterp.samples.samples import Samples

Array = NDArray[Any]

Inputs = Sequence[TensorSpec | ModelInput]


def open_samples(
    path: str | os.PathLike[str],
    inputs: Inputs,
    *,
    image_range: str = "auto",
    window_stride: int | None = None,
    label_column: str | None = None,
    keep_non_finite: bool = False,
) -> Samples:
    """Open a path as samples for a model with these inputs.

    `.npy`: samples on axis 0 (a single input); an array of exactly the input's shape, or of as many
    elements in the same order, is one sample. `.npz`: one such array per input, by name, or
    FILE.npz:NAME; its `labels` are kept aside. `.csv`, `.tsv`: a sample a row, FILE.csv:COLUMN,…
    chooses. `.bin`: raw, the input's dtype, any whole number of samples. Folder: its files in name
    order, one after the other; or folders of a class each, which label the files in them.
    image_range, and what numbers are taken as: see `reading`. window_stride: see `sound.wav_stack`.
    label_column: of a CSV, by name or number. keep_non_finite: leave nan and infinity in the data;
    otherwise they are errors when their sample is wanted.

    Raises UsageError, naming the file, what was found and what is allowed.
    """
    wanted = [one if isinstance(one, ModelInput) else ModelInput.of(one) for one in inputs]
    how = How(image_range, window_stride, label_column, keep_non_finite)
    name, inside = split_name(os.fspath(path))
    place = Path(name)
    if place.is_dir():
        return open_folder(place, wanted, how)
    if not place.exists():
        raise UsageError(f"{path}: no such file or folder")
    return open_file(place, wanted, how, inside)


def random_samples(inputs: Inputs, count: int, seed: int) -> Samples:
    """Samples drawn from a seed: codes over the whole range, reals that the input holds, or 0..1.

    Integers of 32 bits and more without a scale, which are indices and counts more often than not,
    are 0 and 1.
    """
    wanted = [one if isinstance(one, ModelInput) else ModelInput.of(one) for one in inputs]

    def draw(index: int) -> list[Array]:
        rng = np.random.default_rng((seed, index))
        return [_draw(one, rng) for one in wanted]

    return Samples(count, draw, f"random data, seed {seed}", inputs=tuple(wanted), random=True)


def _draw(wanted: ModelInput, rng: np.random.Generator) -> Array:
    dtype, shape = wanted.dtype, wanted.spec.shape
    if dtype.kind in "iu":
        low, high = code_limits(wanted.spec.dtype)
        drawn = rng.integers(low, high, shape, dtype, endpoint=True)
        return drawn & 1 if dtype.itemsize >= 4 and not wanted.spec.quantized else drawn
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    least, most = wanted.reals or (0.0, 1.0)
    return np.asarray(least + (most - least) * rng.random(shape), dtype)
