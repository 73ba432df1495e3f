"""How good the optimal planner is, on graphs where greedy is not: `python -m conformance.planners`.

Prints one row for each of 50 seeded random graphs of 40 to 120 buffers on which TFLM's greedy plan
is at least a tenth above the bound, and for graphs of 2,000 buffers. With --solver, OR-Tools CP-SAT
plans the same problems (`pip install ortools`), as long as --solver-seconds says; it is the only
use of it here, the planner needs nothing of the kind.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from refinterp.arena.greedy import greedy
from refinterp.arena.judge import judge, lower_bound
from refinterp.arena.optimal import optimal
from refinterp.arena.problem import Buffer, Problem

GRAPHS = 50
WASTE = 1.1
CROWD = 2000
_REACH = (4, 10, 30)  # operators back that a tensor is read from, at most


def random_graph(seed: int, count: int | None = None) -> Problem:
    """Return the tensors of a graph of operators that read one to three earlier ones each.

    Sizes are spread evenly over magnitudes, or over kilobytes, or drawn from a few that convolution
    networks have.
    """
    rng = np.random.default_rng(seed)
    count = int(rng.integers(40, 121)) if count is None else count
    kind, reach = seed % 3, _REACH[seed // 3 % len(_REACH)]
    last = list(range(count))
    for operator in range(1, count):
        back = [1, *(1 + int(rng.integers(0, reach)) for _ in range(int(rng.integers(1, 4))))]
        for steps in back:
            last[max(0, operator - steps)] = operator
    return Problem(tuple(Buffer(_size(rng, kind), i, last[i]) for i in range(count)))


def random_intervals(seed: int, count: int | None = None) -> Problem:
    """Return buffers that come at any time and stay for a geometrically distributed one."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(40, 121)) if count is None else count
    stay = (0.5, 0.15, 0.05)[seed % 3]
    buffers = []
    for _ in range(count):
        first = int(rng.integers(0, count))
        buffers.append(Buffer(_size(rng, seed // 3 % 2), first, first + int(rng.geometric(stay))))
    return Problem(tuple(buffers))


def _size(rng: np.random.Generator, kind: int) -> int:
    if kind == 0:
        return int(math.exp(rng.uniform(math.log(64), math.log(65536))))
    if kind == 1:
        return 1024 * int(rng.integers(1, 64))
    return int(rng.choice([1024, 2048, 4096, 8192, 9216, 16384, 18432, 32768, 36864]))


def hard_graphs(count: int = GRAPHS) -> Iterator[tuple[int, Problem]]:
    """Yield (seed, problem) for the first seeds on which greedy wastes a tenth or more."""
    seed = 0
    while count:
        problem = random_graph(seed) if seed % 2 else random_intervals(seed)
        if greedy(problem).extent >= WASTE * lower_bound(problem):
            yield seed, problem
            count -= 1
        seed += 1


def crowd(count: int = CROWD, seed: int = 1) -> Problem:
    """Return a long graph."""
    return random_graph(seed, count)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a graph misses what is asked of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=GRAPHS, help="random graphs (default 50)")
    parser.add_argument("--seconds", type=float, default=10, help="for each of them (default 10)")
    parser.add_argument("--crowds", type=int, default=9, help="graphs of 2,000 (default 9)")
    parser.add_argument("--solver", action="store_true", help="also ask OR-Tools CP-SAT")
    parser.add_argument("--solver-seconds", type=float, default=60)
    options = parser.parse_args(arguments)
    sys.stdout.write(
        "| problem | buffers | bound | greedy | optimal | proven bound | above it | seconds |"
        f"{' CP-SAT | its bound |' if options.solver else ''}\n"
        f"|{'---|' * (10 if options.solver else 8)}\n"
    )
    missed = 0
    for seed, problem in hard_graphs(options.graphs):
        missed += _row(f"graph {seed}", problem, options.seconds, 1.02, options)
    for seed in range(options.crowds):
        problem = crowd(seed=seed)
        missed += _row(f"{CROWD} of {seed}", problem, 60, 1.05, options)
    sys.stdout.write(f"\n{missed} miss what is asked of them\n")
    return 1 if missed else 0


def _row(
    name: str, problem: Problem, seconds: float, enough: float, options: argparse.Namespace
) -> bool:
    """Print one row; return whether the plan is unsound, or neither proven nor near the bound."""
    result = optimal(problem, time_limit=seconds)
    extent = result.plan.extent
    above = "optimal" if result.proven else f"{100 * (extent / result.lower_bound - 1):.2f} %"
    cells = [
        name,
        len(problem.buffers),
        lower_bound(problem),
        greedy(problem).extent,
        extent,
        result.lower_bound,
        above,
        f"{result.seconds:.1f}",
    ]
    if options.solver:
        cells += solve(problem, options.solver_seconds)
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()
    sound = not judge(problem, result.plan)
    return not sound or not (result.proven or extent <= enough * result.lower_bound)


def solve(problem: Problem, seconds: float) -> tuple[int, int]:
    """Return the extent OR-Tools CP-SAT finds, and its bound, both in bytes; -1: it found none."""
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
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    bound = math.ceil(solver.best_objective_bound) * problem.alignment
    return (int(solver.objective_value) * problem.alignment if found else -1), bound


if __name__ == "__main__":
    sys.exit(main())
