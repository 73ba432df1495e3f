"""Try each layer in another precision, and find the smallest set that recovers the accuracy.

Exit code 1: --recover asks for more than was reached; 130: stopped with Ctrl-C, the report being of
the layers until then.
"""

from __future__ import annotations

import argparse
import json

from refinterp.cli.common import (
    INTERRUPTED,
    add_flavour,
    add_image_range,
    add_model,
    add_window_stride,
    interruptible,
    open_model,
    print_document,
    progress,
    save_text,
    say,
)
from refinterp.debug.better_ranges import better_ranges
from refinterp.debug.recipe import quantizer_recipe
from refinterp.debug.sensitivity import Sensitivity, SensitivityReport
from refinterp.errors import UsageError
from refinterp.report.sensitivity_document import sensitivity_document
from refinterp.report.sensitivity_table import print_sensitivity
from refinterp.run.prepare import tensor_specs
from refinterp.samples.source import open_samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    parser.add_argument(
        "--data",
        metavar="PATH",
        required=True,
        help="samples: .npy, .npz (labels in it are used), .bin, image, WAV, or a folder of them",
    )
    parser.add_argument(
        "--float", dest="float_model", metavar="MODEL", help="the float twin the model came from"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="use the first N samples only")
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
    parser.add_argument("--all", action="store_true", help="show every layer and range")
    add_flavour(parser)
    add_image_range(parser)
    add_window_stride(parser)


def run(options: argparse.Namespace) -> int:
    """Study, report, and judge."""
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit {options.limit}: at least 1 is needed")
    if options.recipe and options.recover is None:
        raise UsageError("--recipe writes the set that --recover asks for; give both")
    model = open_model(options.model)
    twin = open_model(options.float_model) if options.float_model else None
    specs = tensor_specs(model, 0)
    samples = open_samples(
        options.data,
        [specs[i] for i in model.subgraphs[0].inputs],
        image_range=options.image_range,
        window_stride=options.window_stride,
    )
    study = Sensitivity(
        model,
        samples,
        twin,
        flavour=options.flavour,
        precision=options.precision,
        target=options.target,
        limit=options.limit,
    )
    with interruptible() as stopping:
        report = study.study(
            options.recover,
            alone=not options.no_alone,
            progress=progress("layers", len(study.steps)),
            searching=progress("layers in the set", len(study.steps)),
            stopping=stopping,
        )
        ranges = better_ranges(study, stopping)
    for note in report.notes:
        say(note)
    if options.recipe and report.search is not None:
        recipe = quantizer_recipe(report.recipe, report.precision)
        save_text(options.recipe, json.dumps(recipe, indent=2) + "\n")
    if options.json:
        print_document(
            sensitivity_document(report, ranges, model.source, twin.source if twin else None)
        )
    else:
        print_sensitivity(report, ranges, everything=options.all)
    return _judge(report)


def _judge(report: SensitivityReport) -> int:
    if report.interrupted:
        return INTERRUPTED
    return 0 if report.search is None or report.search.reached else 1
