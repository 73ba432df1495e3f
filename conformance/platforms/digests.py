"""Digests of what refinterp computes, the same lines wherever it runs.

    python -m conformance.platforms.digests FOLDER   every model of the folder, to standard output

It needs NumPy and refinterp alone, and runs unchanged in WebAssembly. A model `NAME.tflite` runs on
the samples of `NAME.npz` (`0_0`, `0_1`, …: sample and input), or else on seeded random codes. The
digest of its integers covers every tensor that holds integers, after every sample; that of its
reals the others, whose last bits belong to the platform's mathematics library.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from refinterp import Interpreter, RefinterpError
from refinterp.cli.main import main as refinterp

FLAVOURS = ("litert-reference", "tflm")
SEED = 7
COMMANDS = (("inspect",), ("lint",), ("arena",), ("arena", "--all-targets"))
ON_DATA = (
    ("debug", "--limit", "8"),
    ("explain", "--op", "0", "--at", "0,0,0,0"),
    ("sensitivity", "--limit", "4"),
)
"""Which run to the end as well; their reals are sums of floats, whose order is the platform's."""


def digests(folder: Path) -> Iterator[dict[str, Any]]:
    """A row per model and flavour, in order of names."""
    for path in sorted(folder.glob("*.tflite")):
        for flavour in FLAVOURS:
            yield {"model": path.stem, "flavour": flavour, **_run(path, flavour)}


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """A row per model and command: the digest of the JSON that it prints."""
    for path in sorted(folder.glob("*.tflite")):
        data = folder / f"{path.stem.split('_')[0]}_samples.npz"
        given = [(*words, "--data", data.name) for words in ON_DATA] if data.exists() else []
        for command, *options in (*COMMANDS, *given):
            out, told = io.StringIO(), io.StringIO()
            with (
                _within(folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(told),
            ):
                code = refinterp([command, path.name, *options, "--json"])
            text = out.getvalue()
            if text and "--data" in options:
                printed = ", ".join(json.loads(text))
            else:
                printed = _hex(text.encode()) if text else told.getvalue()
            yield {
                "model": path.stem,
                "command": " ".join([command, *options]),
                "exit": code,
                "document": printed,
            }


def _run(path: Path, flavour: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = Interpreter(str(path), experimental_preserve_all_tensors=True, flavour=flavour)
            own.allocate_tensors()
            return _digest(own, path.with_suffix(".npz"))
    except RefinterpError as error:  # as good as a result, if it is the same everywhere
        return {"refused": f"{type(error).__name__}: {str(error).replace(str(path), path.name)}"}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def _digest(own: Interpreter, samples: Path) -> dict[str, Any]:
    integers, reals, counts = hashlib.sha256(), hashlib.sha256(), [0, 0]
    for values in _samples(own, samples):
        for detail, value in zip(own.get_input_details(), values, strict=True):
            own.set_tensor(detail["index"], value)
        own.invoke()
        for detail in own.get_tensor_details():
            try:
                value = np.ascontiguousarray(own.get_tensor(detail["index"]))
            except (RefinterpError, ValueError):  # has no value: a resource, an unused tensor
                continue
            kind = int(value.dtype.kind == "f")
            (integers, reals)[kind].update(value.tobytes())
            counts[kind] += 1
    return {
        "integers": integers.hexdigest()[:16],
        "reals": reals.hexdigest()[:16],
        "integer_tensors": counts[0],
        "real_tensors": counts[1],
    }


def _samples(own: Interpreter, path: Path) -> Iterator[list[np.ndarray[Any, Any]]]:
    inputs = own.get_input_details()
    if path.exists():
        with np.load(path) as arrays:
            count = 1 + max(int(name.split("_")[0]) for name in arrays.files)
            for sample in range(count):
                yield [arrays[f"{sample}_{place}"] for place in range(len(inputs))]
        return
    rng = np.random.default_rng(SEED)
    for _ in range(2):
        yield [_random(rng, detail["shape"].tolist(), detail["dtype"]) for detail in inputs]


def _random(rng: np.random.Generator, shape: list[int], dtype: Any) -> np.ndarray[Any, Any]:
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if np.issubdtype(dtype, np.floating):
        return rng.uniform(-1, 1, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(max(limits.min, -128), min(limits.max, 255) + 1, shape).astype(dtype)


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def main(folder: str, with_documents: bool = False) -> None:
    """Print a line of JSON per row."""
    for row in digests(Path(folder)):
        print(json.dumps(row), flush=True)
    for row in documents(Path(folder)) if with_documents else ():
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--documents" in sys.argv)
