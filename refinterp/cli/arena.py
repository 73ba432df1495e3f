"""Say how many bytes of arena a model needs on a chip, who owns them, and draw the plan.

The figures are those of TensorFlow Lite for Microcontrollers, to the byte: what it uses, the
smallest arena with which the model runs, and every allocation in its order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refinterp.arena.optimal import TIME_LIMIT
from refinterp.arena.optimize import Optimized
from refinterp.arena.tensor_plan import OPTIMAL, PLANNERS, TensorPlan
from refinterp.cli.arena_optimize import Planning, optimize
from refinterp.cli.common import open_model, print_document, save_text, say
from refinterp.errors import RefinterpError, UsageError
from refinterp.graph.model import Model
from refinterp.graph.open_sizes import open_inputs
from refinterp.report.arena_document import ledger_fields, optimized_fields, shared_fields
from refinterp.report.arena_table import (
    print_answer,
    print_ledger,
    print_optimized,
    print_owners,
    print_shared,
    print_targets,
    print_what_ifs,
)
from refinterp.report.machine import document
from refinterp.report.memory_map import memory_map
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page_arena import Arena, arena_page
from refinterp.report.terminal import console, print_text
from refinterp.tflm.entries import Ledger, SharedArena
from refinterp.tflm.ledger import measure, measure_apart, measure_shared
from refinterp.tflm.targets import (
    DEFAULT_TARGET,
    DEFAULT_VERSION,
    KERNELS,
    TARGETS,
    VERSIONS,
    Profile,
    profile,
    profiles,
)
from refinterp.tflm.what_if import SECONDS, WhatIf, other_profiles, smaller

_ROWS = 40  # of the picture: what fits on a screen
_LISTED = 12  # buffers in the legend


@dataclass(frozen=True, slots=True)
class _Answer:
    """A model in one profile, or why TFLM refuses it there."""

    path: str
    title: str
    model: Model
    profile: Profile
    ledger: Ledger | None
    error: RefinterpError | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a .tflite file, a C array holding one, or -"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--target", choices=tuple(TARGETS), help=f"the chip (default {DEFAULT_TARGET})"
    )
    which.add_argument(
        "--all-targets", action="store_true", help="every chip and kernel library, in one table"
    )
    parser.add_argument(
        "--kernels",
        choices=tuple(KERNELS),
        help="whose kernels run (default cmsis-nn on cortex-*, reference elsewhere)",
    )
    parser.add_argument(
        "--tflm",
        choices=tuple(VERSIONS),
        default=DEFAULT_VERSION,
        help=f"TFLM's version (default {DEFAULT_VERSION})",
    )
    parser.add_argument(
        "--planner",
        choices=tuple(PLANNERS),
        default="greedy",
        help="how to place the tensors (default greedy, TFLM's)",
    )
    parser.add_argument(
        "--time-limit",
        type=float,
        default=TIME_LIMIT,
        metavar="S",
        help=f"seconds an optimal plan may take to find (default {TIME_LIMIT:g})",
    )
    parser.add_argument(
        "--optimize",
        action="store_true",
        help="write the model with an optimal plan in its metadata, which TFLM follows (needs -o)",
    )
    parser.add_argument("-o", "--output", metavar="OUT.tflite", help="where --optimize writes")
    parser.add_argument(
        "--reorder",
        action="store_true",
        help="with --optimize: also let operators run in another order",
    )
    parser.add_argument("--ledger", action="store_true", help="list every allocation, in order")
    parser.add_argument(
        "--fail-over",
        type=int,
        metavar="BYTES",
        help="exit with 1 when a model needs a larger arena than this",
    )
    parser.add_argument("--svg", metavar="F", help="also draw the plan to this file (one model)")
    parser.add_argument("--html", metavar="F", help="also write one page that opens offline")


def run(options: argparse.Namespace) -> int:
    """Print the answer or the document."""
    if options.svg and (len(options.models) > 1 or options.all_targets):
        raise UsageError("--svg draws one model on one target; give one, without --all-targets")
    if not options.time_limit >= 0:
        raise UsageError(f"--time-limit is {options.time_limit}; it must be 0 seconds or more")
    wanted = _profiles(options)
    plans = Planning(options.time_limit)
    models = [(path, open_model(path)) for path in options.models]
    for path, model in models:
        for one in open_inputs(model):
            say(f"{Path(model.source or path).name}: {one}")
    optimized = None
    if options.optimize or options.output or options.reorder:
        optimized = _optimize(models, wanted, options, plans)
        models = [(models[0][0], optimized.model)]
    answers = [
        _measure(path, model, profile, options.planner, plans, many=options.all_targets)
        for path, model in models
        for profile in wanted
    ]
    measured = [answer for answer in answers if answer.ledger is not None]
    if not measured:
        assert answers[0].error is not None
        raise answers[0].error
    first = measured[0].ledger
    assert first is not None
    if options.svg:
        save_text(options.svg, memory_map_svg(first.plan, title=measured[0].title))
    shared = None
    if len(options.models) > 1 and len(wanted) == 1:
        shared = measure_shared([a.model for a in answers], wanted[0], options.planner, plan=plans)
    if options.json or options.html:
        data = _document(answers, shared, options, plans, optimized)
    if options.html:
        arenas = [
            Arena(
                a.title, a.ledger.plan, a.ledger, () if options.all_targets else _what_ifs(a, plans)
            )
            for a in measured
            if a.ledger
        ]
        save_text(options.html, arena_page(arenas, data, shared))
    if options.json:
        print_document(data)
    elif options.all_targets:
        _print_targets(options.models, answers)
    else:
        for number, answer in enumerate(answers):
            _print(answer, options, plans, first=number == 0)
        if optimized is not None:
            print_text()
            print_optimized(optimized)
        if shared is not None:
            print_text()
            print_shared(shared, [a.title for a in answers])
    return _verdict(measured, options.fail_over)


def _document(
    answers: Sequence[_Answer],
    shared: SharedArena | None,
    options: argparse.Namespace,
    plans: Planning,
    optimized: Optimized | None,
) -> dict[str, Any]:
    results = [_fields(answer, options, plans) for answer in answers]
    if optimized is not None:
        results[0]["optimized"] = optimized_fields(optimized, options.output)
    if len(results) == 1:
        return document(**results[0])
    more = {} if shared is None else {"shared": shared_fields(shared)}
    return document(results=results, **more)


def _profiles(options: argparse.Namespace) -> list[Profile]:
    if not options.all_targets:
        return [profile(options.target, options.kernels, options.tflm)]
    if options.tflm != DEFAULT_VERSION:
        raise UsageError(f"--all-targets is for --tflm {DEFAULT_VERSION}")
    return [p for p in profiles() if options.kernels in (None, p.kernels.name)]


def _optimize(
    models: Sequence[tuple[str, Model]],
    wanted: Sequence[Profile],
    options: argparse.Namespace,
    plans: Planning,
) -> Optimized:
    if not (options.optimize and options.output):
        raise UsageError(
            "--optimize, -o OUT.tflite and --reorder belong together: the first two are both "
            "needed, the third goes with them"
        )
    if len(models) > 1 or len(wanted) > 1:
        raise UsageError("--optimize writes one model for one target; give one of each")
    if options.planner not in ("greedy", OPTIMAL):
        raise UsageError(
            f"--optimize writes an optimal plan, so --planner {options.planner} has no part in it"
        )
    options.planner = "greedy"  # TFLM's, which keeps the offsets that the new model has
    return optimize(
        models[0][1],
        wanted[0],
        plans,
        output=options.output,
        reorder=options.reorder,
        time_limit=options.time_limit,
    )


def _measure(
    path: str, model: Model, where: Profile, planner: str, plans: Planning, *, many: bool
) -> _Answer:
    """Measure; among many targets a refusal is a row of the table, otherwise it is raised."""
    title = Path(model.source or path).name
    try:
        return _Answer(path, title, model, where, measure(model, where, planner, plan=plans), None)
    except UsageError:
        raise
    except RefinterpError as error:
        named = type(error)(f"{title}: {error}")
        if not many:
            raise named from error
        return _Answer(path, title, model, where, None, named)


def _what_ifs(answer: _Answer, plans: Planning) -> list[WhatIf]:
    """Return the changes that matter for one target; the wheel's profile is no choice to make."""
    assert answer.ledger is not None
    plan = plans.within(SECONDS)
    changes = list(smaller(answer.model, answer.ledger, plan=plan))
    if answer.profile.tflm.name == DEFAULT_VERSION:
        changes += other_profiles(answer.model, answer.ledger, plan=plan)
    return changes


