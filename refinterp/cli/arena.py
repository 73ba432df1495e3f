"""Say how many bytes of arena a model needs on a chip, who owns them, and draw the plan.

The figures are those of TensorFlow Lite for Microcontrollers, to the byte: what it uses, the
smallest arena with which the model runs, and every allocation in its order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from refinterp.arena.optimal import TIME_LIMIT
from refinterp.arena.optimize import Optimized
from refinterp.arena.tensor_plan import OPTIMAL
from refinterp.boards.choice import Choice, choose
from refinterp.cli.arena_measure import Answer, in_wheel, measured, opened, refusal, with_changes
from refinterp.cli.arena_optimize import optimize
from refinterp.cli.arena_results import ArenaResults
from refinterp.cli.common import (
    add_html,
    add_lenient,
    add_models,
    print_document,
    save_text,
    say,
    say_refused,
    size,
    written_file,
)
from refinterp.cli.data import add_shape
from refinterp.cli.hardware import (
    add_board,
    add_boards_file,
    add_kernels,
    add_target,
    add_tflm,
    known_hardware,
)
from refinterp.cli.planner import add_planner
from refinterp.errors import RefinterpError, UsageError
from refinterp.graph.model import Model
from refinterp.report.memory_map_svg import memory_map_svg
from refinterp.report.progress import Stages, progress
from refinterp.tflm.dearer import Dearer, dearer
from refinterp.tflm.ledger import measure_shared
from refinterp.tflm.ledger_data import SharedArena
from refinterp.tflm.planning import Planning
from refinterp.tflm.targets import (
    DEFAULT_VERSION,
    Profile,
    distribution_profiles,
    profiles,
)
from refinterp.tflm.what_if import SECONDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser)
    which = parser.add_mutually_exclusive_group()
    add_target(which)
    add_board(which)
    which.add_argument(
        "--all-targets", action="store_true", help="every chip and kernel library, in one table"
    )
    add_kernels(parser)
    add_tflm(parser, f"default {DEFAULT_VERSION}, on a board what is usually flashed there")
    add_planner(parser)
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
    add_boards_file(parser)
    add_shape(parser, "the file's, as in TFLM")
    add_lenient(parser)
    parser.add_argument(
        "--svg", type=written_file, metavar="F", help="also draw the plan to this file (one model)"
    )
    add_html(parser)


def run(options: argparse.Namespace) -> int:
    """Print the answer or the document."""
    if options.svg and (len(options.models) > 1 or options.all_targets):
        raise UsageError("--svg draws one model on one target; give one, without --all-targets")
    if not options.time_limit >= 0:
        raise UsageError(f"--time-limit is {options.time_limit}; it must be 0 seconds or more")
    choice, wanted = _wanted(options)
    plans = Planning(options.time_limit)
    with progress() as show:
        models = opened(options.models, dict(options.shape))
        optimized: Optimized | None = None
        worse: list[Dearer] = []
        if options.optimize or options.output or options.reorder:
            show("looking for an optimal plan", seconds=options.time_limit)
            optimized, worse = _optimize(models, wanted, options, plans)
            models = [(models[0][0], optimized.model)]
        answers = _measure(models, wanted, options, plans, show)
    known = [answer for answer in answers if answer.ledger is not None]
    if not known and len(models) == 1:
        assert answers[0].error is not None
        raise answers[0].error
    if options.svg:
        assert known[0].ledger is not None
        save_text(options.svg, memory_map_svg(known[0].ledger.plan, title=known[0].title))
    alone = answers[0].model if len(answers) == 1 else None
    results = ArenaResults(
        options,
        plans,
        answers,
        choice=choice,
        shared=_shared(known, options, plans) if len(models) > 1 and len(wanted) == 1 else None,
        wheel=None if alone is None else in_wheel(alone, plans),
        optimized=optimized,
        dearer=worse,
    )
    if options.json or options.html:
        data = results.document()
    if options.html:
        save_text(options.html, results.page(data))
    if options.json:
        print_document(data)
    else:
        results.show()
    return _verdict(answers, options.fail_over, as_json=options.json)


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


def _wanted(options: argparse.Namespace) -> tuple[Choice | None, list[Profile]]:
    """What was chosen, None for all targets, and the builds to measure."""
    if not options.all_targets:
        chosen = choose(
            known_hardware(options),
            target=options.target,
            board=options.board,
            kernels=options.kernels,
            tflm=options.tflm,
        )
        return chosen, [chosen.profile]
    builds = profiles()
    if options.tflm not in (None, DEFAULT_VERSION):
        builds = distribution_profiles(options.tflm)
    wanted = [p for p in builds if options.kernels in (None, p.kernels.name)]
    if not wanted:
        raise UsageError(f"{options.tflm} is built for no target with {options.kernels} kernels")
    return None, wanted


def _optimize(
    models: Sequence[tuple[str, Model | RefinterpError]],
    wanted: Sequence[Profile],
    options: argparse.Namespace,
    plans: Planning,
) -> tuple[Optimized, list[Dearer]]:
    """Write the new model; return what it gains, and where it needs more than before."""
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
    result = optimize(
        model,
        wanted[0],
        plans,
        output=options.output,
        reorder=options.reorder,
        time_limit=options.time_limit,
    )
    return result, list(dearer(model, result.model, wanted[0], plan=plans.within(SECONDS)))


def _verdict(answers: Sequence[Answer], most: int | None, *, as_json: bool) -> int:
    """The exit code: 2 where a model has no figure, 1 where one needs more than is allowed."""
    without = {a.path for a in answers} - {a.path for a in answers if a.ledger}
    needs = [(a, a.ledger.safe_arena_bytes) for a in answers if a.ledger]
    over = [] if most is None else [(a, needed) for a, needed in needs if needed > most]
    refused = {a.path: refusal(a) for a in answers if a.path in without}
    say_refused(list(refused.items()), len({a.path for a in answers}), shown=not as_json)
    for answer, needed in over:
        assert most is not None
        say(
            f"{answer.title} needs {needed:,} bytes on {answer.profile.place} with "
            f"{answer.profile.kernels.name}, "
            f"{needed - most:,} more than the {most:,} allowed"
        )
    if without:
        return 2
    return 1 if over else 0
