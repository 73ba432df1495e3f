"""Run a model on data and show or save what comes out.

Float data given to a quantized input is quantized with the input's scale and zero point.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.cli.common import (
    add_flavour,
    add_lenient,
    add_model,
    open_model,
    positive,
    print_document,
    say,
    say_refusals,
)
from refinterp.cli.data import add_data, data_request, open_with_data, say_notes
from refinterp.errors import UsageError
from refinterp.report.machine import document
from refinterp.report.progress import Told, progress
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import one_line, operators, plural, shorten
from refinterp.run.batches import Results, in_sequence, run_samples
from refinterp.run.gate import require, warnings_of
from refinterp.run.pool import Work, run_in_processes
from refinterp.run.prepare import prepare
from refinterp.run.program import Program
from refinterp.samples.convert import dequantize
from refinterp.samples.labels import read_labels
from refinterp.samples.request import DataRequest
from refinterp.samples.samples import Samples
from refinterp.verdicts.verdict import Verdict

_SHOWN = 8  # samples, and values of an output, that a terminal shows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    add_data(parser, "--input", "--data", without="without it a seeded random input")
    parser.add_argument("--output", metavar="F.npz", help="save the outputs of all samples")
    parser.add_argument("--save-all", metavar="F.npz", help="save every tensor of all samples")
    parser.add_argument("--labels", metavar="F", help="a text file, one label a line")
    parser.add_argument(
        "--top", type=int, default=5, metavar="K", help="labels to show (default 5)"
    )
    parser.add_argument("--plain", action="store_true", help="use the plain kernels only")
    parser.add_argument(
        "--batch", type=positive, metavar="N",
        help="samples that run at once at most; changes memory and speed, no result (default: "
        "what fits 64 MiB; float models run one at a time)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=positive, default=1, metavar="N",
        help="divide the samples among N processes (default 1: this one)",
    )  # fmt: skip
    add_flavour(parser)
    add_lenient(parser)


def run(options: argparse.Namespace) -> int:
    """Run all samples, in order."""
    request = data_request(options)
    model = open_model(options.model)
    model, samples, said = open_with_data(model, request)
    program = prepare(model, flavour=options.flavour, plain=options.plain)
    refused = require(program, lenient=options.lenient)
    say_refusals(refused)
    for known in warnings_of(program):
        say(f"warning: {known}")
    with progress() as show:
        results = _run(options, request, program, samples, show("samples", samples.count))
    outputs = results.outputs
    say_notes(results.notes, said)
    if options.output:
        _save(options.output, _stacked(program, _by_tensor(program, outputs)))
    if options.save_all:
        _save(options.save_all, _stacked(program, results.tensors))
        say(
            f"kept {len(results.tensors)} tensors of each sample, {results.kept_bytes} bytes in all"
        )
    labels = read_labels(options.labels, model) or samples.class_names
    if options.json:
        found = _document(program, results, labels, options.top, refused)
        print_document({**found, "data": said.document()})
    else:
        _print(program, outputs, labels, options.top, refused)
    return 0


def _run(
    options: argparse.Namespace,
    request: DataRequest,
    program: Program,
    samples: Samples,
    told: Told,
) -> Results:
    """Run here or in processes."""
    keep = options.save_all is not None
    workers = min(options.workers, samples.count)
    if workers > 1 and in_sequence(program):
        say("one process runs all: the model may remember from one sample to the next")
        workers = 1
    if workers <= 1:
        return run_samples(program, samples, batch=options.batch, keep=keep, progress=told)
    if options.model == "-" or options.data is None:
        raise UsageError("--workers open the model and the data themselves: give paths of both")
    work = Work(
        options.model,
        request,
        options.flavour,
        plain=options.plain,
        batch=options.batch,
        keep=keep,
    )
    return run_in_processes(work, samples.count, workers, told)


def _stacked(
    program: Program, tensors: Mapping[int, Sequence[NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Tensor name → (samples, *shape); names that repeat carry their index.

    A tensor whose shape differs from sample to sample becomes one entry for each, NAME@SAMPLE.
    """
    names = [program.specs[i].name for i in tensors]
    stacked = {}
    for (index, arrays), name in zip(tensors.items(), names, strict=True):
        key = name if names.count(name) == 1 and name else f"{name}#{index}"
        if len({array.shape for array in arrays}) == 1:
            stacked[key] = np.stack(arrays)
        else:
            stacked |= {f"{key}@{number}": array for number, array in enumerate(arrays)}
    return stacked


