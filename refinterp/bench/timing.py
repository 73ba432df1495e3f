"""Subjects timed in turns, A B A B …, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from types import MappingProxyType
from typing import Any, Final

from refinterp.bench.job import Job, OperatorTime
from refinterp.bench.subjects import Subject
from refinterp.graph.macs import macs
from refinterp.graph.model import OPTIONAL
from refinterp.run.executor import Executor
from refinterp.run.program import Program, Step

Clock = Callable[[], float]

_CLOCKS: Final[Mapping[str, Clock]] = MappingProxyType(
    {"wall": perf_counter, "processor": process_time}
)
TURN: Final = 0.01
"""Seconds that a turn lasts at least: short beside most disturbances, yet caches are warm."""
TICK: Final = 5e-5
"""Seconds that are measured at once at least: many times what reading the clock takes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How often a subject is invoked in a turn: `pieces` times `each`, the clock read between."""

    pieces: int
    each: int


def take_turns(
    job: Job, subjects: Sequence[Subject], announce: Callable[[str], None]
) -> dict[str, tuple[int, list[float]]]:
    """Return per subject the invocations of a turn, and the seconds per sample of each turn.

    A turn's figure is the median of its pieces: a turn in which the system ran something else for
    a while is not spoilt by that. announce: called with a subject's name before it is run.
    """
    clock = _CLOCKS[job.clock]
    turns = {s.name: _turn(job.batch, s, clock, announce) for s in subjects}
    seconds: dict[str, list[float]] = {s.name: [] for s in subjects}
    end = perf_counter() + job.seconds * len(subjects)
    with _no_collector():
        for number in range(max(job.repeats, 1)):
            if number >= job.rounds and perf_counter() >= end:
                break
            for subject in subjects:
                announce(subject.name)
                turn = turns[subject.name]
                taken = [_time(subject.invoke, turn.each, clock) for _ in range(turn.pieces)]
                samples = turn.each * subject.side_by_side
                seconds[subject.name].append(statistics.median(taken) / samples)
    return {s.name: (turns[s.name].pieces * turns[s.name].each, seconds[s.name]) for s in subjects}


def profile(job: Job, executor: Executor) -> tuple[OperatorTime, ...]:
    """Time every operator of ours, as observers see it: the median over many invocations."""
    clock = _Stopwatch(_CLOCKS[job.clock])
    end = perf_counter() + job.seconds
    with _no_collector():
        for turn in range(max(job.repeats, 1)):
            if turn >= job.rounds and perf_counter() >= end:
                break
            executor.invoke([clock])
    each = {i: statistics.median(taken) / executor.samples for i, taken in clock.taken.items()}
    total = sum(each.values()) or 1.0
    program = executor.program
    work = operator_macs(program)
    return tuple(
        OperatorTime(
            step.operator,
            step.name,
            program.specs[step.outputs[0]].dtype if step.outputs else "none",
            program.specs[step.outputs[0]].shape if step.outputs else (),
            each[step.operator],
            each[step.operator] / total,
            work[step.operator],
        )
        for step in program.steps
    )


def operator_macs(program: Program) -> dict[int, int]:
    """Multiply-accumulates of one sample, by operator."""
    specs = program.specs
    return {
        step.operator: macs(
            step.name,
            [None if i == OPTIONAL else specs[i].shape for i in step.inputs],
            [specs[i].shape for i in step.outputs],
        )
        for step in program.steps
    }


class _Stopwatch:
    """An observer that notes how long each operator of the main subgraph took."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock
        self.taken: dict[int, list[float]] = {}
        self._started = 0.0

    def __call__(
        self, moment: str, step: Step, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        now = self._now()
        if moment == "after":
            self.taken.setdefault(step.operator, []).append(now - self._started)
        else:
            self._started = self._now()


def _turn(batch: int, subject: Subject, clock: Clock, announce: Callable[[str], None]) -> Turn:
    """Warm up, and find how many invocations make a turn that is long enough and runs the batch."""
    announce(subject.name)
    one = max(min(_time(subject.invoke, 1, clock) for _ in range(3)), 1e-9)
    each = math.ceil(TICK / one)
    wanted = max(TURN / one, batch / subject.side_by_side)
    return Turn(math.ceil(wanted / each), each)


def _time(invoke: Callable[[], Any], count: int, clock: Clock) -> float:
    start = clock()
    for _ in range(count):
        invoke()
    return clock() - start


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep Python's garbage collector from taking its turn within one of ours."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
