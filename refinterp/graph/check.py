"""What cannot be in a model: findings about a well-formed file whose numbers do not fit together.

The reader accepts any well-formed file; this says what is wrong with it. An error makes running
meaningless; a warning is what some runtimes refuse and others take, or a doubtful number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from refinterp.graph.check_indices import call_cycles, index_faults, signature_faults
from refinterp.graph.check_tensors import tensor_faults
from refinterp.graph.compiled import compiled_operators, own_memory
from refinterp.graph.constants import has_constant
from refinterp.graph.finding import Finding, counted, error, named
from refinterp.graph.model import Model, Subgraph

_ORDER: Final = "put the operators into an order in which each follows those that feed it"


def check(model: Model, *, grids: bool = True) -> tuple[Finding, ...]:
    """Return everything found wrong, in the order of the file.

    grids: whether to look at the values of scales and zero points, too.
    """
    return tuple(_model(model, grids=grids))


def _model(model: Model, *, grids: bool) -> Iterator[Finding]:
    if not model.subgraphs:
        yield error("no_subgraphs", "the model has no subgraph, so there is nothing to run")
    for metadata in model.metadata:
        if metadata.buffer >= len(model.buffers):
            yield error(
                "buffer_index_out_of_range",
                f"metadata {metadata.name!r} is in buffer {metadata.buffer}, but the model has "
                f"{counted(len(model.buffers), 'buffer')}",
            )
    yield from signature_faults(model)
    for index, subgraph in enumerate(model.subgraphs):
        yield from index_faults(model, index, subgraph)
        yield from tensor_faults(model, index, grids=grids)
        yield from _data_flow(model, index, subgraph)
        yield from _compiled(index, subgraph)
    yield from call_cycles(model)


def _data_flow(model: Model, index: int, subgraph: Subgraph) -> Iterator[Finding]:
    count = len(subgraph.tensors)
    given = {tensor for tensor in subgraph.inputs if 0 <= tensor < count}
    constants = {
        place
        for place, tensor in enumerate(subgraph.tensors)
        if has_constant(model, tensor) or tensor.external_buffer
    }
    # A variable holds its last value; a tensor without elements needs none.
    free = {
        place
        for place, tensor in enumerate(subgraph.tensors)
        if tensor.is_variable or 0 in tensor.shape
    } | own_memory(subgraph)
    producer: dict[int, int] = {}
    for place, operator in enumerate(subgraph.operators):
        for tensor in operator.outputs:
            producer.setdefault(tensor, place)
    known = given | constants | free
    written: dict[int, int] = {}
    for place, operator in enumerate(subgraph.operators):
        for tensor in dict.fromkeys(operator.inputs):
            if not 0 <= tensor < count or tensor in known or tensor in written:
                continue
            reads = f"{operator.name} reads {named(subgraph, tensor)}, which "
            if tensor in producer:
                later = producer[tensor]
                yield error(
                    "read_before_written",
                    reads + f"operator {later} ({subgraph.operators[later].name}) writes only "
                    f"{'itself' if later == place else 'later'}",
                    _ORDER,
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
            else:
                yield error(
                    "never_written",
                    reads + "no operator writes and the file gives no value",
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
        for tensor in operator.outputs:
            if not 0 <= tensor < count or tensor in free:
                continue
            if tensor in written or tensor in given or tensor in constants:
                if tensor in written:
                    first = f"operator {written[tensor]} has written"
                else:
                    first = "is an input" if tensor in given else "is a constant"
                yield error(
                    "written_twice",
                    f"{operator.name} writes {named(subgraph, tensor)}, which {first}",
                    "give each result a tensor of its own",
                    subgraph=index,
                    operator=place,
                    tensor=tensor,
                )
            written.setdefault(tensor, place)
    for tensor in subgraph.outputs:
        if 0 <= tensor < count and tensor not in known and tensor not in written:
            yield error(
                "never_written",
                f"the output {named(subgraph, tensor)} is written by no operator",
                subgraph=index,
                tensor=tensor,
            )


def _compiled(index: int, subgraph: Subgraph) -> Iterator[Finding]:
    """Say what operators are that the file has only another processor's code of: a note each."""
    found = compiled_operators(subgraph.operators)
    if not found:
        return
    names = Counter(one.name for place, one in enumerate(subgraph.operators) if place not in found)
    left = ", ".join(f"{count} {name}" for name, count in names.most_common()) or "none"
    for kind in dict.fromkeys(found.values()):
        places = [place for place, one in found.items() if one is kind]
        called = sorted({subgraph.operators[place].name for place in places})
        listed = ", ".join(called[:4]) + (", …" if len(called) > 4 else "")
        yield Finding(
            "compiled_operators",
            "note",
            index,
            places[0],
            None,
            f"{len(places)} of {counted(len(subgraph.operators), 'operator')} ({listed}) "
            f"{'each ' if len(places) > 1 else ''}is {kind.what}; left to the CPU: {left}",
            kind.remedy,
        )
