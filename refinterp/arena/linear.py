"""One buffer after the other, nothing shared: every tensor survives the run.

Source: TFLM `memory_planner/linear_memory_planner.cc` (`LinearMemoryPlanner`), commit 90b983c2b,
without its limit of 1024 buffers.
"""

from __future__ import annotations

from itertools import accumulate

from refinterp.arena.problem import Plan, Problem
from refinterp.errors import UsageError


def linear(problem: Problem) -> Plan:
    """Place the buffers in order, each where the one before it ends.

    Raises UsageError when a buffer's offset is already fixed: this planner cannot keep it.
    """
    fixed = [buffer.name for buffer in problem.buffers if buffer.offset is not None]
    if fixed:
        raise UsageError(
            f"the linear planner cannot keep offsets that are already fixed ({len(fixed)} are, "
            f"the first is {fixed[0]!r}); plan without them, or use the greedy planner"
        )
    *offsets, extent = accumulate(problem.sizes().tolist(), initial=0)
    return Plan(tuple(offsets), extent)
