"""All sums that a comparison gathers: of samples in any order, and in parts that are merged."""

from __future__ import annotations

from dataclasses import dataclass, field

from refinterp.debug.measure.accumulators import AccumulatorRange
from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.measure.neighbours import NeighbourSums
from refinterp.debug.measure.outputs import MetricName, OutputSums
from refinterp.debug.measure.ranges import RealSums, TensorCodeSums
from refinterp.debug.measure.run_time import RunTimeSums


@dataclass(slots=True)
class Measurements:
    """All sums of any number of samples: by tensor, outputs by position; see `Layer` for each.

    rounded: the reference's reals rounded to a grid that an operator's definition fixes.
    neighbours: of the inputs' codes.
    sums: how far the accumulators of operators have gone that may overflow, by operator. weights,
    activations: the two parts of what hybrid layers lose, by tensor (see `hybrid`); run_time: how
    these quantize their data, by operator.
    """

    local: dict[int, ErrorSums]
    accumulated: dict[int, ErrorSums]
    codes: dict[int, TensorCodeSums]
    reals: dict[int, RealSums]
    rounded: dict[int, ErrorSums]
    neighbours: dict[int, NeighbourSums]
    sums: dict[int, AccumulatorRange]
    outputs: tuple[OutputSums, ...]
    metrics: tuple[MetricName | None, ...]
    samples: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    weights: dict[int, ErrorSums] = field(default_factory=dict)
    activations: dict[int, ErrorSums] = field(default_factory=dict)
    run_time: dict[int, RunTimeSums] = field(default_factory=dict)

    def merge(self, other: Measurements) -> None:
        """Take another's samples into account, as if they had been measured here."""
        self.samples += other.samples
        self.notes.update(other.notes)
        for mine, theirs in (
            (self.local, other.local),
            (self.accumulated, other.accumulated),
            (self.weights, other.weights),
            (self.activations, other.activations),
        ):
            for tensor, sums in theirs.items():
                mine[tensor].merge(sums)
        for tensor, codes in other.codes.items():
            self.codes[tensor].merge(codes)
        for tensor, reals in other.reals.items():
            self.reals[tensor].merge(reals)
        for tensor, neighbours in other.neighbours.items():
            self.neighbours[tensor].merge(neighbours)
        for tensor, rounded in other.rounded.items():
            self.rounded[tensor].merge(rounded)
        for operator, run_time in other.run_time.items():
            self.run_time[operator].merge(run_time)
        for operator, sum_range in other.sums.items():
            self.sums[operator].merge(sum_range)
        for mine_out, theirs_out in zip(self.outputs, other.outputs, strict=True):
            mine_out.merge(theirs_out)
