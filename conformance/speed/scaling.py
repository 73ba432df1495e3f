"""How time grows with work: multiplications, samples, tables of a file, buffers of a plan; and what
BLAS threads do to it.

python -m conformance.speed.scaling      measure; write results/scaling.json and the page
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from conformance.sources import hash_of_folders
from conformance.speed.curves import WorkCurve
from conformance.speed.page import write_page
from refinterp.arena.greedy import greedy
from refinterp.arena.problem import Buffer, Problem
from refinterp.bench.machine import machine
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.numerics.threads import blas_threads, one_blas_thread
from refinterp.run.batches import run_samples
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.source import random_samples

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "scaling.json"
DIGITS = ROOT / "refinterp" / "data" / "digits_int8.tflite"
SEED = 42
Row = dict[str, Any]
_LEAST = 0.2  # seconds that a point is measured for


def seconds_of(action: Callable[[], Any], least: float = _LEAST) -> float:
    """Return the median time of an action, run at least three times and for `least` seconds."""
    taken: list[float] = []
    action()
    while len(taken) < 3 or sum(taken) < least:
        start = perf_counter()
        action()
        taken.append(perf_counter() - start)
    return statistics.median(taken)


def convolution(side: int, channels: int = 32) -> Model:
    """One 3 x 3 int8 convolution on an image of side x side: side**2 * channels**2 * 9 MACs."""
    rng = np.random.default_rng(SEED)
    g = GraphBuilder()
    x = g.input("x", (1, side, side, channels), "int8", scale=0.1)
    codes = rng.integers(-127, 128, (channels, 3, 3, channels))
    scales = rng.uniform(0.001, 0.002, channels)
    w = g.constant("w", codes, "int8", scale=scales)
    b = g.constant("b", rng.integers(-999, 999, channels), "int32", scale=scales * 0.1)
    y = g.tensor("y", (1, side, side, channels), "int8", scale=0.5)
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    return g.build(outputs=[y])


def chain(operators: int) -> Model:
    """A row of operators: a table for each, and for each tensor and its quantization."""
    g = GraphBuilder()
    last = g.input("x", (1, 8), "int8", scale=0.1)
    for index in range(operators):
        y = g.tensor(f"y{index}", (1, 8), "int8", scale=0.1)
        g.operator("RELU", [last], [y])
        last = y
    return g.build(outputs=[last])


def heavy(weights: int) -> Model:
    """A model of two operators and so many bytes of weights."""
    g = GraphBuilder()
    x = g.input("x", (1, 1000), "int8", scale=0.1)
    w = g.constant("w", np.ones((weights // 1000, 1000), np.int8), "int8", scale=0.01)
    y = g.tensor("y", (1, weights // 1000), "int8", scale=0.5)
    g.operator("FULLY_CONNECTED", [x, w], [y])
    z = g.tensor("z", (1, weights // 1000), "int8", scale=0.5)
    g.operator("RELU", [y], [z])
    return g.build(outputs=[z])


def problem(buffers: int) -> Problem:
    """A network's buffers: each lives for a few operators, every tenth for a hundred."""
    rng = np.random.default_rng(SEED)
    sizes = rng.integers(1, 65536, buffers)
    lives = np.where(np.arange(buffers) % 10 == 0, 100, rng.integers(1, 6, buffers))
    return Problem(
        tuple(
            Buffer(int(size), first, int(first + life))
            for first, (size, life) in enumerate(zip(sizes, lives, strict=True))
        )
    )


def macs_curve(sides: Iterable[int]) -> WorkCurve:
    """Time of one invocation against multiply-accumulates."""
    points = []
    for side in sides:
        executor = Executor(prepare(convolution(side)))
        points.append((side * side * 32 * 32 * 9, seconds_of(executor.invoke)))
    return WorkCurve(
        "macs",
        "One convolution, by its multiply-accumulates",
        "MACs",
        tuple(points),
        "A 3 x 3 int8 convolution of 32 channels on larger and larger images.",
    )


