"""Each operator's share of RAM and flash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from refinterp.fit.need import Candidate, Need

Place = tuple[int, int]
"""Subgraph and operator."""


@dataclass(frozen=True, slots=True)
class LayerShare:
    """One operator. constant_bytes: of flash, for constants that it is the first to read.

    kept_bytes: of the arena's tail, for good. peak_bytes: of the arena's head, in buffers that are
    live when most are and that it writes or asks for.
    """

    subgraph: int
    operator: int
    op_name: str
    constant_bytes: int
    kept_bytes: int
    peak_bytes: int


def layer_shares(need: Need) -> tuple[LayerShare, ...]:
    """Return the shares of all operators of one model, in the order of the file."""
    candidate = need.candidates[0]
    kept: dict[Place, int] = {}
    peak: dict[Place, int] = {}
    if need.ledger is not None:
        for entry in need.ledger.entries:
            if entry.section == "tail" and entry.operator is not None:
                place = entry.subgraph or 0, entry.operator
                kept[place] = kept.get(place, 0) + entry.bytes
        plan = need.ledger.plan
        for index in plan.peak_owners:
            buffer = plan.buffers[index]
            if buffer.operator is not None and not buffer.inside:
                place = buffer.subgraph, buffer.operator
                peak[place] = peak.get(place, 0) + buffer.size
    constants = dict(_constants(candidate))
    return tuple(
        LayerShare(
            number,
            place,
            operator.name,
            constants.get((number, place), 0),
            kept.get((number, place), 0),
            peak.get((number, place), 0),
        )
        for number, graph in enumerate(candidate.model.subgraphs)
        for place, operator in enumerate(graph.operators)
    )


def _constants(candidate: Candidate) -> Iterator[tuple[Place, int]]:
    """Bytes of constants by the operator that reads them first; a buffer counts once."""
    model, seen = candidate.model, {0}
    for number, graph in enumerate(model.subgraphs):
        for place, operator in enumerate(graph.operators):
            total = 0
            for tensor in operator.inputs:
                if not 0 <= tensor < len(graph.tensors):
                    continue
                buffer = graph.tensors[tensor].buffer
                if buffer not in seen and 0 <= buffer < len(model.buffers):
                    seen.add(buffer)
                    total += len(model.buffers[buffer].data)
            yield (number, place), total
