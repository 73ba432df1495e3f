"""Whole models against LiteRT's reference kernels (every tensor) and the TFLM wheel.

    python -m conformance.models.whole_models [PATH…]   files, folders; default: the bundled models

Each model runs several samples of random data, state carried from one to the next, one at a time
and, where the model allows it, all at once along the sample axis. `--results F` writes what was
found as JSON, with seed, versions and the models' hashes.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from conformance.operators.case import Case, Sample
from conformance.operators.compare import compare, run_ours
from conformance.operators.known_differences import row_of
from conformance.operators.known_proof import Runtimes
from conformance.operators.run import FLAVOURS
from refinterp.errors import RefinterpError
from refinterp.graph.model import STORAGE, Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.runtimes.outcome import Died, Ran, Refused

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = (ROOT / "refinterp" / "data", ROOT / "conformance" / "models")
FLOAT_TOLERANCE = 1e-4
"""Of a tensor's largest magnitude: float sums differ by their order, and the error travels on."""


@dataclass(slots=True)
class Result:
    """One model against one oracle.

    model: the file's name.
    sha256: of the file.
    oracle: the runtime.
    status: "ran", "known" (a known difference, held against that row's second oracle), "refused",
        "died" or "unsupported".
    samples: how many ran.
    tensors: how many were compared.
    elements: of these tensors, compared.
    differing: of these, ours against the oracle's.
    largest: the largest difference.
    detail: what there is to say of it, in words.
    """

    model: str
    sha256: str
    oracle: str
    status: str
    samples: int = 0
    tensors: int = 0
    elements: int = 0
    differing: int = 0
    largest: float = 0.0
    detail: str = ""


def draw_samples(model: Model, count: int, seed: int) -> list[Sample]:
    """Random data for the model's inputs: codes over the whole range, normal floats.

    int32 and int64 inputs are indices, counts or axes more often than not: they get 0 or 1.
    """
    rng = np.random.default_rng(seed)
    graph = model.subgraphs[0]

    def draw(index: int) -> Any:
        tensor = graph.tensors[index]
        dtype = STORAGE[str(tensor.dtype)]
        shape = tuple(max(size, 1) for size in tensor.shape)
        if dtype.kind == "f":
            return rng.standard_normal(shape).astype(dtype)
        if dtype.kind == "b":
            return rng.random(shape) < 0.5
        if dtype.itemsize >= 4:
            return rng.integers(0, 2, shape).astype(dtype)
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)

    return [[draw(i) for i in graph.inputs] for _ in range(count)]


def check(
    path: Path, oracle: str, runtime: Any, count: int, seed: int, seconds: Runtimes | None = None
) -> Result:
    """Hold one model against one oracle.

    seconds: where to find the second oracles of models that are known differences.
    """
    model = read_model(path)
    data = path.read_bytes() if path.suffix == ".tflite" else write_model(model)
    result = Result(path.name, hashlib.sha256(data).hexdigest()[:16], oracle, "ran", count)
    flavour = FLAVOURS[oracle]
    try:
        samples = draw_samples(model, count, seed)
    except KeyError as error:
        return dataclasses.replace(result, status="unsupported", detail=f"input of type {error}")
    preserve = oracle.startswith("runtime:litert")
    case = Case(model, samples, float_tolerance=FLOAT_TOLERANCE)
    row = row_of(model, oracle) if seconds is not None else None
    if row is None or seconds is None:
        outcome = runtime.run(data, samples, label=path.name, preserve=preserve)
    elif row.definition is not None:
        outcome = row.defined(case)
    else:
        request = row.request(case)
        outcome = seconds[row.second].run(request.model, request.samples, label=path.name)
    if row is not None and isinstance(outcome, Ran):
        outcome, preserve, flavour = row.expected(case, outcome), False, row.flavour
        result.status, result.detail = "known", f"held against {row.against}"
    if isinstance(outcome, (Refused, Died)):
        status = "refused" if isinstance(outcome, Refused) else "died"
        return dataclasses.replace(result, status=status, detail=str(outcome)[:200])
    try:
        ours = run_ours(model, samples, flavour=flavour, batched=False)
        batch = run_ours(model, samples, flavour=flavour, batched=True)
    except RefinterpError as error:
        return dataclasses.replace(result, status="unsupported", detail=str(error)[:300])
    for one, other in zip(ours, batch, strict=True):
        for tensor, array in one.items():
            if array.dtype.kind not in "fc" and not np.array_equal(array, other[tensor]):
                result.differing += 1
                result.detail = f"tensor {tensor}: the batch differs from single runs"
    comparison = compare(case, ours, outcome, outputs_only=not preserve)
    result.tensors = sum(len(one) for one in ours)
    result.elements = comparison.elements + comparison.float_elements
    result.differing += comparison.differing
    for difference in comparison.differences:
        result.largest = max(result.largest, difference.largest)
        result.detail = str(difference) if row else result.detail or str(difference)
    return result


def find(paths: Sequence[str]) -> list[Path]:
    """All model files under the paths."""
    found: list[Path] = []
    for place in [Path(p) for p in paths] or BUNDLED:
        found += sorted(place.rglob("*.tflite")) if place.is_dir() else [place]
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Check the models and print a line each; exit 1 if an element differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--samples", type=int, default=7)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--oracle", action="append", choices=list(FLAVOURS))
    parser.add_argument("--results", metavar="F", help="write a JSON file")
    parser.add_argument("--quiet", action="store_true", help="print only what is not equal")
    options = parser.parse_args(argv)
    results = []
    for oracle in options.oracle or ("runtime:litert-reference", "runtime:tflm"):
        with Runtimes() as runtimes:
            for path in find(options.paths):
                result = check(
                    path, oracle, runtimes[oracle], options.samples, options.seed, runtimes
                )
                results.append(result)
                if result.differing or result.status != "ran" or not options.quiet:
                    print(
                        f"{result.model:36} {oracle.split(':')[1]:18} {result.status:12} "
                        f"elements {result.elements:10} differing {result.differing:7} "
                        f"{result.detail[:160]}",
                        flush=True,
                    )
    ran = [r for r in results if r.status in ("ran", "known")]
    print(
        f"{len(ran)} ran, {sum(r.elements for r in ran):,} elements, "
        f"{sum(r.differing for r in ran)} differing; "
        + ", ".join(
            f"{sum(r.status == status for r in results)} {status}"
            for status in ("known", "unsupported", "refused", "died")
        )
    )
    if options.results:
        head = {
            "seed": options.seed,
            "versions": {
                "python": platform.python_version(),
                **{n: version(n) for n in ("numpy", "ai-edge-litert", "tflite-micro")},
            },
        }
        document = {**head, "results": [dataclasses.asdict(r) for r in results]}
        Path(options.results).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return int(any(r.differing for r in ran) or not ran)


if __name__ == "__main__":
    sys.exit(main())
