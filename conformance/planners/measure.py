"""How good the planners are, on graphs where TFLM's is not.

    python -m conformance.planners.measure

Plans 50 seeded random graphs of 40 to 120 buffers on which the greedy plan is at least a tenth
above the bound, nine problems of 2,000 buffers, and times greedy on 10,000. With --solver, OR-Tools
CP-SAT (`pip install ortools`) plans those of the 2,000 that greedy wastes most on, in one thread;
it is the only use of it here, the planner needs nothing of the kind.

Results go to `conformance/results/planners.json`, with the hash of the planners' sources, and
`docs/planners.md` is written from them.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

import refinterp
from conformance.planners.graphs import KINDS, crowds, draw, hard_graphs
from conformance.planners.page import (
    ENOUGH,
    MOST_SECONDS,
    RESULTS,
    good,
    page_path,
    write_page,
)
from conformance.sources import hash_of
from refinterp.arena.greedy import greedy
from refinterp.arena.judge import judge, lower_bound
from refinterp.arena.optimal import optimal
from refinterp.arena.problem import Buffer, Problem
from refinterp.bench.machine import machine

Row = dict[str, Any]

GRAPHS: Final = 50
CROWDS: Final = 9
SECONDS: Final = {"graphs": 10.0, "crowds": 60.0}
LARGE: Final = 10_000  # buffers that greedy is timed on
SOLVED: Final = 2  # of the crowds, those on which greedy wastes most
SOLVER_SECONDS: Final = 600.0


def sources() -> str:
    """Return the hash of everything that the figures speak of."""
    return hash_of("refinterp.arena.optimal")


def planned(kind: str, seed: int, problem: Problem, seconds: float) -> Row:
    """Plan one problem and return its row.

    Raises AssertionError for a plan in which two live buffers share bytes: no figure is worth it.
    """
    result = optimal(problem, time_limit=seconds)
    wrong = judge(problem, result.plan)
    assert not wrong, wrong
    return {
        "kind": kind,
        "seed": seed,
        "buffers": len(problem.buffers),
        "live_bytes": lower_bound(problem),
        "greedy_bytes": greedy(problem).extent,
        "optimal_bytes": result.plan.extent,
        "lower_bound_bytes": result.lower_bound,
        "proven": result.proven,
        "seconds": round(result.seconds, 2),
    }


def large(count: int = LARGE) -> Iterator[tuple[str, Problem]]:
    """Yield problems of so many buffers: those of every kind, and such as all live at once."""
    for kind in KINDS:
        yield kind, draw(kind, 0, count)
    sizes = np.random.default_rng(0).integers(1, 100_000, count).tolist()
    yield "all live at once", Problem(tuple(Buffer(size, 0, 3) for size in sizes))
    yield "all live at once, of one size", Problem((Buffer(64, 0, 3),) * count)
    yield (
        "one in another",
        Problem(tuple(Buffer(size, i, 2 * count - i) for i, size in enumerate(sizes))),
    )


def timed(count: int = LARGE, turns: int = 3) -> list[Row]:
    """Time greedy: the median of some turns for each kind."""
    rows = []
    for kind, problem in large(count):
        taken = []
        for _ in range(turns):
            begin = time.perf_counter()
            greedy(problem)
            taken.append(time.perf_counter() - begin)
        rows.append(
            {"kind": kind, "buffers": count, "seconds": round(sorted(taken)[turns // 2], 3)}
        )
    return rows


def solve(problem: Problem, seconds: float) -> tuple[int | None, int]:
    """Return the extent OR-Tools CP-SAT finds, None for none, and its bound, both in bytes."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    sizes = (problem.sizes() // problem.alignment).tolist()
    starts, stops = (bounds.tolist() for bounds in problem.intervals())
    most = greedy(problem).extent // problem.alignment
    extent = model.new_int_var(lower_bound(problem) // problem.alignment, most, "extent")
    times, places = [], []
    for i, size in enumerate(sizes):
        offset = model.new_int_var(0, most - size, f"offset {i}")
        times.append(model.new_fixed_size_interval_var(starts[i], stops[i] - starts[i], f"t{i}"))
        places.append(model.new_fixed_size_interval_var(offset, size, f"o{i}"))
        model.add(offset + size <= extent)
    model.add_no_overlap_2d(times, places)
    model.minimize(extent)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    bound = math.ceil(solver.best_objective_bound) * problem.alignment
    return (int(solver.objective_value) * problem.alignment if found else None), bound


def solved(row: Row, seconds: float) -> Row:
    """Ask the solver about the problem of a row, and return what it says."""
    found, bound = solve(draw(row["kind"], row["seed"], row["buffers"]), seconds)
    return {
        "version": importlib.metadata.version("ortools"),
        "bytes": found,
        "lower_bound_bytes": bound,
        "seconds": seconds,
    }


def about() -> Row:
    """Date, versions, machine and sources."""
    return {
        "date": datetime.date.today().isoformat(),
        "versions": {"refinterp": refinterp.__version__, "numpy": np.__version__},
        "machine": machine(),
        "sources": sources(),
        "time_limits": SECONDS,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write results and page; 1 when a row misses what is asked of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=GRAPHS, help="(default %(default)s)")
    parser.add_argument("--crowds", type=int, default=CROWDS, help="(default %(default)s)")
    parser.add_argument("--crowd-size", type=int, default=2000, help="(default %(default)s)")
    parser.add_argument("--large", type=int, default=LARGE, help="buffers greedy is timed on")
    parser.add_argument("--greedy", action="store_true", help="only time greedy, keep the rest")
    parser.add_argument("--solver", action="store_true", help="only ask CP-SAT, keep the rest")
    parser.add_argument("--solved", type=int, default=SOLVED, help="crowds it is asked about")
    parser.add_argument("--solver-seconds", type=float, default=SOLVER_SECONDS)
    options = parser.parse_args(arguments)
    results: Row = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if (options.solver or options.greedy) and not results:
        parser.error("what is kept are the committed results, and there are none")
    if options.greedy:
        results["large"] = timed(options.large)
    elif options.solver:
        rows = sorted(results["crowds"], key=lambda r: r["live_bytes"] / r["greedy_bytes"])
        for row in rows[: options.solved]:
            row["solver"] = solved(row, options.solver_seconds)
            _say(row)
    else:
        kept = {
            (r["kind"], r["seed"]): r["solver"] for r in results.get("crowds", ()) if "solver" in r
        }
        results = about() | {"large": timed(options.large), "graphs": [], "crowds": []}
        for group, problems in (
            ("graphs", hard_graphs(options.graphs)),
            ("crowds", crowds(options.crowds, options.crowd_size)),
        ):
            for kind, seed, problem in problems:
                row = planned(kind, seed, problem, SECONDS[group])
                if group == "crowds" and (kind, seed) in kept:
                    row["solver"] = kept[kind, seed]
                results[group].append(row)
                _say(row)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    write_page()
    sys.stdout.write(f"wrote {RESULTS} and {page_path()}\n")
    missed = [row for group in ENOUGH for row in results[group] if not good(group, row)]
    missed += [row for row in results["large"] if row["seconds"] >= MOST_SECONDS]
    sys.stdout.write(f"{len(missed)} miss what is asked of them\n")
    return 1 if missed else 0


def _say(row: Row) -> None:
    sys.stdout.write(f"{' '.join(f'{name}={value}' for name, value in row.items())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