def _by_tensor(
    program: Program, outputs: Sequence[Sequence[NDArray[Any]]]
) -> dict[int, list[NDArray[Any]]]:
    return {
        tensor: [sample[position] for sample in outputs]
        for position, tensor in enumerate(program.graph.outputs)
    }


def _save(path: str, arrays: dict[str, NDArray[Any]]) -> None:
    try:
        with Path(path).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    say(f"wrote {len(arrays)} arrays to {path}")


def _document(
    program: Program,
    results: Results,
    labels: Sequence[str] | None,
    top: int,
    refused: Sequence[Verdict],
) -> dict[str, Any]:
    return document(
        model=program.model.source,
        flavour=program.flavour,
        summary={"verdict": _said(program, results.outputs, labels) + _would_refuse(refused)},
        preserved_bytes=results.kept_bytes,
        samples=[
            {
                "outputs": [
                    {
                        "tensor": index,
                        "name": program.specs[index].name,
                        "dtype": program.specs[index].dtype,
                        "shape": list(program.specs[index].shape),
                        "values": array,
                        "top": _top(program, index, array, labels, top),
                    }
                    for index, array in zip(program.graph.outputs, sample, strict=True)
                ]
            }
            for sample in results.outputs
        ],
    )


def _top(
    program: Program, index: int, array: NDArray[Any], labels: Sequence[str] | None, top: int
) -> list[dict[str, Any]] | None:
    """The largest values of an output that holds one score per label."""
    flat = array.reshape(-1)
    if labels is None or flat.size != len(labels):
        return None
    reals = dequantize(array, program.specs[index]).reshape(-1)
    order = np.argsort(-reals, kind="stable")[: max(top, 0)]
    return [
        {"index": int(i), "label": labels[i], "code": flat[i], "value": float(reals[i])}
        for i in order
    ]


def _said(
    program: Program, outputs: Sequence[Sequence[NDArray[Any]]], labels: Sequence[str] | None
) -> str:
    """What was run, and where the first output of the first sample is largest."""
    text = f"{plural(len(outputs), 'sample')} run with {program.flavour}"
    if not outputs or not outputs[0] or not outputs[0][0].size:
        return text
    index, array = program.graph.outputs[0], outputs[0][0]
    name = shorten(one_line(program.specs[index].name))
    flat = array.reshape(-1)
    if flat.dtype.kind not in "iuf":
        return f"{text}: output {name!r} is {flat.dtype}"
    reals = dequantize(array, program.specs[index]).reshape(-1)
    at = int(np.argmax(reals))
    code = f" (code {flat[at]})" if flat.dtype.kind in "iu" else ""
    best = _top(program, index, array, labels, 1)
    where = repr(best[0]["label"]) if best else f"element {at}"
    first = " in the first" if len(outputs) > 1 else ""
    return f"{text}: {name!r} is largest at {where}{first}: {reals[at]:.4g}{code}"


def _would_refuse(refused: Sequence[Verdict]) -> str:
    """Which operators the runtime would not run: what came out is not what it gives."""
    if not refused:
        return ""
    places = [(one.subgraph, one.operator) for one in refused]
    return f"; {refused[0].runtime} would refuse {operators(places)}"


def _print(
    program: Program,
    outputs: Sequence[Sequence[NDArray[Any]]],
    labels: Sequence[str] | None,
    top: int,
    refused: Sequence[Verdict],
) -> None:
    print_answer([("verdict", _said(program, outputs, labels) + _would_refuse(refused))])
    rows = []
    for number, sample in enumerate(outputs[:_SHOWN]):
        for index, array in zip(program.graph.outputs, sample, strict=True):
            best = _top(program, index, array, labels, top)
            flat = array.reshape(-1)
            reals = dequantize(array, program.specs[index]).reshape(-1)
            if best is not None:
                text = "  ".join(f"{b['label']} {b['value']:.4g}" for b in best)
            else:
                text = " ".join(f"{value:.4g}" for value in reals[:_SHOWN])
                text += " …" if flat.size > _SHOWN else ""
            shown = " ".join(str(value) for value in flat[:_SHOWN])
            shown += " …" if flat.size > _SHOWN else ""
            codes = shown if flat.dtype.kind in "iub" else ""
            rows.append((number, shorten(one_line(program.specs[index].name)), codes, text))
    print_table(
        [
            Column("sample", "right"),
            Column("output"),
            Column("codes", fold=True),
            Column("values" if labels is None else "best", fold=True),
        ],
        rows,
    )
    if len(outputs) > _SHOWN:
        print_text(f"… and {len(outputs) - _SHOWN} more samples; --output saves them all")
