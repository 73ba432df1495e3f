"""What is to be timed, and what comes of it: plain values that cross to the measuring process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from refinterp.bench.spread import Spread


@dataclass(frozen=True, slots=True)
class Job:
    """One model and who is to run it.

    model: the .tflite bytes.
    subjects: names (a flavour is ours, `runtime:` an installed one); ratios are of the first.
    batch: samples that one measurement covers, of different data.
    threads: of BLAS, and of LiteRT.
    seconds: spent on each subject, in turns.
    rounds: turns at least, whatever they take.
    repeats: turns at most.
    per_operator: profile ours as well.
    plain: ours without its fast paths.
    clock: "wall", or "processor": the time this process, all its threads together, was given a
        processor, which others on a busy machine do not lengthen.
    samples: an array per input each, in the input's type, taken in turns; none: random data.
    """

    model: bytes
    subjects: tuple[str, ...]
    batch: int = 1
    threads: int = 1
    seconds: float = 1.0
    rounds: int = 5
    repeats: int = 200
    per_operator: bool = False
    plain: bool = False
    clock: str = "wall"
    samples: tuple[tuple[NDArray[Any], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Timed:
    """A subject that ran. seconds: per sample, one figure a turn; invocations: in each turn.

    side_by_side: samples that one invocation runs.
    """

    name: str
    version: str
    seconds: tuple[float, ...]
    invocations: int
    side_by_side: int

    @property
    def spread(self) -> Spread:
        """Median and quartiles of the seconds per sample."""
        return Spread.of(self.seconds)


@dataclass(frozen=True, slots=True)
class Failed:
    """A subject that did not: status "refused" (its exception is the reason) or "died"."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One operator of ours. seconds: per sample, median; share: of all operators' seconds.

    macs: multiply-accumulates per sample, 0 where the operator has none. dtype: of its output.
    """

    operator: int
    op_name: str
    dtype: str
    shape: tuple[int, ...]
    seconds: float
    share: float
    macs: int

    @property
    def macs_per_second(self) -> float | None:
        """Its speed, None for operators without products to add up."""
        return self.macs / self.seconds if self.macs and self.seconds else None


@dataclass(frozen=True, slots=True)
class Timings:
    """What came of a job. operators: empty unless asked for, or when ours did not run."""

    job: Job
    subjects: tuple[Timed | Failed, ...]
    operators: tuple[OperatorTime, ...]
    macs: int

    @property
    def ratios(self) -> Mapping[str, Spread]:
        """The first subject's time divided by each other's, turn by turn."""
        first = self.subjects[0]
        if isinstance(first, Failed):
            return {}
        return {
            other.name: Spread.of(
                [a / b for a, b in zip(first.seconds, other.seconds, strict=True)]
            )
            for other in self.subjects[1:]
            if isinstance(other, Timed)
        }
