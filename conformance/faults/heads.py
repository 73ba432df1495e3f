"""Operators put after a healthy model's scores, whose results have a fault in both models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.data_injections import float_outputs
from conformance.faults.injection import Injection, Rng
from conformance.faults.subjects import HealthyPair
from refinterp.graph.model import (
    Buffer,
    Model,
    Operator,
    OperatorCode,
    Quantization,
    Tensor,
)
from refinterp.graph.operators import facts


class _Longer:
    """A model that is being lengthened: its last result, and what comes after it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.tensors = list(self.graph.tensors)
        self.buffers = list(model.buffers)
        self.operators = list(self.graph.operators)
        self.last = self.graph.outputs[0]
        self.quantized = self.tensors[self.last].dtype == "int8"

    def tensor(self, name: str, shape: tuple[int, ...], scale: float, zero: int) -> int:
        own = Quantization(np.array([scale], np.float32), np.array([zero], np.int64))
        dtype = "int8" if self.quantized else "float32"
        self.tensors.append(Tensor(name, shape, dtype, 0, own if self.quantized else None))
        return len(self.tensors) - 1

    def constant(self, name: str, values: np.ndarray, scale: float = 0.0) -> int:
        dtype = str(values.dtype)
        raw = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self.buffers.append(Buffer(raw))
        own = Quantization(np.array([scale], np.float32), np.zeros(1, np.int64)) if scale else None
        self.tensors.append(Tensor(name, values.shape, dtype, len(self.buffers) - 1, own))
        return len(self.tensors) - 1

    def operator(self, name: str, inputs: list[int], y: int, **options: Any) -> int:
        self.operators.append(Operator(0, OperatorCode(name), tuple(inputs), (y,), options))
        return len(self.operators) - 1

    def dense(
        self, name: str, w: np.ndarray, b: np.ndarray, low: float, high: float, x: int | None = None
    ) -> int:
        """FULLY_CONNECTED of the last result with float weights, for results from low to high."""
        x = self.last if x is None else x
        scale = (high - low) / 255
        y = self.tensor(name, (1, len(w)), scale, round(-128 - low / scale))
        if self.quantized:
            step = float(np.float32(np.abs(w).max() / 127))
            both = step * float(self.tensors[x].quantization.scale[0])
            wi = self.constant(f"{name}/w", np.rint(w / step).astype(np.int8), step)
            bi = self.constant(f"{name}/b", np.rint(b / both).astype(np.int32), both)
        else:
            wi = self.constant(f"{name}/w", w.astype(np.float32))
            bi = self.constant(f"{name}/b", b.astype(np.float32))
        self.operator("FULLY_CONNECTED", [x, wi, bi], y)
        return y

    def build(self, output: int) -> Model:
        graph = replace(
            self.graph,
            tensors=tuple(self.tensors),
            operators=tuple(self.operators),
            outputs=(output,),
        )
        subgraphs = (graph, *self.model.subgraphs[1:])
        return replace(self.model, subgraphs=subgraphs, buffers=tuple(self.buffers), signatures=())


def _scores(subject: HealthyPair) -> np.ndarray | None:
    """What the float model gives at its first output, (samples, n), if the model's is int8 rows."""
    graph = subject.model.subgraphs[0]
    spec = graph.tensors[graph.outputs[0]]
    if len(graph.outputs) != 1 or spec.dtype != "int8" or len(spec.shape) != 2:
        return None
    return float_outputs(subject.twin, subject.samples)


def below_the_grid(subject: HealthyPair, rng: Rng) -> Injection | None:
    """SOFTMAX over hundreds of like scores, or LOGISTIC or TANH of what leaves nothing of 1/256."""
    scores = _scores(subject)
    if scores is None:
        return None
    name = str(rng.choice(["SOFTMAX", "LOGISTIC", "TANH"]))
    many = int(rng.integers(400, 1001)) if name == "SOFTMAX" else int(rng.integers(16, 65))
    w = rng.normal(0, 1, (many, scores.shape[1]))
    size = np.abs(scores @ w.T).max()
    w *= {"SOFTMAX": 0.5, "LOGISTIC": 0.8, "TANH": 0.0035}[name] / size
    b = np.full(many, -7.2 if name == "LOGISTIC" else 0.0)
    values = scores @ w.T + b
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    built = []
    for model in (subject.model, subject.twin):
        longer = _Longer(model)
        x = longer.dense("head", w, b, low, high)
        y = longer.tensor("below", (1, many), *facts(name).fixed["int8", "int8"])
        at = longer.operator(name, [x], y, **({"beta": 1.0} if name == "SOFTMAX" else {}))
        if longer.quantized:
            place = at
        built.append(longer.build(y))
    detail = f"{name} of {many} values after the scores"
    return Injection(built[0], built[1], subject.samples, frozenset({place}), detail)


def boxes_beside_scores(subject: HealthyPair, rng: Rng) -> Injection | None:
    """Boxes in pixels and the model's scores in one output, with the boxes' scale."""
    scores = _scores(subject)
    if scores is None or np.abs(scores).max() > 2:
        return None
    n = scores.shape[1]
    pixels = float(rng.uniform(200, 2000))
    w = rng.uniform(0.1, 0.9, (4, n)) * pixels / np.abs(scores).max()
    values = scores @ w.T
    high = float(values.max())
    built = []
    for model in (subject.model, subject.twin):
        longer = _Longer(model)
        boxes = longer.dense("boxes", w, np.zeros(4), 0.0, high)
        grid = (high / 255, -128)
        own = longer.last
        if longer.quantized:
            own = longer.tensor("scores at the boxes' scale", (1, n), *grid)
            longer.operator("QUANTIZE", [longer.last], own)
        y = longer.tensor("detections", (1, 4 + n), *grid)
        at = longer.operator("CONCATENATION", [boxes, own], y, axis=1)
        if longer.quantized:
            place = at
        built.append(longer.build(y))
    detail = f"boxes in 0..{high:.0f} beside {n} scores"
    return Injection(
        built[0], built[1], subject.samples, frozenset({place}), detail, lost_part=(4, 3 + n)
    )
