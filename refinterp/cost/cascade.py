"""A small model first, a big one where the small one is unsure: what each threshold comes to.

The small model decides a sample when its confidence is at least the threshold; every other sample
goes to the big model, which decides it. Both models see every sample once here, and all thresholds
are counted from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refinterp.cost.scores import Confidence, ScoredOutput, confidence, decision, scores_of
from refinterp.errors import UsageError
from refinterp.run.batches import carries_over, run_samples
from refinterp.run.program import Program
from refinterp.samples.samples import Samples

FOLDS: Final = 5
"""Parts of the samples, each judged by a threshold that was chosen on the others."""
_Z: Final = 1.959963984540054  # of a normal distribution: 95 % lie within


@dataclass(frozen=True, slots=True)
class CascadePoint:
    """One threshold. to_big: samples that go to the big model; correct: those decided rightly.

    threshold: the least confidence with which the small model decides; infinite: it never does.
    """

    threshold: float
    to_big: int
    correct: int


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What both models said of N labelled samples.

    sure (N,): the small model's confidence; small, big (N,): whether each decides it rightly.
    """

    sure: NDArray[np.float64]
    small: NDArray[np.bool_]
    big: NDArray[np.bool_]

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.sure.size

    def at(self, threshold: float) -> CascadePoint:
        """Count one threshold."""
        stays = self.sure >= threshold
        right = int(self.small[stays].sum() + self.big[~stays].sum())
        return CascadePoint(threshold, int((~stays).sum()), right)

    def points(self) -> tuple[CascadePoint, ...]:
        """Return every threshold that differs from the others, from no sample to the big to all."""
        order = np.argsort(self.sure, kind="stable")
        small = np.concatenate(([0], np.cumsum(self.small[order], dtype=np.int64)))
        big = np.concatenate(([0], np.cumsum(self.big[order], dtype=np.int64)))
        levels, first = np.unique(self.sure[order], return_index=True)
        ends = [*zip(levels.tolist(), first.tolist(), strict=True), (math.inf, self.samples)]
        return tuple(
            CascadePoint(level, below, int(big[below] + small[-1] - small[below]))
            for level, below in ends
        )

    def part(self, kept: NDArray[np.bool_]) -> Decided:
        """The same of some of the samples."""
        return Decided(self.sure[kept], self.small[kept], self.big[kept])


def decide(
    programs: tuple[Program, Program],
    outputs: tuple[ScoredOutput, ScoredOutput],
    samples: tuple[Samples, Samples],
    kind: Confidence,
    *,
    started: Callable[[str], Callable[[int], None]] | None = None,
) -> Decided:
    """Run both models, small and big, over the samples; labels are those of the first.

    started: called with "small" and "big" before each runs; what it returns, with the samples done.
    Raises UsageError where a model carries something over from one sample to the next.
    """
    labels = samples[0].labels
    if labels is None:
        raise UsageError("the samples have no labels")
    count = samples[0].count
    wanted = labels.reshape(-1)
    sure = np.zeros(count)
    right = []
    for program in programs:
        _refuse_state(program)
    names = ("small", "big")
    for name, program, output, data in zip(names, programs, outputs, samples, strict=True):
        told = None if started is None else started(name)
        ran = run_samples(program, data, stop=count, progress=told)
        values = [arrays[output.place] for arrays in ran.outputs]
        right.append(np.array([decision(output, v) for v in values], np.int64) == wanted)
        if name == "small":
            sure[:] = [
                confidence(scores_of(output, v), kind, probabilities=output.probabilities)
                for v in values
            ]
    return Decided(sure, right[0], right[1])


def _refuse_state(program: Program) -> None:
    for step in program.steps:
        if carries_over(program, step):
            raise UsageError(
                f"{program.model.source or 'the model'}: operator {step.operator} ({step.name}) "
                "carries a state from one sample to the next: in a cascade the big model would not "
                "see every sample; a cascade is of models without state"
            )


def cheapest(points: Sequence[CascadePoint], correct: int) -> CascadePoint | None:
    """The point with the fewest samples for the big model that decides so many rightly, or None."""
    return next((point for point in points if point.correct >= correct), None)


def needed(accuracy: float, samples: int) -> int:
    """Samples that must be decided rightly for an accuracy."""
    return math.ceil(accuracy * samples - 1e-9)


def held_out(decided: Decided, accuracy: float | None) -> tuple[float, float]:
    """Accuracy, and share to the big model, of samples that the threshold was not chosen on.

    Each of `FOLDS` parts (every fifth sample) is judged by the threshold chosen on the others, for
    this accuracy, or for the big model's own where it is None; the best there is where that is not
    reached.
    """
    places = np.arange(decided.samples, dtype=np.int64) % FOLDS
    correct = sent = 0
    for fold in range(FOLDS):
        rest, own = decided.part(places != fold), decided.part(places == fold)
        if not own.samples or not rest.samples:
            continue
        points = rest.points()
        aim = int(rest.big.sum()) if accuracy is None else needed(accuracy, rest.samples)
        point = cheapest(points, aim) or best(points)
        found = own.at(point.threshold)
        correct, sent = correct + found.correct, sent + found.to_big
    return correct / decided.samples, sent / decided.samples


def best(points: Sequence[CascadePoint]) -> CascadePoint:
    """The point that decides most rightly, of equals the one with the fewest for the big model."""
    return max(points, key=lambda point: (point.correct, -point.to_big))


def wilson(correct: int, samples: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was counted (E. B. Wilson, 1927)."""
    share, z = correct / samples, _Z**2 / samples
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def code_threshold(output: ScoredOutput, kind: Confidence, threshold: float) -> int | None:
    """The least difference of the two largest codes at which the small model decides.

    None where codes do not tell it: another confidence, a float output, or an infinite threshold.
    """
    spec = output.spec
    if kind != "margin" or output.single or not spec.quantized or not math.isfinite(threshold):
        return None
    return math.ceil(threshold / spec.step - 1e-6)
