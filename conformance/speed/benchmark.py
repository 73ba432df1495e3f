"""How fast models run beside installed runtimes, at one sample and at 256.

    python -m conformance.speed.benchmark [PATH…] measure; write results/benchmark.json and the page
    python -m conformance.speed.benchmark --opening    measure only the time from a path to the
                                                 first result; the other figures stay
    python -m conformance.speed.benchmark --check      measure the bundled models again, for a few
                                                 seconds, and fail where a ratio to LiteRT is more
                                                 than twice the committed one

PATH: files or folders; default: the bundled models and, where there is one, the corpus
(REFINTERP_CORPUS, or `../shared` beside the checkout). One BLAS thread throughout.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.models.whole_models import BUNDLED, find
from conformance.sources import hash_of_folders
from conformance.speed.opening import measure_opening
from conformance.speed.page import write_page
from refinterp.bench.job import Failed, Job, Timed, Timings
from refinterp.bench.machine import machine
from refinterp.bench.process import measure
from refinterp.errors import RefinterpError
from refinterp.runtimes.names import RUNTIMES, unavailable

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "benchmark.json"
BATCHES = (1, 256)
LARGEST = 100e6
"""Multiplications of a model that is timed at batch 256: LiteRT's reference kernels take half a
minute for that many samples of a larger one."""
OURS = "litert-reference"
SLOWER = 2.0
"""How many times the committed ratio a check puts up with: machines differ, and disturb."""
CHECKED = ("runtime:litert-reference", "runtime:litert-optimized")

Row = dict[str, Any]


def default_paths() -> list[Path]:
    """The bundled models, and the corpus's real ones if it is there."""
    named = os.environ.get("REFINTERP_CORPUS")
    corpus = (Path(named) if named else ROOT.parent / "shared") / "models"
    return [*BUNDLED, *([corpus] if corpus.is_dir() else [])]


def rows_of(timings: Timings, name: str) -> Iterator[Row]:
    """Yield one row per subject of a job."""
    job = timings.job
    for subject in timings.subjects:
        row: Row = {
            "model": name,
            "sha256": hashlib.sha256(job.model).hexdigest()[:16],
            "macs": timings.macs,
            "batch": job.batch,
            "subject": subject.name,
        }
        if isinstance(subject, Failed):
            yield {**row, "status": subject.status, "reason": subject.reason[:200]}
            continue
        ratio = timings.ratios.get(subject.name)
        yield {
            **row,
            "status": "ran",
            "seconds": _rounded(subject.spread.median),
            "quartiles": [_rounded(subject.spread.low), _rounded(subject.spread.high)],
            "ratio": None if ratio is None else _rounded(ratio.median),
            "ratio_quartiles": None
            if ratio is None
            else [_rounded(ratio.low), _rounded(ratio.high)],
            "turns": subject.spread.count,
        }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def run_suite(paths: Sequence[Path], seconds: float, clock: str = "wall") -> list[Row]:
    """Measure every model at every batch, printing a line for each."""
    subjects = (OURS, *(name for name in RUNTIMES if unavailable(name) is None))
    rows: list[Row] = []
    for path in find([str(path) for path in paths]):
        for batch in BATCHES:
            if batch > 1 and rows and rows[-1]["model"] == path.name and rows[-1]["macs"] > LARGEST:
                continue
            job = Job(path.read_bytes(), subjects, batch=batch, seconds=seconds, clock=clock)
            try:
                found = list(rows_of(measure(job), path.name))
            except RefinterpError as error:
                print(f"{path.name} batch {batch}: {error}", flush=True)
                continue
            rows += found
            print(_line(path.name, batch, found), flush=True)
    return rows


def _line(name: str, batch: int, rows: Sequence[Row]) -> str:
    parts = [f"{name:32} batch {batch:3}"]
    for row in rows:
        short = row["subject"].removeprefix("runtime:")
        if row["status"] != "ran":
            parts.append(f"{short} {row['status']}")
        elif row["ratio"] is None:
            parts.append(f"{row['seconds'] * 1e6:10.1f} µs")
        else:
            parts.append(f"{short} x{row['ratio']:.3g}")
    return "  ".join(parts)


