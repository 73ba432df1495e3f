"""Try each layer in another precision, and find the smallest set that recovers the accuracy.

Exit code 1: --recover asks for more than was reached; 130: stopped with Ctrl-C, the report being of
the layers until then.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from refinterp.cli.common import (
    INTERRUPTED,
    add_flavour,
    add_float_model,
    add_html,
    add_model,
    interruptible,
    open_model,
    print_document,
    save_text,
    tell_refusals,
)
from refinterp.cli.data import (
    RANDOM,
    add_data,
    add_limit,
    data_request,
    needs_data,
    open_with_data,
    say_notes,
)
from refinterp.debug.study.better_ranges import TensorRanges, better_ranges
from refinterp.debug.study.recipe import quantizer_recipe
from refinterp.debug.study.report import SensitivityReport
from refinterp.debug.study.sensitivity import runs, sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.report.progress import Stages, progress
from refinterp.report.sensitivity_document import sensitivity_document
from refinterp.report.sensitivity_table import print_sensitivity
from refinterp.run.opening import twin_of
from refinterp.samples.samples import Samples

_RANDOM = (
    "random data: they rank the layers by what noise loses in them; whether ranges fit your data, "
    "and better ones, need --data"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    add_data(parser, without=f"without it {RANDOM} random samples, which show less", labels=True)
    add_float_model(parser)
    add_limit(parser)
    parser.add_argument(
        "--precision",
        choices=("float", "int16"),
        default="float",
        help="what a layer is kept in: float32, or 16-bit activations (default float)",
    )
    parser.add_argument(
        "--target",
        choices=("sqnr", "top1", "metric"),
        default="sqnr",
        help="what layers are ranked by and --recover is about: the worst output's SQNR in dB, the "
        "share of samples whose top-1 is the float run's, or the task's metric where the samples "
        "have labels (default sqnr)",
    )
    parser.add_argument(
        "--recover",
        type=float,
        metavar="VALUE",
        help="search for the smallest set of layers that brings the target to this",
    )
    parser.add_argument(
        "--no-alone", action="store_true", help="leave out the reverse: half the time"
    )
    parser.add_argument(
        "--recipe", metavar="F", help="write the set found as a recipe for ai-edge-quantizer"
    )
    add_html(parser)
    parser.add_argument("--all", action="store_true", help="show every layer and range")
    add_flavour(parser)


def run(options: argparse.Namespace) -> int:
    """Study, report, and judge."""
    needs_data(
        options,
        labels=options.sample_labels is not None,
        recover=options.recover is not None,
        **{"target metric": options.target == "metric"},
    )
    if options.recipe and options.recover is None:
        raise UsageError("--recipe writes the set that --recover asks for; give both")
    request = data_request(options, count=options.limit or RANDOM)
    model = open_model(options.model)
    twin = open_model(options.float_model) if options.float_model else None
    model, samples, said = open_with_data(model, request, options.limit)
    tell_refusals(model, options.flavour)
    if twin is not None:
        twin = twin_of(twin, model)
    with progress() as show:
        report, ranges = _study(options, show, model, samples, twin)
    if samples.random:
        report = replace(report, notes=(*report.notes, _RANDOM))
    say_notes(report.notes, said)
    if options.recipe and report.search is not None:
        recipe = quantizer_recipe(report.recipe, report.precision, report.scheme)
        save_text(options.recipe, json.dumps(recipe, indent=2) + "\n")
    if options.json or options.html:
        data = sensitivity_document(report, ranges, model.source, twin.source if twin else None)
        data["data"] = said.document()
    if options.html:
        from refinterp.report.page_sensitivity import sensitivity_page

        save_text(options.html, sensitivity_page(report, ranges, data, model.source))
    if options.json:
        print_document(data)
    else:
        print_sensitivity(report, ranges, everything=options.all)
    return _judge(report)


class _Shown:
    """Shows how many runs of the model are done, stage by stage."""

    def __init__(self, show: Stages) -> None:
        self._show = show
        self._runs = 0
        self._told = show("runs of the model")

    def ran(self) -> None:
        """One more."""
        self._runs += 1
        self._told(self._runs)

    def total(self, runs: int) -> None:
        """From here on it is known how many there will be, with those that are done."""
        self._told = self._show("runs of the model", runs + self._runs)

    def searching(self, size: int) -> None:
        """The search has grown a set of so many layers and looks for one more."""
        self._runs = 0
        self._told = self._show(f"sets of {size + 1} layer(s): runs of the model")


def _study(
    options: argparse.Namespace, show: Stages, model: Model, samples: Samples, twin: Model | None
) -> tuple[SensitivityReport, tuple[TensorRanges, ...]]:
    """Run the variants, and try other ranges; Ctrl-C ends it early."""
    shown = _Shown(show)
    variants = Variants(
        model,
        samples,
        twin,
        flavour=options.flavour,
        precision=options.precision,
        target=options.target,
        limit=options.limit,
        ran=shown.ran,
    )
    shown.total(runs(variants, alone=not options.no_alone))
    with interruptible() as stopping:
        report = sensitivity(
            variants,
            options.recover,
            alone=not options.no_alone,
            searching=shown.searching,
            stopping=stopping,
        )
        show("ranges")
        return report, () if samples.random else better_ranges(variants, stopping)


def _judge(report: SensitivityReport) -> int:
    if report.interrupted:
        return INTERRUPTED
    return 0 if report.search is None or report.search.reached else 1
