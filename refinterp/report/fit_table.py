"""Whether models fit, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.cost.quantity import Quantity
from refinterp.fit.judge import FitResult
from refinterp.fit.report import FitReport, Fitted
from refinterp.fit.suggest import Suggestion
from refinterp.report.cost_fields import heading
from refinterp.report.fit_answer import Lines, models_title, place
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import count, kibibytes, one_line
from refinterp.tflm.targets import Profile

_LAYERS: Final = 12  # operators that are shown
_REFUSED: Final = 12  # operators that TFLM does not run, shown


def print_fit(report: FitReport, answer: Lines) -> None:
    """Print the answer, then what stands below it."""
    print_answer(answer)
    if len(report.fitted) > 1:
        _print_results(report.fitted)
        if len(report.sharing) == 1:
            _print_suggestions(report.sharing)
        return
    one = report.fitted[0]
    _print_refused(one.result)
    _print_code(one.result)
    _print_layers(one)
    _print_suggestions(one.suggestions)


def _print_results(fitted: Sequence[Fitted]) -> None:
    results = [one.result for one in fitted]
    known = [None if one.cost is None else one.cost.time for one in fitted]
    times = [time if isinstance(time, Quantity) else None for time in known]
    timed = any(times)
    builds = {one.need.profile: _build(one.need.profile) for one in results}
    numbers = {build: at for at, build in enumerate(dict.fromkeys(builds.values()), 1)}
    several = len({one.need.candidates for one in results}) > 1
    columns = [Column("model", fold=True)] if several else []
    columns += [
        Column("board", fold=True),
        Column("fits"),
        Column("arena", "right"),
        Column("RAM left", "right"),
        Column("flash left", "right"),
        Column("build", "right"),
    ]
    columns += [Column(heading("ms", times), "right")] if timed else []
    rows = []
    for one, time in zip(results, times, strict=True):
        told = ["?" if time is None else time.brief] if timed else []
        title = [models_title(one.need)] if several else []
        rows.append(
            (
                *title,
                place(one) if one.choice.board else one.need.profile.place,
                "refused" if one.need.unsupported else "yes" if one.fits else "no",
                "-" if one.need.arena_bytes is None else count(one.need.arena_bytes),
                _left(one.ram_left) + _doubt(one),
                _left(one.flash_left) + _doubt(one),
                numbers[builds[one.need.profile]],
                *told,
            )
        )
    print_table(columns, rows)
    legend = "left: for the application; below 0: missing; ?: not known"
    if timed:
        legend += "; ms: milliseconds that one inference takes, with their band"
    if any(map(_doubt, results)):
        legend += "; *: wants a second look, `refinterp boards NAME` says why"
    print_text(f"{legend}.", hang=0)
    listed = "; ".join(f"{number} {build}" for build, number in numbers.items())
    print_text(f"build, as kernels and TFLM: {listed}.", hang=0)


def _doubt(result: FitResult) -> str:
    """A mark where what there is of memory wants a second look."""
    board = result.choice.board
    return "*" if board is not None and board.second_look else ""


def _build(profile: Profile) -> str:
    return f"{profile.kernels.name} {profile.tflm.name}"


def _left(size: int | None) -> str:
    if size is None:
        return "?"
    return kibibytes(size) if size >= 0 else f"-{kibibytes(-size)}"


def _print_refused(result: FitResult) -> None:
    for one in result.need.unsupported[:_REFUSED]:
        where = "" if one.operator is None else f"operator {one.operator} ({one.op_name}): "
        print_text(f"refused: {where}{one_line(one.why)}", style="red")


def _print_code(result: FitResult) -> None:
    code = result.need.code
    if not code.operators:
        return
    print_text()
    print_text("Flash of kernels" + ("" if code.measured else " (estimate)"), style="bold")
    print_table(
        [Column("operator", whole=True), Column("by itself", "right"), Column("its own", "right")],
        [
            (one_line(one.operator), count(one.alone_bytes), count(one.own_bytes))
            for one in sorted(code.operators, key=lambda one: -one.alone_bytes)
        ],
    )
    print_text(
        "by itself: with all that it needs beyond the interpreter. its own: what goes when it "
        f"goes. Not counted: the C library's printf for messages ({count(code.messages.flash)} B).",
        hang=0,
    )


def _print_layers(one: Fitted) -> None:
    need = one.result.need
    if need.ledger is None or not one.layers:
        return
    most = max(1, need.arena_bytes or 1)
    shown = sorted(
        one.layers,
        key=lambda layer: (
            -(
                layer.constant_bytes / max(1, need.model_bytes)
                + (layer.kept_bytes + layer.peak_bytes) / most
            )
        ),
    )[:_LAYERS]
    print_text()
    title = "Shares by operator"
    if len(shown) < len(one.layers):
        title += f" (the largest {len(shown)} of {len(one.layers)}; --json has all)"
    print_text(title, style="bold")
    print_table(
        [
            Column("#", "right"),
            Column("operator", whole=True),
            Column("flash", "right"),
            Column("of model", "right"),
            Column("kept", "right"),
            Column("at peak", "right"),
            Column("of arena", "right"),
        ],
        [
            (
                f"{layer.subgraph}:{layer.operator}" if layer.subgraph else layer.operator,
                one_line(layer.op_name),
                count(layer.constant_bytes),
                f"{100 * layer.constant_bytes / max(1, need.model_bytes):.1f} %",
                count(layer.kept_bytes),
                count(layer.peak_bytes),
                f"{100 * (layer.kept_bytes + layer.peak_bytes) / most:.1f} %",
            )
            for layer in shown
        ],
    )


def _print_suggestions(found: Sequence[Suggestion]) -> None:
    if not found:
        return
    print_text()
    print_text("What would save memory", style="bold")
    print_table(
        [
            Column("change", fold=True),
            Column("RAM", "right"),
            Column("flash", "right"),
            Column("outputs"),
            Column("fits"),
            Column(""),
        ],
        [
            (
                one_line(one.change),
                _gain(one.ram_gain_bytes),
                _gain(one.flash_gain_bytes),
                "may change" if one.changes_outputs else "the same",
                "yes" if one.fits else "no",
                "now" if one.command else "not applied",
            )
            for one in found
        ],
    )
    for one in found:
        if one.command:
            print_text(f"  {one.command}", whole=True)


def _gain(size: int) -> str:
    return "" if not size else f"{'-' if size > 0 else '+'}{count(abs(size))} B"
