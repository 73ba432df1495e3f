"""Run a small model first, and a big one where it is unsure: accuracy and cost by threshold.

Over labelled data, every threshold is counted: how many samples go to the big model, how many are
decided rightly, and what a sample costs on average. Without --accuracy the cheapest threshold that
loses nothing against the big model is recommended. Exit code 1: the accuracy asked for is not
reached.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from refinterp.boards.choice import choose
from refinterp.cli.common import (
    add_flavour,
    add_html,
    open_model,
    print_document,
    save_text,
    say,
    tell_refusals,
)
from refinterp.cli.cost_options import Observations, add_cost, check_cost
from refinterp.cli.data import add_data, add_limit, data_request, open_with_data, say_notes
from refinterp.cli.hardware import add_boards_file, add_target, known_hardware
from refinterp.cost.cascade import decide
from refinterp.cost.device import device_cost
from refinterp.cost.latency import NoEstimate
from refinterp.cost.quantity import Quantity
from refinterp.cost.scores import CONFIDENCES, ScoredOutput, scored_output
from refinterp.cost.work import model_macs
from refinterp.debug.labelled import with_fitting_labels
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.model import Model
from refinterp.report.cascade_answer import CascadeReport
from refinterp.report.cascade_document import cascade_document
from refinterp.report.cascade_table import print_cascade
from refinterp.report.progress import progress
from refinterp.report.words import of_file
from refinterp.run.opening import with_data
from refinterp.run.prepare import prepare
from refinterp.run.program import Program
from refinterp.samples.request import DataRequest
from refinterp.samples.samples import Samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("small", metavar="SMALL", help="the model that runs on every sample")
    parser.add_argument("big", metavar="BIG", help="the model for the samples it is unsure of")
    add_data(parser, labels=True)
    parser.add_argument(
        "--big-data",
        metavar="PATH",
        help="the same samples as the big model takes them, where --data do not fit its input",
    )
    add_limit(parser)
    parser.add_argument(
        "--confidence",
        choices=CONFIDENCES,
        default="margin",
        help="how sure the small model is: margin, its largest score minus the second (two codes "
        "are enough for it); top, its largest probability; entropy (default margin)",
    )
    parser.add_argument(
        "--accuracy",
        type=_accuracy,
        metavar="VALUE",
        help="find the cheapest threshold of this accuracy: 0.98 or 98%%",
    )
    parser.add_argument(
        "--board",
        metavar="NAME",
        help="the board, as people call it: time and energy there, as estimates",
    )
    add_target(parser)
    add_boards_file(parser)
    add_cost(parser, duty=False)
    add_html(parser)
    parser.add_argument("--all", action="store_true", help="show every threshold that differs")
    add_flavour(parser)


def run(options: argparse.Namespace) -> int:
    """Open both models and their data, run, count, report."""
    if options.board is not None and options.target is not None:
        raise UsageError("--board names a board and its chip, --target a chip; give one of them")
    if options.data is None:
        raise UsageError(
            "cascade needs --data PATH with labels: random samples have no right answer to count"
        )
    if options.small == options.big == "-":
        raise UsageError("both models cannot come from standard input")
    if options.data == "-" and "-" in (options.small, options.big):
        raise UsageError("a model and the data cannot both come from standard input")
    check_cost(options)
    request = data_request(options)
    small, samples, said = open_with_data(open_model(options.small), request, options.limit)
    if options.limit:
        samples = _first(samples, options.limit)
    big, others = _open_big(options, request)
    if others.count < samples.count:
        raise UsageError(
            f"{options.big}: {others.count} samples, and {samples.count} of {options.small}: each "
            "model must see the same samples"
        )
    programs, outputs = _prepared(options, (small, big))
    samples, notes = _labelled(programs[0], outputs[0], samples)
    with progress() as show:

        def told(word: str) -> Callable[[int], None]:
            return show(f"{word} model: samples", samples.count)

        decided = decide(programs, outputs, (samples, others), options.confidence, started=told)
    paths = (options.small, options.big)
    costs = _costs(options, dict(zip(paths, (small, big), strict=True)))
    report = CascadeReport(
        paths,
        decided,
        outputs[0],
        options.confidence,
        (model_macs(small), model_macs(big)),
        (costs[0][0], costs[1][0]),
        (costs[0][1], costs[1][1]),
        options.accuracy,
        notes,
    )
    say_notes(report.notes, said)
    return _show(options, report, said.document())


def _costs(
    options: argparse.Namespace, models: dict[str, Model]
) -> list[tuple[Quantity | None, Quantity | None]]:
    """Time and energy of each model: measured, or on a board that was named estimated."""
    observations = Observations(options, models)
    core, chip, clock = "", "", None
    if options.board is not None or options.target is not None:
        table = known_hardware(options)
        choice = choose(table, target=options.target, board=options.board)
        core = choice.core.name if choice.core is not None else choice.profile.target.name
        if choice.board is not None:
            chip, clock = choice.board.chip, choice.board.clock_mhz
    found: list[tuple[Quantity | None, Quantity | None]] = []
    without: dict[str, list[str]] = {}  # what there is no estimate of, and why → the models
    for path in (options.small, options.big):
        device = observations.device(options, path, core, chip, clock, None)
        if not core:
            found.append((device.measured.get("s"), device.measured.get("J")))
            continue
        cost = device_cost(models[path], device)
        found.append((_known(cost.time), _known(cost.energy)))
        if isinstance(cost.time, NoEstimate):
            both = "time" if found[-1][1] is not None else "time and energy"
            without.setdefault(f"{both}: {cost.time.why}", []).append(path)
        elif isinstance(cost.energy, NoEstimate):
            without.setdefault(f"energy: {cost.energy.why}", []).append(path)
    for why, paths in without.items():
        say(f"{' and '.join(paths)}: no estimate of {why}")
    return found


def _known(found: Quantity | NoEstimate) -> Quantity | None:
    return None if isinstance(found, NoEstimate) else found


def _show(options: argparse.Namespace, report: CascadeReport, data: list[dict[str, str]]) -> int:
    if options.json or options.html:
        found = cascade_document(report, data, options.flavour)
    if options.html:
        from refinterp.report.page_cascade import cascade_page

        save_text(options.html, cascade_page(report, found))
    if options.json:
        print_document(found)
    else:
        print_cascade(report, everything=options.all)
    return int(report.chosen is None)


def _accuracy(text: str) -> float:
    words = text.strip()
    try:
        value = float(words.removesuffix("%")) / (100 if words.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no accuracy; write 0.98 or 98%")
    return value


def _first(samples: Samples, limit: int) -> Samples:
    count = min(samples.count, limit)
    labels = None if samples.labels is None else samples.labels[:count]
    return replace(samples, count=count, labels=labels)


def _open_big(options: argparse.Namespace, request: DataRequest) -> tuple[Model, Samples]:
    """Open the big model with the same data, or its own."""
    model = open_model(options.big)
    if options.big_data is not None:
        model, samples, _ = open_with_data(
            model, replace(request, path=options.big_data, labels=None), options.limit
        )
        return model, samples
    try:
        return with_data(model, request)
    except UsageError as error:
        raise UsageError(
            f"{options.big} does not take the data of the small model: {error}; --big-data PATH "
            "gives it its own, of the same samples"
        ) from error


def _prepared(
    options: argparse.Namespace, models: tuple[Model, Model]
) -> tuple[tuple[Program, Program], tuple[ScoredOutput, ScoredOutput]]:
    """Prepare both models, and find the outputs that decide: over the same classes."""
    programs, outputs = [], []
    for path, model in zip((options.small, options.big), models, strict=True):
        tell_refusals(model, options.flavour)
        try:
            program = prepare(model, flavour=options.flavour)
        except (ModelError, UnsupportedError) as error:
            raise type(error)(of_file(str(error), path)) from error
        programs.append(program)
        outputs.append(scored_output(program, path))
    small, big = outputs
    if small.classes != big.classes:
        raise UsageError(
            f"{options.small} has {small.classes} classes and {options.big} {big.classes}: a class "
            "number must mean the same to both"
        )
    return (programs[0], programs[1]), (small, big)


def _labelled(
    program: Program, output: ScoredOutput, samples: Samples
) -> tuple[Samples, tuple[str, ...]]:
    """The samples, if their labels are classes of the models; UsageError otherwise."""
    without = samples.labels is None
    note = None
    if not output.single:
        samples, note = with_fitting_labels(program, samples)
    labels = samples.labels
    if labels is None:
        why = note or "the data have no labels"
        raise UsageError(
            f"cascade counts right answers: {why}; --labels PATH gives them"
            if without or note is not None
            else "cascade counts right answers: --labels PATH gives them"
        )
    numbers = labels.reshape(len(labels), -1)
    if numbers.shape[1] != 1 or not np.array_equal(numbers, np.rint(numbers)):
        raise UsageError(
            f"{samples.labels_origin}: labels {list(labels.shape)} of {labels.dtype} are no "
            f"class numbers; one whole number a sample is needed, 0..{output.classes - 1}"
        )
    wrong = np.flatnonzero((numbers[:, 0] < 0) | (numbers[:, 0] >= output.classes))
    if wrong.size:
        raise UsageError(
            f"{samples.labels_origin}: label {numbers[wrong[0], 0]} of sample {wrong[0]} is no "
            f"class of the model, which has 0..{output.classes - 1}"
        )
    return samples, () if note is None else (note,)
