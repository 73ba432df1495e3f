"""Show which layers of a quantized model lose the most, on data.

Each layer is compared with its operator in the float model, or without --float with the same
operator on dequantized weights. Exit code 1: an output's accumulated SQNR is below --fail-under;
130: stopped with Ctrl-C, the report being of the samples until then.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from refinterp.cli.common import (
    INTERRUPTED,
    add_flavour,
    add_float_model,
    add_html,
    add_model,
    interruptible,
    open_model,
    positive,
    print_document,
    save_text,
    say,
    tell_refusals,
)
from refinterp.cli.data import (
    RANDOM,
    SaidOfData,
    add_data,
    add_limit,
    data_request,
    needs_data,
    open_with_data,
    say_notes,
)
from refinterp.debug.compare import Comparison
from refinterp.debug.faults.refused import refused_report
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.reference.weights import all_weights
from refinterp.debug.result import DebugReport
from refinterp.debug.spread.shards import ShardJob, merged, shards
from refinterp.errors import ModelError, RefinterpError, UsageError
from refinterp.graph.model import Model
from refinterp.report.debug_answer import part_name
from refinterp.report.debug_document import debug_document, write_csv
from refinterp.report.debug_table import print_debug
from refinterp.report.machine import dumps
from refinterp.report.model_explorer import METRICS, node_data
from refinterp.report.progress import Stages, Told, progress
from refinterp.report.words import one_line, shorten
from refinterp.run.opening import twin_of
from refinterp.samples.request import DataRequest
from refinterp.samples.samples import Samples

if TYPE_CHECKING:  # what only some options need is imported with them
    from refinterp.arena.tensor_plan import TensorPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    add_data(parser, without=f"without it {RANDOM} random samples, which show less", labels=True)
    add_float_model(parser)
    add_limit(parser)
    parser.add_argument(
        "--batch", type=positive, metavar="N",
        help="samples that run at once; changes memory and speed, no figure (default: what fits)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=positive, default=1, metavar="N",
        help="measure in N processes; changes speed, no figure (default 1: in this one)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="measure on the Dask cluster of this scheduler, tcp://HOST:PORT, whose workers see "
        "the same paths",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="show every layer")
    parser.add_argument(
        "--csv", metavar="F", help="write a row per layer, with QuantizationDebugger's columns"
    )
    add_html(parser)
    parser.add_argument(
        "--model-explorer",
        metavar="F",
        help="write node data for Model Explorer: RMSE/scale to F, other metrics beside it",
    )
    parser.add_argument(
        "--fail-under", type=float, metavar="SQNR_DB",
        help="exit with 1 if the worst output's SQNR against the float run is below this",
    )  # fmt: skip
    add_flavour(parser)


def run(options: argparse.Namespace) -> int:
    """Compare, report, and judge."""
    needs_data(
        options,
        labels=options.sample_labels is not None,
        fail_under=options.fail_under is not None,
    )
    with progress() as show:
        model, report, said = _compare(options, show)
    if report.interrupted:
        say(f"interrupted: {report.samples} of {report.asked} sample(s) were measured")
    _tell(options, report, model, said)
    if report.refused:
        return 2  # as for any model that is unusable
    return INTERRUPTED if report.interrupted else _judge(report, options.fail_under)


def _compare(options: argparse.Namespace, show: Stages) -> tuple[Model, DebugReport, SaidOfData]:
    """Open everything and measure; also returns what was said of the data."""
    request = data_request(options, count=options.limit or RANDOM)
    model = open_model(options.model)
    tell_refusals(model, options.flavour)
    twin = open_model(options.float_model) if options.float_model else None
    model, samples, said = open_with_data(model, request, options.limit)
    if twin is not None:
        twin = twin_of(twin, model)
    try:
        comparison = Comparison(model, twin, flavour=options.flavour)
    except ModelError as error:
        return model, refused_report(model, error, options.flavour), said
    total = min(samples.count, options.limit or samples.count)
    measured = _measure(options, request, comparison, samples, total, show("samples", total))
    report = comparison.report(measured, random=samples.random)
    return model, replace(report, asked=total, wanted_db=options.fail_under), said


def _tell(options: argparse.Namespace, report: DebugReport, model: Model, said: SaidOfData) -> None:
    """Print the report, and write it in all the forms that were asked for."""
    float_model = None if options.float_model == "-" else options.float_model
    say_notes(report.notes, said)
    if options.csv:
        _save_csv(report, options.csv)
    document = debug_document(report, model.source, float_model) | {"data": said.document()}
    if options.html:
        from refinterp.report.page_debug import debug_page

        page = debug_page(
            report,
            model=model.source,
            float_model=float_model,
            plan=None if report.refused else _plan(model),
            weights=all_weights(model, (layer.operator for layer in report.layers)),
            document=document,
        )
        save_text(options.html, page)
    if options.model_explorer:
        _save_node_data(report, options.model_explorer, model.subgraphs[0].name)
    if options.json:
        print_document(document)
    else:
        print_debug(report, everything=options.all)


def _measure(
    options: argparse.Namespace,
    request: DataRequest,
    comparison: Comparison,
    samples: Samples,
    total: int,
    told: Told,
) -> Measurements:
    """Measure here, in processes, or on a cluster; Ctrl-C ends it early."""
    with interruptible() as stopping:
        if options.workers == 1 and options.scheduler is None:
            return comparison.measure(
                samples, stop=total, batch=options.batch, progress=told, stopping=stopping
            )
        work = shards(comparison, total)
        if len(work) == 1:
            say(
                f"one worker measures all: {total} sample(s) are no more than it takes at once, "
                "or the model remembers from one to the next"
            )
        if options.scheduler is None:
            from refinterp.debug.spread.pool import measure_in_processes

            parts = measure_in_processes(
                _job(options, request), work, options.workers, progress=told, stopping=stopping
            )
        else:
            from refinterp.debug.spread.cluster import measure_on_cluster

            parts = measure_on_cluster(
                options.scheduler, _job(options, request), work, progress=told, stopping=stopping
            )
    return merged((comparison, samples), parts)


def _job(options: argparse.Namespace, request: DataRequest) -> ShardJob:
    """The same work for others, who may be in another folder."""
    if "-" in (options.model, options.float_model):
        raise UsageError("workers open the model themselves: give its path, not -")
    return ShardJob(
        model=os.path.abspath(options.model),
        data=request.absolute(),
        float_model=options.float_model and os.path.abspath(options.float_model),
        flavour=options.flavour,
        batch=options.batch,
    )


def _save_csv(report: DebugReport, path: str) -> None:
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:
            write_csv(report, file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def _plan(model: Model) -> TensorPlan | None:
    """The arena's plan; a model that runs but cannot be planned goes without its picture."""
    from refinterp.arena.tensor_plan import plan_model

    try:
        return plan_model(model)
    except RefinterpError as error:
        say(f"the page has no arena map: {error}")
        return None


def _save_node_data(report: DebugReport, path: str, graph: str | None) -> None:
    """Write a file per metric: the first to the path, the others beside it by their names."""
    first, *others = METRICS
    target = Path(path)
    save_text(path, dumps(node_data(report, first, graph)))
    for metric in others:
        beside = target.with_name(f"{target.stem}_{metric}{target.suffix}")
        save_text(str(beside), dumps(node_data(report, metric, graph)))


def _judge(report: DebugReport, limit: float | None) -> int:
    if limit is None:
        return 0
    worst = report.worst_output_sqnr_db
    if worst >= limit:
        return 0
    output = report.worst_output
    where, besides = "the worst output's", ""
    if output is not None and output.worst_part is not None:
        where = f"output {shorten(one_line(output.name), 40)!r}: {part_name(output.worst_part)}'s"
        besides = (
            f"; the parts of an output are judged by themselves, the whole has "
            f"{output.accumulated.sqnr_db:.2f} dB"
        )
    say(f"{where} SQNR is {worst:.2f} dB, below the {limit:g} dB asked for{besides}")
    return 1
