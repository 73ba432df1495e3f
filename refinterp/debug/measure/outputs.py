"""What the errors come to at a model's outputs: top-1 agreement, divergence, the task's own metric.

Scores are one row per sample. They are probabilities where SOFTMAX or LOGISTIC made them, else
SOFTMAX is taken of them here. Divergence is Kullback and Leibler's of the quantized scores from the
reference's, sum(p * ln(p / q)), the mean over samples in nats; probabilities below half a step of
the quantized output cannot be told from 0 by its codes, and count as half a step on both sides.

The task's metric, when samples have labels: for whole numbers and scores the share whose largest
score is at the label (`accuracy`); for two labels 0 and 1 and an output that reproduces the input
the area under the ROC curve of the mean squared difference from it (`roc_auc`); for labels of the
output's shape the root mean square of their difference (`rmse`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.measure.exact import ExactSum
from refinterp.debug.measure.output_parts import PartSums
from refinterp.graph.spec import TensorSpec

Array = NDArray[Any]
MetricName = Literal["accuracy", "roc_auc", "rmse"]


@dataclass(slots=True)
class OutputSums:
    """The sums of one model output over samples.

    errors: of the output.
    agreed: samples whose largest score is in the same place on both sides.
    divergence: the sum of each sample's.
    labelled: samples with a label.
    metric: the sums of what each side's samples score.
    scores: sample index → both sides' scores and the label, where the order of scores is what
        counts.
    parts: sums by place, where the output's parts may be told apart.
    truth: the sums of each sample's mean label, and of its mean square.
    """

    errors: ErrorSums = field(default_factory=ErrorSums)
    agreed: int = 0
    divergence: ExactSum = field(default_factory=ExactSum)
    labelled: int = 0
    metric: tuple[ExactSum, ExactSum] = field(default_factory=lambda: (ExactSum(), ExactSum()))
    scores: dict[int, tuple[float, float, bool]] = field(default_factory=dict)
    parts: PartSums | None = None
    truth: tuple[ExactSum, ExactSum] = field(default_factory=lambda: (ExactSum(), ExactSum()))

    def merge(self, other: OutputSums) -> None:
        """Take another's samples into account."""
        self.errors.merge(other.errors)
        self.agreed += other.agreed
        self.divergence.merge(other.divergence)
        self.labelled += other.labelled
        for mine, theirs in zip(self.metric, other.metric, strict=True):
            mine.merge(theirs)
        self.scores.update(other.scores)
        for own, others in zip(self.truth, other.truth, strict=True):
            own.merge(others)
        if self.parts is not None and other.parts is not None:
            self.parts.merge(other.parts)


@dataclass(frozen=True, slots=True)
class Metric:
    """The task's metric on labelled samples, of the quantized model and of its reference.

    spread: of rmse, the labels' own deviation: what the mean of all labels would reach.
    """

    name: MetricName
    quantized: float
    reference: float
    samples: int
    spread: float | None = None


def is_scores(spec: TensorSpec, inputs: Sequence[TensorSpec]) -> bool:
    """Whether a tensor is one row of scores; what has an input's shape reproduces the input."""
    row = bool(spec.shape) and spec.shape[-1] > 1 and spec.size == spec.shape[-1]
    return row and all(spec.shape != other.shape for other in inputs)


def metric_name(
    spec: TensorSpec, inputs: Sequence[TensorSpec], labels: Array | None
) -> MetricName | None:
    """Which metric labels of this kind ask for, None where they fit none."""
    if labels is None:
        return None
    each = labels.shape[1:]
    whole = labels.dtype.kind in "iub" or bool(np.all(labels == np.rint(labels)))
    if math.prod(each) == 1 and whole:
        if is_scores(spec, inputs):
            return "accuracy"
        if any(spec.shape == other.shape for other in inputs) and set(
            np.unique(labels).tolist()
        ) <= {0, 1}:
            return "roc_auc"
    return "rmse" if math.prod(each) == spec.size and labels.dtype.kind in "iuf" else None


def divergence(values: Array, reference: Array, spec: TensorSpec, *, probabilities: bool) -> float:
    """Kullback and Leibler's divergence of one row of scores from the reference's, in nats."""
    floor = spec.step / 2 if spec.quantized and probabilities else np.finfo(np.float32).tiny
    sides = []
    for side in (reference, values):
        row = side.reshape(-1).astype(np.float64)
        if not probabilities:
            row = np.exp(row - row.max())
        row = np.maximum(row, floor)
        sides.append(row / row.sum())
    p, q = sides
    return max(0.0, float(np.sum(p * (np.log(p) - np.log(q)))))


def score(
    sums: OutputSums,
    name: MetricName,
    index: int,
    label: Array,
    sides: tuple[Array, Array],
    data: Sequence[Array],
) -> None:
    """Score both sides of one sample, reals of the output's shape. data: the inputs as reals."""
    sums.labelled += 1
    if name == "roc_auc":
        source = next(x for x in data if x.shape == sides[0].shape)
        errors = [float(np.mean((side.astype(np.float64) - source) ** 2)) for side in sides]
        sums.scores[index] = errors[0], errors[1], bool(label.reshape(-1)[0])
        return
    if name == "rmse":
        own = label.reshape(-1).astype(np.float64)
        sums.truth[0].add(float(own.mean()))
        sums.truth[1].add(float(np.mean(own**2)))
    for total, side in zip(sums.metric, sides, strict=True):
        if name == "accuracy":
            total.add(float(np.argmax(side) == label.reshape(-1)[0]))
        else:
            difference = side.reshape(-1).astype(np.float64) - label.reshape(-1)
            total.add(float(np.mean(difference**2)))


def metric(sums: OutputSums, name: MetricName | None) -> Metric | None:
    """Return the metric of all samples, None without labels."""
    if name is None or not sums.labelled:
        return None
    if name == "roc_auc":
        rows = [sums.scores[i] for i in sorted(sums.scores)]
        truth = [row[2] for row in rows]
        both = tuple(_roc_auc([row[side] for row in rows], truth) for side in (0, 1))
    else:
        means = [total.value / sums.labelled for total in sums.metric]
        both = tuple(math.sqrt(mean) if name == "rmse" else mean for mean in means)
    spread = None
    if name == "rmse":
        mean, square = (total.value / sums.labelled for total in sums.truth)
        spread = math.sqrt(max(0.0, square - mean**2))
    return Metric(name, both[0], both[1], sums.labelled, spread)


def _roc_auc(scores: list[float], truth: list[bool]) -> float:
    """The share of (true, false) pairs whose true one scores higher; equals count half."""
    positive = np.array([s for s, t in zip(scores, truth, strict=True) if t], np.float64)
    negative = np.sort([s for s, t in zip(scores, truth, strict=True) if not t])
    if not positive.size or not negative.size:
        return math.nan
    below = np.searchsorted(negative, positive, "left")
    equal = np.searchsorted(negative, positive, "right") - below
    return float(np.sum(below + equal / 2) / (positive.size * negative.size))
