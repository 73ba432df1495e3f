"""Time models against installed runtimes, in turns within one process; profile operators.

Names for --against: runtime:litert-reference, runtime:litert-optimized, runtime:litert (XNNPACK),
runtime:tflm; without `runtime:`, flavours of our own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from refinterp.bench.job import Failed, Job
from refinterp.bench.machine import machine
from refinterp.bench.memory import MemoryUse, measure_memory
from refinterp.bench.process import measure
from refinterp.cli.common import (
    add_flavour,
    add_lenient,
    model_source,
    positive,
    print_document,
    say,
    say_refusals,
    say_refused,
)
from refinterp.cli.data import add_data, data_request, open_with_data
from refinterp.errors import RefinterpError, UnsupportedError, UsageError
from refinterp.graph.model import Model
from refinterp.kernels.flavours import FLAVOURS
from refinterp.modelfile.opening import opened
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.report.bench_document import benched_fields
from refinterp.report.bench_table import Benched, bench_answer, print_bench
from refinterp.report.machine import document
from refinterp.report.progress import progress
from refinterp.report.words import of_file
from refinterp.run.gate import require
from refinterp.run.prepare import prepare
from refinterp.runtimes.names import RUNTIMES, unavailable
from refinterp.samples.convert import fit_input
from refinterp.samples.request import DataRequest

_OTHER_SECONDS = 1.0  # that starting the measuring process takes, about


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "models", metavar="MODEL", nargs="+", help=".tflite files, C arrays, or - for stdin"
    )
    parser.add_argument(
        "--against", metavar="NAME,…", default="", help="whom to compare with (see above)"
    )
    parser.add_argument(
        "--batch", type=positive, default=1, metavar="N",
        help="samples a measurement covers; ours run side by side, as many as fit (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=positive, default=1, metavar="N",
        help="threads of BLAS, and of LiteRT (default 1)",
    )  # fmt: skip
    parser.add_argument("--per-op", action="store_true", help="time each operator of ours")
    parser.add_argument(
        "--memory", action="store_true", help="measure the peak memory of a run of ours"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=1.0, metavar="T",
        help="time spent on each, in turns of at least 10 ms (default 1)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=positive, default=1000, metavar="N", help="turns at most (default 1000)"
    )
    parser.add_argument(
        "--clock", choices=("wall", "processor"), default="wall",
        help="processor: count only the time this process was given one, on a machine that is "
        "busy with others (default wall)",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="ours without its fast paths")
    add_data(parser, without="without it random data")
    add_flavour(parser)
    add_lenient(parser)


def run(options: argparse.Namespace) -> int:
    """Measure each model by itself."""
    subjects = (options.flavour, *_others(options.against, options.flavour))
    request = data_request(options)
    results: list[Benched] = []
    with progress() as show:
        for number, path in enumerate(options.models, 1):
            which = f"{number} of {len(options.models)}: " if len(options.models) > 1 else ""
            show(f"{which}{Path(path).name}", seconds=_planned(options, len(subjects)))
            try:
                results.append(_bench(path, options, request, subjects))
            except RefinterpError as error:
                if len(options.models) == 1:
                    raise
                results.append(Benched(path, None, None, error))
    refused = [(one.model, of_file(str(one.error), one.model)) for one in results if one.error]
    say_refused(refused, len(results), shown=not options.json)
    for one in results:
        for subject in one.timings.subjects if one.timings else ():
            if isinstance(subject, Failed):
                say(f"{one.model}: {subject.name} {subject.status}")
    if options.json:
        print_document(
            document(
                machine=machine(),
                flavour=options.flavour,
                plain=options.plain,
                batch=options.batch,
                threads=options.threads,
                clock=options.clock,
                summary=dict(bench_answer(results)),
                results=[benched_fields(one) for one in results],
            )
        )
    else:
        print_bench(results)
    return 2 if refused else 0


def _planned(options: argparse.Namespace, subjects: int) -> float:
    """Seconds that a model will take: each subject, and the profile of ours."""
    rounds = subjects + bool(options.per_op)
    return float(options.seconds * rounds + _OTHER_SECONDS * (1 + bool(options.memory)))


def _bench(
    path: str, options: argparse.Namespace, request: DataRequest, subjects: tuple[str, ...]
) -> Benched:
    """Measure one model; raises UnsupportedError where ours does not run it."""
    model = _content(path)
    parsed, samples = _with_data(read_model(model), request, options.batch)
    if parsed is not None:
        model = write_model(parsed)
    program = prepare(read_model(model), flavour=options.flavour)
    say_refusals(require(program, lenient=options.lenient), path)
    job = Job(
        model,
        subjects,
        batch=options.batch,
        threads=options.threads,
        seconds=options.seconds,
        repeats=options.repeats,
        per_operator=options.per_op,
        plain=options.plain,
        clock=options.clock,
        samples=samples,
    )
    timings = measure(job)
    ours = timings.subjects[0]
    if isinstance(ours, Failed):
        raise UnsupportedError(f"{path}: {ours.status}: {ours.reason}")
    memory: MemoryUse | None = None
    if options.memory:
        memory = measure_memory(model, options.batch, options.flavour)
    return Benched(path, timings, memory)


def _with_data(
    model: Model, request: DataRequest, batch: int
) -> tuple[Model | None, tuple[tuple[NDArray[Any], ...], ...]]:
    """The model at its data's sizes, if they are others, and as many samples as run at once."""
    if request.path is None and not request.shapes:
        return None, ()
    sized, samples, _ = open_with_data(model, request, batch)
    changed = None if sized is model else sized
    if samples.random:
        return changed, ()
    specs = [one.spec for one in samples.inputs]
    return changed, tuple(
        tuple(fit_input(v, spec)[0] for v, spec in zip(samples.get(i), specs, strict=True))
        for i in range(min(batch, samples.count))
    )


def _others(text: str, flavour: str) -> tuple[str, ...]:
    """The names after --against, each once; UsageError for unknown, UnsupportedError for absent."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in FLAVOURS and name not in RUNTIMES:
            raise UsageError(f"--against {name}: names are {', '.join((*RUNTIMES, *FLAVOURS))}")
        if name == flavour:
            raise UsageError(f"--against {name}: that is the flavour being timed")
        if name in RUNTIMES and (reason := unavailable(name)):
            raise UnsupportedError(reason)
    return names


def _content(path: str) -> bytes:
    """The model's bytes, which the measuring process and the runtimes are given."""
    source = model_source(path)
    read_model(source)  # a file that is no model is told of here, and not by another process
    return opened(source).data.tobytes()


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: more than 0 and at most 3600 are needed")
    return value