def _fields(answer: _Answer, options: argparse.Namespace, plans: Planning) -> dict[str, Any]:
    fields: dict[str, Any] = {"model": answer.model.source}
    if answer.ledger is None:
        where = answer.profile
        fields |= {
            "target": where.target.name,
            "kernels": where.kernels.name,
            "tflm": where.tflm.name,
            "refused": str(answer.error),
        }
        return fields
    apart = measure_apart(answer.model, answer.profile, options.planner, plan=plans)
    changes = (
        list(smaller(answer.model, answer.ledger, plan=plans.within(SECONDS)))
        if options.all_targets
        else _what_ifs(answer, plans)
    )
    return fields | ledger_fields(answer.ledger, apart, changes)


def _print(answer: _Answer, options: argparse.Namespace, plans: Planning, *, first: bool) -> None:
    assert answer.ledger is not None
    if not first:
        print_text()
    _draw(answer.ledger.plan, answer.title)
    print_text()
    apart = measure_apart(answer.model, answer.profile, options.planner, plan=plans)
    print_answer(answer.ledger, apart)
    print_owners(answer.ledger)
    if options.ledger:
        print_ledger(answer.ledger)
    print_what_ifs(_what_ifs(answer, plans))


def _print_targets(paths: Sequence[str], answers: Sequence[_Answer]) -> None:
    for path in paths:
        rows = [a for a in answers if a.path == path]
        reasons = [str(a.error) if a.error else None for a in rows]
        ledgers = [(a.profile, a.ledger) for a in rows]
        table = [(*pair, reason) for pair, reason in zip(ledgers, reasons, strict=True)]
        print_targets(rows[0].title, table)


def _verdict(answers: Sequence[_Answer], most: int | None) -> int:
    if most is None:
        return 0
    over = [a for a in answers if a.ledger and a.ledger.minimum_arena_bytes > most]
    for answer in over:
        assert answer.ledger is not None
        size = answer.ledger.minimum_arena_bytes
        say(
            f"{answer.title} needs {size:,} bytes on {answer.profile.target.name}, "
            f"{size - most:,} more than the {most:,} allowed"
        )
    return 1 if over else 0


def _draw(plan: TensorPlan, title: str) -> None:
    terminal = console()
    sys.stdout.write(
        memory_map(
            plan,
            title=title,
            width=terminal.width,
            height=_ROWS,
            legend=_LISTED,
            color=bool(terminal.is_terminal and terminal.color_system),
            ascii_only="utf" not in (sys.stdout.encoding or "").lower(),
        )
    )