def samples_curve(counts: Iterable[int]) -> WorkCurve:
    """Time of a run against samples."""
    program = prepare(read_model(DIGITS))
    specs = [program.specs[i] for i in program.graph.inputs]
    points = []
    for count in counts:
        samples = random_samples(specs, count, SEED)
        loaded = [samples.get(i) for i in range(count)]
        ready = type(samples)(count, loaded.__getitem__, "memory")
        points.append((count, seconds_of(lambda ready=ready: run_samples(program, ready))))
    return WorkCurve("samples", "A run, by its samples", "samples", tuple(points), "`digits_int8`.")


def tables_curve(counts: Iterable[int], folder: Path) -> WorkCurve:
    """Time to open a file against its operators."""
    points = []
    for count in counts:
        path = folder / f"chain{count}.tflite"
        save_model(chain(count), path)
        points.append((count, seconds_of(lambda path=path: read_model(path))))
    return WorkCurve(
        "tables",
        "Opening a model, by its operators",
        "operators",
        tuple(points),
        "Each operator brings a tensor, its quantization and its buffer.",
    )


def weights_curve(sizes: Iterable[int], folder: Path) -> WorkCurve:
    """Time to open a file against the bytes of its weights."""
    points = []
    for size in sizes:
        path = folder / "heavy.tflite"
        save_model(heavy(size), path)
        points.append((size, seconds_of(lambda path=path: read_model(path))))
        path.unlink()
    return WorkCurve(
        "weights",
        "Opening a model, by the bytes of its weights",
        "bytes of weights",
        tuple(points),
        "The file is mapped; nobody touches the weights.",
    )


def plan_curve(counts: Iterable[int]) -> WorkCurve:
    """Time of the greedy planner against buffers."""
    points = []
    for count in counts:
        wanted = problem(count)
        points.append((count, seconds_of(lambda wanted=wanted: greedy(wanted))))
    return WorkCurve(
        "plan",
        "Planning, by buffers",
        "buffers",
        tuple(points),
        "The greedy planner; every tenth buffer lives for a hundred operators.",
    )


def threads_rows(sizes: Sequence[tuple[int, int]] = ((16, 32), (64, 64), (64, 256))) -> list[Row]:
    """Time of convolutions of (side, channels) with BLAS held to 1 thread, 2, … all processors."""
    rows: list[Row] = []
    for side, channels in sizes:
        executor = Executor(prepare(convolution(side, channels)))
        for count in range(1, (os.cpu_count() or 1) + 1):
            with blas_threads(count):
                taken = seconds_of(executor.invoke)
            rows.append(
                {
                    "side": side,
                    "channels": channels,
                    "macs": side * side * channels * channels * 9,
                    "threads": count,
                    "seconds": float(f"{taken:.4g}"),
                }
            )
    return rows


@one_blas_thread()
def curves(folder: Path, *, quick: bool = False) -> list[WorkCurve]:
    """Measure every curve; quick: few and small points, to see that it works."""

    def some(values: Sequence[int]) -> Sequence[int]:
        return values[:3] if quick else values

    return [
        macs_curve(some((4, 8, 16, 32, 64, 128, 256))),
        samples_curve(some((1, 4, 16, 64, 256, 1024, 4096))),
        tables_curve(some((10, 30, 100, 300, 1000, 3000, 10000)), folder),
        weights_curve(some((100_000, 1_000_000, 10_000_000, 50_000_000, 200_000_000)), folder),
        plan_curve(some((10, 30, 100, 300, 1000, 3000, 10000))),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write, and print each curve's exponent."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    parser.add_argument("--quick", action="store_true", help="small points only")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = curves(Path(folder), quick=options.quick)
    for curve in found:
        print(f"{curve.title}: exponent {curve.exponent:.2f}")
        for x, y in curve.points:
            print(f"  {x:>12,} {curve.x:18} {y:.6f} s  {y / x * 1e9:10.3f} ns each")
    if not options.dry_run:
        RESULTS.parent.mkdir(exist_ok=True)
        document = {
            "schema_version": "1.0.0",
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "sources": hash_of_folders("kernels", "numerics", "run"),
            "curves": [
                {
                    "name": curve.name,
                    "title": curve.title,
                    "x": curve.x,
                    "says": curve.says,
                    "exponent": round(curve.exponent, 3),
                    "points": [[x, float(f"{y:.4g}")] for x, y in curve.points],
                }
                for curve in found
            ],
            "threads": threads_rows(),
        }
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
