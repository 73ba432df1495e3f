"""Faults that data shows: ranges that do not fit it, inputs fed wrongly, channels that stand still.

What of a tensor they are told by is in `tensor_ranges`, with the thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.fixed_grids import Bound, fixed_grids, nothing_to_gain
from refinterp.debug.faults.of_channels import overwhelming_channels, still_channels
from refinterp.debug.faults.of_inputs import input_faults
from refinterp.debug.faults.range_graph import RangeGraph
from refinterp.debug.faults.tensor_ranges import (
    CLIPPED_STEPS,
    WIDE_BITS,
    ObservedRange,
    clipped_text,
    enough_values,
    wide_text,
)
from refinterp.debug.faults.thresholds import BITS_APART, KEPT_BITS
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.run.program import Program


def data_faults(
    program: Program,
    ranges: Mapping[int, ObservedRange],
    dead: Mapping[int, frozenset[int]],
    weighted: Sequence[WeightedOperator],
    bounds: Mapping[int, Bound],
) -> list[Fault]:
    """Return the faults that data shows.

    ranges: what it showed, by tensor of the program's subgraph. dead: operator → channels that
    stand still for every input. bounds: what the exact values come to on grids that operators fix.
    """
    graph = RangeGraph(program, ranges)
    faults = [*input_faults(graph), *_joins(graph)]
    faults += _ranges(graph, faults)
    faults = [f for f in faults if not _in_vain(f, graph, bounds)]
    faults += fixed_grids(graph, bounds)
    faults += still_channels(weighted, ranges, dead)
    faults += overwhelming_channels(weighted, ranges)
    return faults


def _in_vain(fault: Fault, graph: RangeGraph, bounds: Mapping[int, Bound]) -> bool:
    """Whether a range is too wide for its values, but a better one would change no result."""
    if fault.id != "range_too_wide":
        return False
    root = graph.root[fault.tensor]
    readers = [
        step
        for tensor, steps in graph.readers.items()
        if tensor != OPTIONAL and graph.root[tensor] == root
        for step in steps
        if not any(graph.root[y] == root for y in step.outputs)
    ]
    results = [step.outputs[0] for step in readers]
    return bool(results) and all(y in bounds and nothing_to_gain(bounds[y]) for y in results)


def _ranges(graph: RangeGraph, found: Sequence[Fault]) -> Iterator[Fault]:
    """Ranges too wide for all that shares them, and ranges that cut.

    found: faults of inputs and of joins; theirs are not told twice. But a range that is too wide
    for all branches of a concatenation is told, however small one of them is.
    """
    blamed = {f.tensor for f in found}
    done = {graph.root[f.tensor] for f in found if f.fed}
    for tensor, observed in graph.ranges.items():
        step = graph.writer.get(tensor)
        if step is None or graph.fixed(tensor) or tensor in blamed:
            continue
        if observed.excess >= CLIPPED_STEPS and not graph.passes_on(tensor):
            text = f"{observed}; {clipped_text(observed)}"
            yield Fault(
                "range_clipped",
                "error",
                step.operator,
                tensor,
                text,
                observed.beyond_channels,
                measured=True,
                bits=math.log2(max(observed.beyond, 1.0)),
            )
        root = graph.root[tensor]
        if root in done:
            continue
        done.add(root)
        group = graph.group(tensor)
        unused = min(one.unused_bits for one in group)
        if unused < WIDE_BITS or max(one.needed for one in group) <= 0:
            continue
        if not enough_values(max(one.elements for one in group), unused):
            continue
        for one in group:
            writer = graph.writer.get(one.tensor)
            if writer is None or graph.passes_on(one.tensor):
                continue
            text = f"{one}; {wide_text(one, one.unused_bits)}"
            yield Fault(
                "range_too_wide",
                "warning",
                writer.operator,
                one.tensor,
                text,
                measured=True,
                bits=one.unused_bits,
            )


def _joins(graph: RangeGraph) -> Iterator[Fault]:
    """Concatenations one of whose branches is too small for the scale they share."""
    for step in graph.steps:
        if not facts(step.name).joins:
            continue
        branches = [graph.ranges[x] for x in dict.fromkeys(step.inputs) if x in graph.ranges]
        y = step.outputs[0]
        if len(branches) < 2 or any(graph.root[b.tensor] != graph.root[y] for b in branches):
            continue
        best = min(b.unused_bits for b in branches)
        for branch in branches:
            bits = math.log2(branch.levels + 1) - branch.unused_bits
            if branch.needed <= 0 or bits > KEPT_BITS or branch.unused_bits - best < BITS_APART:
                continue
            yield Fault(
                "concat_scale_mismatch",
                "warning",
                step.operator,
                branch.tensor,
                f"{step.name}: of the shared range the branch {branch}, {max(bits, 0.0):.1f} bits "
                f"are left, of another branch {math.log2(branch.levels + 1) - max(best, 0.0):.1f}",
                measured=True,
                bits=branch.unused_bits,
            )
