"""What a classifier decides, and how sure it is of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.outputs import is_scores
from refinterp.errors import UsageError
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.run.program import Program
from refinterp.samples.convert import dequantize

Confidence = Literal["margin", "top", "entropy"]
CONFIDENCES: Final[tuple[Confidence, ...]] = ("margin", "top", "entropy")
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ScoredOutput:
    """The output that decides. place: among the model's outputs.

    classes: how many; 2 where one probability stands for both. probabilities: whether the scores
    are some already.
    """

    place: int
    spec: TensorSpec
    classes: int
    probabilities: bool

    @property
    def single(self) -> bool:
        """Whether one probability, of class 1, is all there is."""
        return self.spec.size == 1


def scored_output(program: Program, name: str) -> ScoredOutput:
    """Return the first output of a model that is scores of classes.

    name: what the model is called in the error. Raises UsageError, with what the outputs are, where
    none is: a row of at least two scores, or one probability.
    """
    inputs = [program.specs[i] for i in program.graph.inputs]
    for place, tensor in enumerate(program.graph.outputs):
        spec = program.specs[tensor]
        probable = any(facts(s.name).probabilities and tensor in s.outputs for s in program.steps)
        if is_scores(spec, inputs):
            return ScoredOutput(place, spec, spec.size, probable)
        if spec.size == 1 and probable:
            return ScoredOutput(place, spec, 2, probable)
    found = ", ".join(
        f"{program.specs[i].name!r} {list(program.specs[i].shape)}" for i in program.graph.outputs
    )
    raise UsageError(
        f"{name}: no output is scores of classes (one row of at least two, or one probability that "
        f"LOGISTIC or SOFTMAX makes); its outputs: {found}"
    )


def scores_of(output: ScoredOutput, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return one sample's scores (classes,) as reals, from the output's array as it is stored."""
    reals = dequantize(values, output.spec).reshape(-1).astype(np.float64)
    return np.array([1.0 - reals[0], reals[0]], np.float64) if output.single else reals


def decision(output: ScoredOutput, values: NDArray[Any]) -> int:
    """The class that an output names: the first of the largest, or whether half is passed."""
    if output.single:
        return int(dequantize(values, output.spec).reshape(-1)[0] > _HALF)
    return int(np.argmax(values.reshape(-1)))


def confidence(scores: NDArray[np.float64], kind: Confidence, *, probabilities: bool) -> float:
    """Return how sure scores (classes,) are: the larger, the surer.

    margin: the largest minus the second, in the output's own unit, so that a device needs no more
    than two codes. top: the largest probability. entropy: 1 minus the entropy of the probabilities
    over that of no knowledge. Scores that are no probabilities go through SOFTMAX for the last two.
    """
    if kind == "margin":
        second, first = np.sort(scores)[-2:]
        return float(first - second)
    shares = scores
    if not probabilities:
        shares = np.exp(scores - scores.max())
    shares = np.maximum(shares, 0.0)
    total = float(shares.sum())
    shares = shares / total if total > 0 else np.full(scores.size, 1 / scores.size, np.float64)
    if kind == "top":
        return float(shares.max())
    held = shares[shares > 0]
    return float(1.0 + np.sum(held * np.log(held)) / np.log(scores.size))
