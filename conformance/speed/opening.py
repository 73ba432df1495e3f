"""How long it takes from a model's path to its first result, beside LiteRT's reference kernels.

    python -m conformance.speed.opening PATH [--opens N] [--clock processor]

Interpreters are constructed, allocated and invoked once, ours and LiteRT's in turns, in one process
with one thread and all modules imported; of each the shortest time counts. Prints one JSON object.
`conformance.speed.benchmark` calls it for every model, each in a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conformance.speed.floor import BareCalls
from refinterp.errors import RefinterpError
from refinterp.interpreter import Interpreter
from refinterp.runtimes.process import environment, exit_reason

OPENS = 12
PATIENCE = 300.0
STEADY_RUNS = 12
REFUSED = 3
"""Exit status when one of the two does not run the model."""
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}

Row = dict[str, Any]


def measure_opening(path: Path, opens: int = OPENS, clock: str = "wall") -> Row:
    """Measure one model in a process of its own.

    The row has model, sha256 and status; where that is "ran" seconds, reference and ratio of first
    results, third, which is our third run, steady, our shortest later one, floor, what its NumPy
    calls alone take (see `floor`; not where they depend on data), and opens; otherwise reason.
    """
    row: Row = {
        "model": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:16],
    }
    command = [sys.executable, "-m", "conformance.speed.opening", str(path)]
    command += ["--opens", str(opens), "--clock", clock]
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment(1), timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return {**row, "status": "died", "reason": f"no answer in {PATIENCE:g} s"}
    if done.returncode == 0:
        return {**row, "status": "ran", **json.loads(done.stdout)}
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
    if done.returncode == REFUSED:
        return {**row, "status": "refused", "reason": said[-1][:200]}
    return {**row, "status": "died", "reason": exit_reason(done.returncode)[:200]}


def first_results(
    path: str, opens: int, clock: Callable[[], float], theirs: Callable[[str], Any]
) -> Row:
    """The times of both, in seconds; theirs: makes the other interpreter."""
    ours, others, third, later, floors = [], [], [], [], []
    bare = BareCalls.of(path)
    for _ in range(opens):
        seconds, interpreter = _first(path, clock, lambda name: Interpreter(name, num_threads=1))
        ours.append(seconds)
        runs = [_time(interpreter.invoke, clock) for _ in range(STEADY_RUNS)]
        third.append(runs[1])
        later += runs[2:]
        others.append(_first(path, clock, theirs)[0])
        if bare is not None:
            floors.append(_time(bare, clock))
    return {
        "seconds": _rounded(min(ours)),
        "reference": _rounded(min(others)),
        "ratio": _rounded(min(ours) / min(others)),
        "third": _rounded(min(third)),
        "steady": _rounded(min(later)),
        **({"floor": _rounded(min(floors))} if floors else {}),
        "opens": opens,
    }


def _first(path: str, clock: Callable[[], float], make: Callable[[str], Any]) -> tuple[float, Any]:
    start = clock()
    interpreter = make(path)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return clock() - start, interpreter


def _time(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    start = clock()
    call()
    return clock() - start


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _reference(path: str) -> Any:
    """LiteRT's interpreter with its reference kernels; imported here, in a process of its own."""
    from ai_edge_litert.interpreter import Interpreter as LiteRT
    from ai_edge_litert.interpreter import OpResolverType

    resolver = OpResolverType.BUILTIN_REF
    return LiteRT(path, num_threads=1, experimental_op_resolver_type=resolver)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one model and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--opens", type=int, default=OPENS)
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    path, clock = str(options.path), CLOCKS[options.clock]
    try:
        first_results(path, 1, clock, _reference)  # imports what is imported on demand
        found = first_results(path, options.opens, clock, _reference)
    except (RefinterpError, RuntimeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        return REFUSED
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
