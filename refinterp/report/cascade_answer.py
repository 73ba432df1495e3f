"""What a cascade comes to: the threshold to take, what it gains, and what it costs.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from refinterp.cost.cascade import (
    CascadePoint,
    Decided,
    best,
    cheapest,
    code_threshold,
    held_out,
    needed,
    wilson,
)
from refinterp.cost.quantity import Quantity
from refinterp.cost.scores import Confidence, ScoredOutput
from refinterp.report.words import count, one_line, percent, plural

Answer = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class CascadeReport:
    """A cascade that was counted.

    names: paths of the small and the big model.
    decided: what both say to each sample.
    output: the scores that are looked at.
    kind: how confidence is told from them.
    macs: multiply-accumulates of each, one sample.
    times: seconds of each, one sample; None where they are not known.
    energies: joules likewise.
    wanted: the accuracy asked for, of 1; None for the big model's own.
    notes: what the user should know of the counting.
    """

    names: tuple[str, str]
    decided: Decided
    output: ScoredOutput
    kind: Confidence
    macs: tuple[int, int]
    times: tuple[Quantity | None, Quantity | None]
    energies: tuple[Quantity | None, Quantity | None]
    wanted: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> tuple[CascadePoint, ...]:
        """Every threshold that differs."""
        return self.decided.points()

    @property
    def chosen(self) -> CascadePoint | None:
        """The cheapest threshold of the accuracy asked for, or of the big model's own."""
        aim = int(self.decided.big.sum())
        if self.wanted is not None:
            aim = needed(self.wanted, self.decided.samples)
        return cheapest(self.points, aim)

    def share(self, point: CascadePoint) -> float:
        """Part of the samples that the big model sees too."""
        return point.to_big / self.decided.samples

    def mean_macs(self, point: CascadePoint) -> float:
        """Multiply-accumulates a sample, on average."""
        return self.macs[0] + self.share(point) * self.macs[1]

    def mean(
        self, costs: tuple[Quantity | None, Quantity | None], point: CascadePoint
    ) -> Quantity | None:
        """A cost a sample, on average; None where one of the two is not known."""
        small, big = costs
        if small is None or big is None:
            return None
        return small.plus(big.scaled(self.share(point)))


def cascade_answer(report: CascadeReport) -> Answer:
    """Return (label, text) lines: verdict, both models alone, how to build it, what to doubt."""
    chosen = report.chosen
    samples = report.decided.samples
    lines: Answer = [("verdict", _verdict(report, chosen))]
    for label, side, right in (
        ("small alone", 0, report.decided.small),
        ("big alone", 1, report.decided.big),
    ):
        lines.append((label, f"{_accuracy(int(right.sum()), samples)}, {_alone(report, side)}"))
    if chosen is not None:
        lines.append(("device", _device(report, chosen)))
        if samples >= 2:
            accuracy, share = held_out(report.decided, report.wanted)
            lines.append(
                ("held out", f"a threshold chosen on four fifths of the samples gives the others "
                 f"{_share(accuracy)} with {_share(share)} to the big model"),
            )  # fmt: skip
    missing = _missing(report)
    return [*lines, ("missing", missing)] if missing else lines


def rule(report: CascadeReport, point: CascadePoint) -> str:
    """A threshold as people write it: 0.25; never where the small model decides nothing."""
    return "never" if math.isinf(point.threshold) else f"{point.threshold:.4g}"


def _verdict(report: CascadeReport, chosen: CascadePoint | None) -> str:
    samples = report.decided.samples
    if chosen is None:
        top = best(report.points)
        return (
            f"accuracy {_share(report.wanted or 0.0)} is not reached: the best is "
            f"{_share(top.correct / samples)}, {_split(report, top)}"
        )
    start = f"accuracy {_accuracy(chosen.correct, samples)}"
    if not chosen.to_big:
        return f"{start} with the small model alone: the big one is not needed for it"
    if chosen.to_big == samples:
        return f"{start} takes the big model for every sample: a cascade only adds to its cost"
    return (
        f"{start} at {report.kind} {rule(report, chosen)}: {_share(report.share(chosen))} of the "
        f"samples go to the big model; {_gain(report, chosen)}"
    )