def check(committed: Mapping[str, Any], seconds: float) -> list[str]:
    """Measure the bundled models again; return a line for each ratio that is too large.

    Processor time is compared, and the lower quartile is what must be too large: that a machine is
    busy is no fault.
    """
    known = {
        (row["sha256"], row["batch"], row["subject"]): row["ratio"]
        for row in committed["rows"]
        if row["status"] == "ran" and row["subject"] in CHECKED
    }
    subjects = (OURS, *(name for name in CHECKED if unavailable(name) is None))
    slower, compared = [], 0
    for path in find([]):
        model = path.read_bytes()
        digest = hashlib.sha256(model).hexdigest()[:16]
        for batch in BATCHES:
            wanted = [name for name in subjects[1:] if (digest, batch, name) in known]
            if not wanted:
                continue
            job = Job(model, (OURS, *wanted), batch=batch, seconds=seconds, clock="processor")
            timings = measure(job)
            for name, ratio in timings.ratios.items():
                compared += 1
                limit = SLOWER * known[digest, batch, name]
                text = (
                    f"{path.name} batch {batch}: {ratio.median:.3g} x {name} (quartiles "
                    f"{ratio.low:.3g}..{ratio.high:.3g}), committed {limit / SLOWER:.3g}"
                )
                print(text, flush=True)
                if ratio.low > limit:
                    slower.append(text)
            if not any(isinstance(subject, Timed) for subject in timings.subjects[1:]):
                slower.append(f"{path.name} batch {batch}: no runtime ran")
    if not compared:
        slower.append(f"nothing to compare: {RESULTS.name} has no row of a bundled model")
    return slower


def open_suite(paths: Sequence[Path], clock: str = "wall") -> Row:
    """Measure what it takes to open every model, printing a line for each."""
    rows = []
    for path in find([str(path) for path in paths]):
        row = measure_opening(path, clock=clock)
        rows.append(row)
        found = f"x{row['ratio']:.3g}" if row["status"] == "ran" else row["status"]
        print(f"{path.name:32} open to first result: {found}", flush=True)
    return {
        "date": datetime.date.today().isoformat(),
        "sources": hash_of_folders("graph", "kernels", "modelfile", "numerics", "run", "verdicts"),
        "clock": clock,
        "rows": rows,
    }


def check_opening(committed: Mapping[str, Any]) -> list[str]:
    """Open the bundled models again; return a line for each ratio that is too large."""
    known = {
        row["sha256"]: row["ratio"]
        for row in committed.get("opening", {}).get("rows", ())
        if row["status"] == "ran"
    }
    slower = []
    for path in find([]) if known else []:
        row = measure_opening(path, opens=4, clock="processor")
        if row["status"] == "ran" and row["sha256"] in known:
            text = (
                f"{path.name} open to first result: {row['ratio']:.3g} x {CHECKED[0]}, committed "
                f"{known[row['sha256']]:.3g}"
            )
            print(text, flush=True)
            if row["ratio"] > SLOWER * known[row["sha256"]]:
                slower.append(text)
    return slower


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or check; exit 1 when a check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--opening", action="store_true")
    parser.add_argument("--seconds", type=float, help="for each subject (default 1; check 0.15)")
    parser.add_argument(
        "--clock", choices=("wall", "processor"), default="wall",
        help="processor, on a machine that is busy with others (default wall)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.check:
        committed, seconds = json.loads(RESULTS.read_text("utf-8")), options.seconds or 0.15
        if slower := check(committed, seconds):  # a moment's disturbance does not last
            print("measuring again, longer", flush=True)
            slower = check(committed, 4 * seconds)
        slower += check_opening(committed) and check_opening(committed)
        for text in slower:
            print(f"slower than {SLOWER:g} x the committed ratio: {text}", file=sys.stderr)
        return int(bool(slower))
    paths = options.paths or default_paths()
    if options.opening:
        results = json.loads(RESULTS.read_text("utf-8"))
        _write({**results, "opening": open_suite(paths, options.clock)})
        return 0
    rows = run_suite(paths, options.seconds or 1.0, options.clock)
    packages = ("ai-edge-litert", "tflite-micro")
    head = {
        "schema_version": "1.0.0",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "sources": hash_of_folders("kernels", "numerics", "run"),
        "versions": {name: version(name) for name in packages},
        "threads": 1,
        "clock": options.clock,
    }
    _write({**head, "rows": rows, "opening": open_suite(paths, options.clock)})
    return int(not rows)


def _write(results: Mapping[str, Any]) -> None:
    """Write the results, a row a line, and the page."""
    head = {name: value for name, value in results.items() if name not in ("rows", "opening")}
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": ' + _rows(results["rows"])
    if "opening" in results:
        opening = {name: value for name, value in results["opening"].items() if name != "rows"}
        text += f',\n "opening": {json.dumps(opening)[:-1]}, "rows": '
        text += _rows(results["opening"]["rows"]) + "}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text + "\n}\n", "utf-8")
    write_page()


def _rows(rows: Sequence[Row]) -> str:
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"


if __name__ == "__main__":
    sys.exit(main())
