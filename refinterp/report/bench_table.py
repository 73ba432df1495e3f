"""Timings at a terminal."""

from __future__ import annotations

from refinterp.bench.job import Failed, OperatorTime, Timings
from refinterp.bench.memory import Memory
from refinterp.report.terminal import Column, dims, print_table, print_text


def print_timings(timings: Timings, model: str | None, memory: Memory | None = None) -> None:
    """Print who took how long, the ratios, and where asked for the operators and the memory."""
    job = timings.job
    turns = max((s.spread.count for s in timings.subjects if not isinstance(s, Failed)), default=0)
    print_text(
        f"{model or 'the model'}: {timings.macs:,} MACs a sample, batch {job.batch}, "
        f"{job.threads} thread(s), {turns} turns",
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
    print_table(
        [
            Column("who"),
            Column("a sample", "right"),
            Column("half lie in", "right"),
            Column("ratio", "right"),
            Column("half lie in", "right"),
        ],
        rows,
    )
    if ratios:
        print_text(f"ratio: the time of {first} over that of the one named, turn by turn")
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
            Column("operator"),
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
