"""A cascade run by force: LiteRT runs the small model, then the big one where it must."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from tflite import Model as Parsed
from tflite.TensorType import TensorType

from refinterp.runtimes import Ran, Runtime

Array = np.ndarray


def grid(model: bytes, inputs: bool) -> tuple[float, int]:
    """Scale and zero point of the only input or output, read by the schema's own package."""
    graph = Parsed.GetRootAs(model, 0).Subgraphs(0)
    tensor = graph.Tensors(graph.Inputs(0) if inputs else graph.Outputs(0))
    found = tensor.Quantization()
    if found is None or not found.ScaleLength():
        return 0.0, 0
    return float(found.Scale(0)), int(found.ZeroPoint(0))


def fed(model: bytes, values: Array) -> Array:
    """One sample as the model takes it."""
    scale, zero = grid(model, inputs=True)
    if not scale:
        return values.astype(np.float32)[None]
    low, kind = (0, np.uint8) if unsigned(model) else (-128, np.int8)
    codes = [max(low, min(low + 255, round(v / scale) + zero)) for v in values.reshape(-1).tolist()]
    return np.array(codes, kind).reshape(1, *values.shape)


def unsigned(model: bytes) -> bool:
    """Whether the only input is of uint8."""
    graph = Parsed.GetRootAs(model, 0).Subgraphs(0)
    return graph.Tensors(graph.Inputs(0)).Type() == TensorType.UINT8


def outputs(runtime: Runtime, model: bytes, samples: Sequence[Array]) -> list[list[float]]:
    """The scores of every sample, as reals."""
    if not samples:
        return []
    ran = runtime.run(model, [[fed(model, x)] for x in samples])
    assert isinstance(ran, Ran)
    scale, zero = grid(model, inputs=False)
    rows = [out[0].reshape(-1).tolist() for out in ran.outputs]
    reals = [[(c - zero) * scale for c in row] if scale else row for row in rows]
    return [[1 - row[0], row[0]] if len(row) == 1 else row for row in reals]


def sure(row: list[float], kind: str) -> float:
    """How sure one row of probabilities is."""
    total = sum(row)
    if kind == "top":
        return max(row) / total
    if kind == "entropy":
        shares = [p / total for p in row if p > 0]
        return 1 + sum(p * math.log(p) for p in shares) / math.log(len(row))
    first, second = sorted(row)[-1], sorted(row)[-2]
    return first - second


def by_force(
    runtime: Runtime, small: bytes, big: bytes, samples: Sequence[Array], labels: Sequence[int],
    kind: str, threshold: float,
) -> tuple[int, Fraction]:  # fmt: skip
    """Samples that went to the big model, and the share that was right."""
    first = outputs(runtime, small, samples)
    unsure = [i for i, row in enumerate(first) if sure(row, kind) < threshold]
    second = dict(zip(unsure, outputs(runtime, big, [samples[i] for i in unsure]), strict=True))
    right = 0
    for i, row in enumerate(first):
        scores = second.get(i, row)
        right += scores.index(max(scores)) == labels[i]
    return len(unsure), Fraction(right, len(samples))
