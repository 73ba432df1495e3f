"""Run a model on data and show or save what comes out.

Float data given to a quantized input is quantized with the input's scale and zero point.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.cli.common import (
    add_flavour,
    add_image_range,
    add_model,
    add_window_stride,
    open_data,
    open_model,
    print_document,
    progress,
    say,
)
from refinterp.errors import UsageError
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_table, print_text, shorten
from refinterp.run.executor import Executor
from refinterp.run.prepare import Program, Step, prepare
from refinterp.samples.convert import dequantize, fit_input
from refinterp.samples.labels import read_labels

_SHOWN = 8  # samples, and values of an output, that a terminal shows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    parser.add_argument(
        "--input",
        metavar="PATH",
        help=".npy, .npz, .bin, image, WAV, or a folder of them; without it a seeded random input",
    )
    parser.add_argument("--output", metavar="F.npz", help="save the outputs of all samples")
    parser.add_argument("--save-all", metavar="F.npz", help="save every tensor of all samples")
    parser.add_argument("--labels", metavar="F", help="a text file, one label a line")
    parser.add_argument(
        "--top", type=int, default=5, metavar="K", help="labels to show (default 5)"
    )
    parser.add_argument("--plain", action="store_true", help="use the plain kernels only")
    add_flavour(parser)
    add_image_range(parser)
    add_window_stride(parser)


def run(options: argparse.Namespace) -> int:
    """Run all samples, one after the other."""
    model = open_model(options.model)
    program = prepare(model, flavour=options.flavour, plain=options.plain)
    graph = program.graph
    specs = [program.specs[i] for i in graph.inputs]
    samples = open_data(
        options.input,
        specs,
        image_range=options.image_range,
        window_stride=options.window_stride,
    )
    if options.input is None:
        say(f"no --input: using {samples.origin}")
    executor = Executor(program)
    keep = _Keep(program) if options.save_all else None
    outputs: list[list[NDArray[Any]]] = []
    noted: set[str] = set()
    show = progress("samples", samples.count)
    for index, sample in enumerate(samples):
        for tensor, spec, values in zip(graph.inputs, specs, sample, strict=True):
            codes, note = fit_input(values, spec)
            executor.input(tensor)[0] = codes
            if note and note not in noted:
                noted.add(note)
                say(note)
        executor.invoke([keep] if keep else [])
        outputs.append([executor.read(i)[0].copy() for i in graph.outputs])
        show(index + 1)
    if options.output:
        _save(options.output, _named(program, graph.outputs, outputs))
    if keep:
        _save(options.save_all, keep.stacked())
    labels = read_labels(options.labels, model)
    if options.json:
        print_document(_document(program, outputs, labels, options.top))
    else:
        _print(program, outputs, labels, options.top)
    return 0


class _Keep:
    """An observer that copies every operator's outputs."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._tensors: dict[int, list[NDArray[Any]]] = {}

    def __call__(
        self, moment: str, step: Step, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        if moment == "after":
            for tensor, array in zip(step.outputs, outputs, strict=True):
                self._tensors.setdefault(tensor, []).append(array[0].copy())

    def stacked(self) -> dict[str, NDArray[Any]]:
        """Tensor name → (samples, *shape); names that repeat carry their index."""
        names = [self._program.specs[i].name for i in self._tensors]
        return {
            name if names.count(name) == 1 and name else f"{name}#{index}": np.stack(arrays)
            for (index, arrays), name in zip(self._tensors.items(), names, strict=True)
        }


def _named(
    program: Program, indices: Sequence[int], outputs: Sequence[Sequence[NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    names = [program.specs[i].name for i in indices]
    return {
        name if names.count(name) == 1 and name else f"{name}#{i}": np.stack(
            [sample[position] for sample in outputs]
        )
        for position, (i, name) in enumerate(zip(indices, names, strict=True))
    }


def _save(path: str, arrays: dict[str, NDArray[Any]]) -> None:
    try:
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    say(f"wrote {len(arrays)} arrays to {path}")


def _document(
    program: Program,
    outputs: Sequence[Sequence[NDArray[Any]]],
    labels: Sequence[str] | None,
    top: int,
) -> dict[str, Any]:
    return document(
        model=program.model.source,
        flavour=program.flavour,
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
            for sample in outputs
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


def _print(
    program: Program,
    outputs: Sequence[Sequence[NDArray[Any]]],
    labels: Sequence[str] | None,
    top: int,
) -> None:
    print_text(f"{len(outputs)} sample(s), flavour {program.flavour}")
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
            rows.append((number, shorten(program.specs[index].name), codes, text))
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