def _split(report: CascadeReport, point: CascadePoint) -> str:
    """Which model decides what at a threshold."""
    if not point.to_big:
        return "which the small model has alone: with no threshold does the big one add to it"
    if point.to_big == report.decided.samples:
        return "which the big model has alone, on every sample"
    return (
        f"at {report.kind} {rule(report, point)}, where {_share(report.share(point))} of the "
        "samples go to the big model"
    )


def _gain(report: CascadeReport, point: CascadePoint) -> str:
    """What a sample costs beside the big model alone, in the best unit there is."""
    time = report.mean(report.times, point)
    alone = report.times[1]
    if time is not None and alone is not None:
        mean, big = (one.spoken if one.basis == "measured" else str(one) for one in (time, alone))
        worse = time.value >= alone.value
    else:
        macs = report.mean_macs(point)
        mean, big = f"{count(round(macs))} MACs", count(report.macs[1])
        worse = macs >= report.macs[1]
    if worse:
        return (
            f"that costs {mean} a sample on average, and the big model alone {big}: the cascade "
            "does not pay"
        )
    return f"{mean} a sample on average, the big model alone {big}"


def _alone(report: CascadeReport, side: int) -> str:
    name = one_line(PurePath(report.names[side]).name)
    known = [one[side] for one in (report.times, report.energies)]
    more = "".join(f", {one}" for one in known if one is not None)
    return f"{name}, {count(report.macs[side])} MACs{more}"


def _device(report: CascadeReport, point: CascadePoint) -> str:
    if math.isinf(point.threshold):
        return "every sample goes to the big model: leave the small one out"
    if not point.to_big:
        return "no sample goes to the big model: leave it out"
    codes = code_threshold(report.output, report.kind, point.threshold)
    if codes is not None:
        return (
            f"the small model decides when its largest code minus its second is at least {codes}; "
            "otherwise run the big model"
        )
    return (
        f"the small model decides when its {report.kind} is at least {rule(report, point)}; "
        "otherwise run the big model"
    )


def _missing(report: CascadeReport) -> str:
    """Which costs of which model are not known, and how to have them."""
    names = [one_line(PurePath(name).name) for name in report.names]
    if names[0] == names[1]:
        names = [one_line(name) for name in report.names]
    whose: dict[str, list[str]] = {}  # model or models → what is not known of them
    options = []
    for word, costs, example in (
        ("time", report.times, "12.3ms"),
        ("energy", report.energies, "450uJ"),
    ):
        lacking = [name for name, cost in zip(names, costs, strict=True) if cost is None]
        if lacking:
            of = "both models" if len(lacking) == len(names) else lacking[0]
            whose.setdefault(of, []).append(word)
            options += [f"--measured {name}={example}" for name in lacking]
    said = "; ".join(f"{' and '.join(words)} of {of}" for of, words in whose.items())
    verb = "says it" if len(options) == 1 else "say it"
    return f"{said}: {' '.join(options)}, with your own figures, {verb}" if options else ""


def _accuracy(correct: int, samples: int) -> str:
    low, high = wilson(correct, samples)
    return (
        f"{_share(correct / samples)} of {plural(samples, 'sample')} "
        f"(95 % interval {100 * low:.1f}..{100 * high:.1f} %)"
    )


def _share(part: float) -> str:
    return percent(part) or "0 %"


def some_points(points: Sequence[CascadePoint], most: int) -> list[CascadePoint]:
    """Some of the thresholds, evenly along the samples that go to the big model, both ends kept."""
    if len(points) <= most:
        return list(points)
    last = points[-1].to_big
    wanted = [last * i / (most - 1) for i in range(most)]
    nearest = {min(range(len(points)), key=lambda i: abs(points[i].to_big - w)) for w in wanted}
    return [points[i] for i in sorted(nearest)]
