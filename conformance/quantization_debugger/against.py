"""refinterp's debugger held against TensorFlow's QuantizationDebugger: figures and time.

    python -m conformance.quantization_debugger.against --python PY   all, and the page
    ... --python PY --only figures|timing                             one part, and the page
    ... --page                                                        the page, from the results

Run it from the checkout with a Python that has TensorFlow; PY is one that has refinterp, which is
called as a command, so that the two may live in environments of their own.

Figures: `quantization_debugger_tf` builds a Keras MobileNet V2 at 224 with seeded random weights
and batch-norm statistics from one batch, its float and int8 `.tflite`, and the debugger's reports
of 10 samples: as it is, which runs through XNNPACK; with LiteRT's reference kernels; and with those
on samples that the int8 input holds exactly. `refinterp debug --csv` reports on the same pair and
samples. Layers are matched by name and operator; RMSE/scale is sqrt(mean_squared_error) / scale of
either CSV. `quantization_debugger_parts` tells what part of a difference comes in with other codes,
and what part the layer's own kernels make. Files are kept in --work and built once.

Timing: both from the start of the command to the finished report, in turns; TensorFlow's import and
the making of its model are part of its time, as it debugs nothing else. Both clocks are kept: the
wall's, for which the machine has to be quiet (load below --max-load), and the processor's.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.quantization_debugger.match import match
from conformance.quantization_debugger.page import RESULTS, page_path, write_page

ROOT = Path(__file__).resolve().parents[2]
TF = "conformance.quantization_debugger.tf"
TURNS = 3
Row = dict[str, Any]
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Bytecode is kept, as that of installed packages is: sources are not compiled in each run."""


def call(command: Sequence[str | Path], log: Path | None = None) -> tuple[str, float, float]:
    """Run a command to its end: what it printed, wall seconds, processor seconds with children."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(words, cwd=ROOT, env=_ENVIRONMENT, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, complained = out.read(), err.read()
    if log is not None:
        log.write_text(complained)
    if process.returncode:
        raise SystemExit(
            f"{' '.join(words)}\nended with {process.returncode}\n{complained[-4000:]}"
        )
    return printed, wall, usage.ru_utime + usage.ru_stime


def debug_command(python: str, work: Path) -> list[str | Path]:
    """The command that is held against the debugger."""
    pair: list[str | Path] = [work / "int8.tflite", "--float", work / "float.tflite"]
    to: list[str | Path] = ["--data", work / "samples.npy", "--csv", work / "refinterp.csv"]
    return [python, "-m", "refinterp", "debug", *pair, *to]


def rows_of(path: Path) -> list[Row]:
    """The rows of a report, with `steps`: RMSE/scale."""
    with path.open() as file:
        rows: list[Row] = list(csv.DictReader(file))
    for row in rows:
        row["steps"] = math.sqrt(float(row["mean_squared_error"])) / float(row["scale"])
    return rows


def figures(python: str, work: Path) -> Row:
    """Compare all layers that both report."""
    call(debug_command(python, work))
    theirs, reference, on_grid = (
        rows_of(work / f"{name}.csv") for name in ("tensorflow", "reference", "on_grid")
    )
    ours = rows_of(work / "refinterp.csv")
    printed, _, _ = call([python, "-m", "conformance.quantization_debugger.parts", work])
    parts = json.loads(printed)
    pairs, only_theirs, only_ours = match(theirs, ours)
    layers = []
    for a, b in pairs:
        part = parts[ours[b]["tensor_name"]]
        layers.append(
            {
                "op_name": theirs[a]["op_name"],
                "tensor_name": theirs[a]["tensor_name"],
                "scale": float(theirs[a]["scale"]),
                "refinterp": ours[b]["steps"],
                "tensorflow": theirs[a]["steps"],
                "tensorflow_reference": reference[a]["steps"],
                "tensorflow_reference_on_grid": on_grid[a]["steps"],
                "same_codes_in": part["rmse_over_scale"],
                "codes_differing": part["codes_differing"],
                "float_steps": part["float_steps"],
            }
        )
    unmatched = [
        {"by": by, "op_name": rows[i]["op_name"], "tensor_name": rows[i]["tensor_name"]}
        for by, rows, left in (("tensorflow", theirs, only_theirs), ("refinterp", ours, only_ours))
        for i in left
    ]
    return {"date": _today(), "layers": layers, "only_one_reports": unmatched}


def timing(python: str, work: Path, turns: int) -> Row:
    """Time both in turns, each from the start of its command."""
    taken = []
    load = os.getloadavg()[0]
    call(debug_command(python, work))  # so that its bytecode is there, as TensorFlow's is
    for _ in range(turns):
        printed, wall, cpu = call([sys.executable, "-m", TF, "report", work / "timed.csv"])
        lines = [line.split() for line in printed.splitlines() if line.startswith("phase ")]
        _, our_wall, our_cpu = call(debug_command(python, work))
        taken.append(
            {
                "tensorflow": {"wall": wall, "processor": cpu},
                "phases": {name: float(seconds) for _, name, seconds in lines},
                "refinterp": {"wall": our_wall, "processor": our_cpu},
            }
        )
    return {
        "date": _today(),
        "load_before": load,
        "turns": taken,
        "ratio": {
            clock: statistics.median(t["tensorflow"][clock] / t["refinterp"][clock] for t in taken)
            for clock in ("wall", "processor")
        },
    }


def _today() -> str:
    return datetime.date.today().isoformat()


def about(python: str) -> Row:
    """Seed, versions and machine."""
    show = (
        "import json;from conformance.quantization_debugger import tf as t;import keras;"
        "print(json.dumps([t.SEED,t.SAMPLES,{'tensorflow':t.tf.__version__,"
        "'keras':keras.__version__,'numpy':t.np.__version__}]))"
    )
    seed, samples, versions = json.loads(call([sys.executable, "-c", show])[0])
    ours = (
        "import json,numpy,refinterp;from refinterp.bench.machine import machine;"
        "print(json.dumps([machine(),{'refinterp':refinterp.__version__,'numpy':numpy.__version__}]))"
    )
    machine, own = json.loads(call([python, "-c", ours])[0])
    return {
        "model": "Keras MobileNetV2 224, random weights, batch-norm statistics of the samples",
        "seed": seed,
        "samples": samples,
        "versions": {"tensorflow": versions, "refinterp": own},
        "machine": machine,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, keep the rest of the results, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", metavar="PY", help="interpreter that has refinterp")
    parser.add_argument("--work", type=Path, help="where models and reports are kept")
    parser.add_argument("--only", choices=("figures", "timing"), help="measure no more than this")
    parser.add_argument("--turns", type=int, default=TURNS, help="of timing (default %(default)s)")
    parser.add_argument("--max-load", type=float, default=2.0, help="time below this load only")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args(arguments)
    if options.page:
        write_page()
        return 0
    if options.python is None:
        parser.error("--python is needed: an interpreter that has refinterp")
    work = (
        options.work or Path(tempfile.gettempdir()) / "refinterp-quantization-debugger"
    ).resolve()
    if not (work / "float.npz").exists():
        call([sys.executable, "-m", TF, "models", work], work.with_suffix(".log"))
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    results.update(about(options.python))
    if options.only != "timing":
        results["figures"] = figures(options.python, work)
    if options.only != "figures":
        if os.getloadavg()[0] >= options.max_load:
            print(f"not timed: the load is {os.getloadavg()[0]:.1f}, not below {options.max_load}")
        else:
            results["timing"] = timing(options.python, work, options.turns)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    write_page()
    print(f"wrote {RESULTS.relative_to(ROOT)} and {page_path().relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
