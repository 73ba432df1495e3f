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
    """All sums of any number of samples.

    local, accumulated: errors, by tensor.
    codes, reals: what occurs on the grids, by tensor.
    rounded: errors of the reference's reals rounded to a grid that a definition fixes, by tensor.
    neighbours: of the codes of inputs, by tensor.
    sums: how far the accumulators of operators have gone that may overflow, by operator.
    outputs: of the model's outputs, in order.
    metrics: which metric the labels ask for at each output.
    samples: how many were measured.
    notes: what was done to the data.
    weights, activations: errors, the two parts of what hybrid layers lose, by tensor.
    run_time: how hybrid layers quantize their data, by operator.
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
