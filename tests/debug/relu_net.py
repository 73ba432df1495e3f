"""A network of RELUs for the debugger's tests, quantized for any data one likes.

Without large biases such a network is nearly homogeneous: data times 255 gives scores times 255,
and so the same class. Its labels are the classes that it gives itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples

PIXELS, HIDDEN, CLASSES = 48, 24, 4


def _layers() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(71)
    sizes = (PIXELS, HIDDEN, HIDDEN, CLASSES)
    return [
        (
            rng.normal(0, 1.5 / np.sqrt(n), (m, n)).astype(np.float32),
            rng.normal(0, 0.02, m).astype(np.float32),
        )
        for n, m in pairwise(sizes)
    ]


def pixels(count: int = 48, seed: int = 1) -> np.ndarray:
    """Pictures of a light part and a dark one in 0..1, (count, 1, PIXELS)."""
    rng = np.random.default_rng(seed)
    data = rng.uniform(0, 1, (count, 1, PIXELS))
    edges = rng.integers(4, PIXELS - 4, count)
    light = np.arange(PIXELS) < edges[:, None, None]
    data = np.where(light, 0.6 + 0.4 * data, 0.3 * data)
    data[..., 0], data[..., 1] = 0.0, 1.0
    return data.astype(np.float32)


def _values(data: np.ndarray) -> list[np.ndarray]:
    found = [data.reshape(len(data), -1).astype(np.float64)]
    for number, (w, b) in enumerate(_layers()):
        y = found[-1] @ w.T.astype(np.float64) + b
        found.append(np.maximum(y, 0) if number < 2 else y)
    return found


def labels(data: np.ndarray) -> np.ndarray:
    """The classes that the float network gives data as it was trained on."""
    return np.asarray(_values(data)[-1].argmax(axis=1))


def _grid(values: np.ndarray) -> dict[str, Any]:
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = float(np.float32((high - low) / 255))
    return {"scale": scale, "zero_point": round(-128 - low / scale)}


def network(calibration: np.ndarray | None, *, softmax: bool = True) -> Model:
    """The int8 network with ranges for this data, (samples, 1, PIXELS); the float one for None."""
    quantized = calibration is not None
    values = _values(pixels() if calibration is None else calibration)
    dtype = "int8" if quantized else "float32"
    g = GraphBuilder()
    grid = _grid(values[0]) if quantized else {}
    x = g.input("image", (1, PIXELS), dtype, **grid)
    for number, (w, b) in enumerate(_layers()):
        if quantized:
            steps = np.abs(w).max(axis=1) / 127
            both = (steps * grid["scale"]).tolist()
            zeros = [0] * len(steps)
            codes = np.rint(w / steps[:, None]).astype(np.int8)
            own = np.rint(b / np.float64(both)).astype(np.int32)
            wi = g.constant(f"w{number}", codes, scale=steps.tolist(), zero_point=zeros)
            bi = g.constant(f"b{number}", own, scale=both, zero_point=zeros)
        else:
            wi, bi = g.constant(f"w{number}", w), g.constant(f"b{number}", b)
        grid = _grid(values[number + 1]) if quantized else {}
        y = g.tensor(f"layer{number}", (1, len(w)), dtype, **grid)
        activation = "RELU" if number < 2 else "NONE"
        g.operator("FULLY_CONNECTED", [x, wi, bi], [y], {"fused_activation_function": activation})
        x = y
    if softmax:
        fixed = {"scale": 1 / 256, "zero_point": -128} if quantized else {}
        y = g.tensor("scores", (1, CLASSES), dtype, **fixed)
        g.operator("SOFTMAX", [x], [y], {"beta": 1.0})
    return g.build(outputs=[y])


def samples(data: np.ndarray, truth: np.ndarray | None = None) -> Samples:
    """Data one sample at a time, with labels or without."""
    return Samples(len(data), lambda i: [data[i]], "drawn", labels=truth)
