"""Say how many bytes of arena a model needs on a chip, who owns them, and draw the plan.

The figures are those of TensorFlow Lite for Microcontrollers, to the byte: what it uses, the
smallest arena with which the model runs, and every allocation in its order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from refinterp.arena.optimal import TIME_LIMIT
from refinterp.arena.optimize import Optimized
from refinterp.arena.tensor_plan import OPTIMAL, PLANNERS, TensorPlan
from refinterp.cli.arena_measure import Answer, in_wheel, measured, opened, refusal, with_changes
from refinterp.cli.arena_optimize import Planning, optimize
from refinterp.cli.common import add_lenient, add_models, print_document, save_text, say, size
from refinterp.cli.data import add_shape
from refinterp.errors import RefinterpError, UsageError
from refinterp.graph.model import Model
from refinterp.graph.open_sizes import open_inputs
from refinterp.report.arena_answer import (
    Asked,
    Lines,
    Wheel,
    arena_answer,
    arenas_answer,
    targets_answer,
)
from refinterp.report.arena_document import (
    ledger_fields,
    optimized_fields,
    shared_fields,
    wheel_fields,
)
from refinterp.report.arena_table import (
    print_ledger,
    print_models,
    print_optimized,
    print_owners,
    print_shared,
    print_targets,
    print_totals,
    print_what_ifs,
)
from refinterp.report.machine import document, error_fields
from refinterp.report.memory_map import memory_map
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.page_arena import Arena, arena_page
from refinterp.report.progress import Stages, progress
from refinterp.report.terminal import console, print_answer, print_text
from refinterp.tflm.entries import Ledger, SharedArena
from refinterp.tflm.ledger import measure_apart, measure_shared
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

_ROWS = 40  # of the picture: what fits on a screen
_LISTED = 12  # buffers in the legend


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)
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
        type=size,
        metavar="BYTES",
        help="exit with 1 when a model needs a larger arena than this: 61440, 60K (K = 1,024), "
        "1M (M = 1,048,576)",
    )
    add_shape(parser, "the file's, as in TFLM")
    add_lenient(parser)
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
    with progress() as show:
        models = opened(options.models, dict(options.shape))
        optimized = None
        if options.optimize or options.output or options.reorder:
            show("looking for an optimal plan", seconds=options.time_limit)
            optimized = _optimize(models, wanted, options, plans)
            models = [(models[0][0], optimized.model)]
        answers = _measure(models, wanted, options, plans, show)
    known = [answer for answer in answers if answer.ledger is not None]
    if not known and len(models) == 1:
        assert answers[0].error is not None
        raise answers[0].error
    if options.svg:
        assert known[0].ledger is not None
        save_text(options.svg, memory_map_svg(known[0].ledger.plan, title=known[0].title))
    shared = _shared(known, options, plans) if len(models) > 1 and len(wanted) == 1 else None
    wheel = in_wheel(answers[0].model, plans) if len(answers) == 1 and answers[0].model else None
    summary = _summary(answers, shared, wheel, options)
    if options.json or options.html:
        data = _document(answers, summary, shared, wheel, options, plans, optimized)
    if options.html:
        save_text(options.html, _page(answers, summary, data, shared, options))
    if options.json:
        print_document(data)
    else:
        print_answer(summary)
        _print(answers, options, plans, optimized, shared)
    return _verdict(answers, options.fail_over)


def _measure(
    models: Sequence[tuple[str, Model | RefinterpError]],
    wanted: Sequence[Profile],
    options: argparse.Namespace,
    plans: Planning,
    show: Stages,
) -> list[Answer]:
    """Measure every model in every profile, with what would change it where that is shown."""
    every = [(path, model, where) for path, model in models for where in wanted]
    told = show("arenas", len(every))
    detailed = len(every) == 1 or options.ledger or options.html or options.json
    answers = []
    for done, (path, model, where) in enumerate(every, 1):
        answer = measured(path, model, where, options.planner, plans, lenient=options.lenient)
        if detailed:
            answer = with_changes(answer, plans, others=not options.all_targets)
        answers.append(answer)
        told(done)
    return answers


def _shared(
    known: Sequence[Answer], options: argparse.Namespace, plans: Planning
) -> SharedArena | None:
    """What the models that run come to in one arena."""
    together = [answer.model for answer in known if answer.model is not None]
    if len(together) < 2:
        return None
    return measure_shared(together, known[0].profile, options.planner, plan=plans)


def _summary(
    answers: Sequence[Answer],
    shared: SharedArena | None,
    wheel: Wheel | None,
    options: argparse.Namespace,
) -> Lines:
    """The answer in a few lines."""
    first = answers[0]
    if len(answers) == 1 and first.ledger is not None:
        lines = arena_answer(first.ledger, first.title, wheel, options.fail_over)
        free = open_inputs(first.model) if first.model is not None else ()
        return lines + ([("open", "; ".join(map(str, free)))] if free else [])
    if len(options.models) > 1:
        return arenas_answer([Asked(a.title, a.ledger, refusal(a)) for a in answers], shared)
    return targets_answer(first.title, [(a.profile, a.ledger) for a in answers])


def _page(
    answers: Sequence[Answer],
    summary: Lines,
    data: dict[str, Any],
    shared: SharedArena | None,
    options: argparse.Namespace,
) -> str:
    arenas = [
        Arena(a.title, a.ledger.plan, a.ledger, () if options.all_targets else a.changes)
        for a in answers
        if a.ledger
    ]
    refused = [(a.title, refusal(a)) for a in answers if a.error is not None]
    return arena_page(arenas, data, shared, summary=summary, refused=refused)


def _document(
    answers: Sequence[Answer],
    summary: Lines,
    shared: SharedArena | None,
    wheel: Wheel | None,
    options: argparse.Namespace,
    plans: Planning,
    optimized: Optimized | None,
) -> dict[str, Any]:
    results = [_fields(answer, options, plans) for answer in answers]
    if optimized is not None:
        results[0]["optimized"] = optimized_fields(optimized, options.output)
    if len(results) == 1:
        return document(**results[0], wheel=wheel_fields(wheel), summary=dict(summary))
    more = {} if shared is None else {"shared": shared_fields(shared)}
    return document(summary=dict(summary), results=results, **more)


def _profiles(options: argparse.Namespace) -> list[Profile]:
    if not options.all_targets:
        return [profile(options.target, options.kernels, options.tflm)]
    if options.tflm != DEFAULT_VERSION:
        raise UsageError(f"--all-targets is for --tflm {DEFAULT_VERSION}")
    return [p for p in profiles() if options.kernels in (None, p.kernels.name)]


def _optimize(
    models: Sequence[tuple[str, Model | RefinterpError]],
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
    model = models[0][1]
    assert isinstance(model, Model)  # a single one that cannot be read has been told of
    return optimize(
        model,
        wanted[0],
        plans,
        output=options.output,
        reorder=options.reorder,
        time_limit=options.time_limit,
    )


def _fields(answer: Answer, options: argparse.Namespace, plans: Planning) -> dict[str, Any]:
    if answer.model is None:
        assert answer.error is not None
        return {"model": answer.path, "error": error_fields(answer.error)}
    fields: dict[str, Any] = {"model": answer.model.source}
    if answer.ledger is None:
        assert answer.error is not None
        where = answer.profile
        fields |= {
            "target": where.target.name,
            "kernels": where.kernels.name,
            "tflm": where.tflm.name,
            "refused": str(answer.error),
            "error": error_fields(answer.error),
        }
        return fields
    apart = measure_apart(answer.model, answer.profile, options.planner, plan=plans)
    return fields | ledger_fields(answer.ledger, apart, answer.changes)


def _print(
    answers: Sequence[Answer],
    options: argparse.Namespace,
    plans: Planning,
    optimized: Optimized | None,
    shared: SharedArena | None,
) -> None:
    """Print what stands below the answer."""
    if options.all_targets:
        for path in options.models:
            _print_targets([a for a in answers if a.path == path], several=len(options.models) > 1)
        return
    if len(answers) > 1:
        print_models([Asked(a.title, a.ledger, refusal(a)) for a in answers])
    if optimized is not None:
        print_optimized(optimized)
    if shared is not None:
        print_text()
        print_shared(shared, [a.title for a in answers if a.ledger])
    for answer in answers:
        if answer.ledger is not None and (len(answers) == 1 or options.ledger):
            print_text()
            _print_model(answer, answer.ledger, options, plans)


def _print_model(
    answer: Answer, ledger: Ledger, options: argparse.Namespace, plans: Planning
) -> None:
    assert answer.model is not None
    apart = measure_apart(answer.model, answer.profile, options.planner, plan=plans)
    print_totals(ledger, apart)
    print_text()
    _draw(ledger.plan, answer.title)
    print_owners(ledger)
    if options.ledger:
        print_ledger(ledger)
    print_what_ifs(answer.changes)


def _print_targets(rows: Sequence[Answer], *, several: bool) -> None:
    if several:
        print_text()
        print_answer(targets_answer(rows[0].title, [(a.profile, a.ledger) for a in rows]))
    reasons = [str(a.error) if a.error else None for a in rows]
    print_targets([(a.profile, a.ledger, r) for a, r in zip(rows, reasons, strict=True)])


def _verdict(answers: Sequence[Answer], most: int | None) -> int:
    """The exit code: 2 where a model has no figure, 1 where one needs more than is allowed."""
    without = {a.path for a in answers} - {a.path for a in answers if a.ledger}
    needs = [(a, a.ledger.minimum_arena_bytes) for a in answers if a.ledger]
    over = [] if most is None else [(a, needed) for a, needed in needs if needed > most]
    for answer in answers:
        if answer.path in without:
            say(f"refused: {refusal(answer)}")
    for answer, needed in over:
        assert most is not None
        say(
            f"{answer.title} needs {needed:,} bytes on {answer.profile.target.name}, "
            f"{needed - most:,} more than the {most:,} allowed"
        )
    if without:
        return 2
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
