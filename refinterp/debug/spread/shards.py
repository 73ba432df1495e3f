"""Samples divided into shards of fixed size, each measured by whoever is free.

A worker opens the model and the samples itself, from a `ShardJob` of paths alone; what comes back
are sums, which are exact: the figures are equal bit for bit whoever measured which shard, and in
whatever order. Only a model that remembers from sample to sample is one shard however long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from refinterp.debug.compare import Comparison
from refinterp.debug.measure.measurements import Measurements
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.modelfile.reader import read_model
from refinterp.run.batches import in_sequence
from refinterp.run.opening import twin_of, with_data
from refinterp.samples.request import DataRequest
from refinterp.samples.samples import Samples

SHARD: Final = 16
"""Samples of a shard: few enough to share small data sets, many enough to pay for the start."""


@dataclass(frozen=True, slots=True)
class ShardJob:
    """What to measure, as a worker is told it: paths that the worker can open, and options."""

    model: str
    data: DataRequest
    float_model: str | None = None
    flavour: str = DEFAULT_FLAVOUR
    batch: int | None = None

    def open(self) -> tuple[Comparison, Samples]:
        """Read the models and open the samples; raises what `Comparison` and `with_data` do."""
        twin = None if self.float_model is None else read_model(self.float_model)
        model, samples = with_data(read_model(self.model), self.data)
        if twin is not None:
            twin = twin_of(twin, model)
        return Comparison(model, twin, flavour=self.flavour), samples

    def measure(
        self,
        opened: tuple[Comparison, Samples],
        shard: Shard,
        *,
        progress: Callable[[int], None] | None = None,
        stopping: Callable[[], bool] | None = None,
    ) -> Measurements:
        """Measure one shard; `opened` is what `open` gave."""
        comparison, samples = opened
        return comparison.measure(
            samples,
            start=shard.start,
            stop=shard.stop,
            batch=self.batch,
            progress=progress,
            stopping=stopping,
        )


@dataclass(frozen=True, slots=True)
class Shard:
    """Samples start … stop - 1."""

    start: int
    stop: int

    def __str__(self) -> str:
        return f"samples {self.start}..{self.stop - 1}"


def shards(comparison: Comparison, total: int) -> tuple[Shard, ...]:
    """Divide samples 0 … total - 1; a model whose samples depend on each other is one shard."""
    size = max(1, total) if samples_depend(comparison) else SHARD
    return tuple(Shard(i, min(i + size, total)) for i in range(0, total, size))


def samples_depend(comparison: Comparison) -> bool:
    """Whether either model may carry something over from one sample to the next."""
    return any(map(in_sequence, (comparison.setup.quantized, comparison.setup.twin)))


def merged(opened: tuple[Comparison, Samples], parts: Mapping[Shard, Measurements]) -> Measurements:
    """Merge the sums of shards, whatever order they came in; none give the sums of no sample."""
    comparison, samples = opened
    total = comparison.measure(samples, stop=0)
    for shard in sorted(parts, key=lambda one: one.start):
        total.merge(parts[shard])
    return total
