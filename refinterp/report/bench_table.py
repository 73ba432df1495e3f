"""Timings at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from refinterp.bench.job import Failed, OperatorTime, Timings
from refinterp.bench.memory import MemoryUse
from refinterp.errors import RefinterpError
from refinterp.report.terminal import Column, dims, print_answer, print_table, print_text
from refinterp.report.words import of_file, one_line, plural


@dataclass(frozen=True, slots=True)
class Benched:
    """One model: what was measured of it, or why nothing was."""

    model: str
    timings: Timings | None
    memory: MemoryUse | None = None
    error: RefinterpError | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePath(self.model).name


def bench_answer(results: Sequence[Benched]) -> list[tuple[str, str]]:
    """Return (label, text) lines: who takes how long, model by model where there are several."""
    if len(results) == 1 and results[0].timings is not None:
        return [("verdict", f"{one_line(results[0].name)}: {_said(results[0].timings)}")]
    refused = [one for one in results if one.timings is None]
    text = f"{plural(len(results), 'model')} timed" if not refused else (
        f"{len(results) - len(refused)} of {plural(len(results), 'model')} timed, "
        f"{len(refused)} refused"
    )  # fmt: skip
    return [("verdict", text)]


def _said(timings: Timings) -> str:
    """Who takes how long, in a sentence."""
    first, *others = timings.subjects
    if isinstance(first, Failed):
        return f"{first.name} {first.status}: {one_line(first.reason)}"
    text = f"{first.name} takes {duration(first.spread.median)} a sample"
    for other in others:
        if isinstance(other, Failed):
            text += f"; {other.name} {other.status}"
        else:
            ratio = timings.ratios[other.name].median
            took = duration(other.spread.median)
            text += f"; {ratio:.2f} times as long as {other.name} ({took})"
    return text


def print_bench(results: Sequence[Benched]) -> None:
    """Print what it comes to, a table of all models where there are several, and each model."""
    print_answer(bench_answer(results))
    if len(results) > 1:
        _print_models(results)
    for one in results:
        if one.timings is not None:
            print_text()
            print_timings(one.timings, one.model, one.memory)


def _print_models(results: Sequence[Benched]) -> None:
    names = next((t.job.subjects for one in results if (t := one.timings)), ())
    print_table(
        [Column("model", fold=True), *(Column(name, "right") for name in names), Column("")],
        [(one.name, *_times(one, len(names)), "" if one.timings else "refused") for one in results],
    )
    for one in results:
        if one.error is not None:
            named = of_file(str(one.error), one.model)
            print_text(f"refused: {one_line(named)}", style="red")


def _times(one: Benched, subjects: int) -> list[str]:
    """What each subject takes for a sample."""
    if one.timings is None:
        return ["-"] * subjects
    return [
        subject.status if isinstance(subject, Failed) else duration(subject.spread.median)
        for subject in one.timings.subjects
    ]


def print_timings(timings: Timings, model: str | None, memory: MemoryUse | None = None) -> None:
    """Print who took how long, the ratios, and where asked for the operators and the memory."""
    job = timings.job
    turns = max((s.spread.count for s in timings.subjects if not isinstance(s, Failed)), default=0)
    print_text(
        f"{model or 'the model'}: {timings.macs:,} MACs a sample, batch {job.batch}, "
        f"{plural(job.threads, 'thread')}, {plural(turns, 'turn')}",
        style="bold",
    )
    ratios = timings.ratios
    first = timings.subjects[0].name
    rows: list[tuple[str, ...]] = []
    for subject in timings.subjects:
        if isinstance(subject, Failed):
            rows.append((subject.name, subject.status, "", "", ""))
            continue
        spread, ratio = subject.spread, ratios.get(subject.name)
        rows.append(
            (
                subject.name,
                duration(spread.median),
                between(spread.low, spread.high),
                "" if ratio is None else f"{ratio.median:.2f}",
                "" if ratio is None else f"{ratio.low:.2f}–{ratio.high:.2f}",
            )
        )
    columns = [Column("who"), Column("a sample", "right"), Column("half lie in", "right")]
    if ratios:
        columns += [Column("ratio", "right"), Column("half lie in", "right")]
    print_table(columns, [row[: len(columns)] for row in rows])
    if ratios:
        print_text(f"ratio: the time of {first} over that of the one named, turn by turn")
    elif len(timings.subjects) == 1:
        print_text("--against WHO times another interpreter beside it, turn by turn")
    for subject in timings.subjects:
        if isinstance(subject, Failed):
            print_text(f"{subject.name} {subject.status}: {subject.reason}")
    if timings.operators:
        _print_operators(timings.operators)
    if memory is not None:
        print_text(
            f"memory: peak {memory.peak / 1e6:.1f} MB beyond NumPy; bound {memory.bound / 1e6:.1f} "
            f"MB = model {memory.model / 1e6:.2f} + 2 x arena {memory.arena / 1e6:.3f} x "
            f"{memory.samples} + prepared {memory.prepared / 1e6:.2f} + 60 MiB"
        )


def _print_operators(operators: tuple[OperatorTime, ...]) -> None:
    print_table(
        [
            Column("op", "right"),
            Column("operator", whole=True),
            Column("output"),
            Column("a sample", "right"),
            Column("share", "right"),
            Column("MMAC", "right"),
            Column("GMAC/s", "right"),
        ],
        [
            (
                operator.operator,
                operator.op_name,
                f"{operator.dtype} {dims(operator.shape)}",
                duration(operator.seconds),
                f"{operator.share:.1%}",
                f"{operator.macs / 1e6:.3f}" if operator.macs else "",
                f"{speed / 1e9:.2f}" if (speed := operator.macs_per_second) else "",
            )
            for operator in operators
        ],
    )


def duration(seconds: float) -> str:
    """A time with three digits that count, and its unit."""
    unit, size = _unit(seconds)
    return f"{seconds / size:.3g} {unit}"


def between(low: float, high: float) -> str:
    """A range of times, in the unit of the lower."""
    unit, size = _unit(low)
    return f"{low / size:.3g}–{high / size:.3g} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return unit, size
    return "ns", 1e-9
