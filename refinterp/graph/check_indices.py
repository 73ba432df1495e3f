"""Indices that lead nowhere, and calls that lead back to where they came from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from refinterp.graph.finding import Finding, counted, error
from refinterp.graph.layout import Field, layout
from refinterp.graph.model import OPTIONAL, Model, Operator, Options, Subgraph


def signature_faults(model: Model) -> Iterator[Finding]:
    """Signatures of subgraphs and tensors that the model does not have."""
    for signature in model.signatures:
        if signature.subgraph >= len(model.subgraphs):
            yield error(
                "subgraph_index_out_of_range",
                f"signature {signature.key!r} is of subgraph {signature.subgraph}, but the model "
                f"has {counted(len(model.subgraphs), 'subgraph')}",
            )
            continue
        tensors = len(model.subgraphs[signature.subgraph].tensors)
        for name, tensor in (*signature.inputs, *signature.outputs):
            if tensor >= tensors:
                yield error(
                    "tensor_index_out_of_range",
                    f"signature {signature.key!r} calls tensor {tensor} {name!r}, but its subgraph "
                    f"has {counted(tensors, 'tensor')}",
                    subgraph=signature.subgraph,
                )


def index_faults(model: Model, index: int, subgraph: Subgraph) -> Iterator[Finding]:
    """What a subgraph names that the model or the subgraph does not have."""
    size = len(subgraph.tensors)

    def outside(what: str, tensor: int, operator: int | None, lowest: int) -> Finding:
        return error(
            "tensor_index_out_of_range",
            f"{what} tensor {tensor}, but the subgraph has {counted(size, 'tensor')}"
            + (f", and {OPTIONAL} for none" if lowest < 0 else ""),
            subgraph=index,
            operator=operator,
        )

    for tensors, side in ((subgraph.inputs, "inputs"), (subgraph.outputs, "outputs")):
        for tensor in tensors:
            if not 0 <= tensor < size:
                yield outside(f"the subgraph's {side} name", tensor, None, 0)
    for place, operator in enumerate(subgraph.operators):
        if operator.code is None:
            yield error(
                "operator_code_out_of_range",
                f"it uses operator code {operator.opcode_index}, but the model has "
                f"{counted(len(model.operator_codes), 'operator code')}",
                subgraph=index,
                operator=place,
            )
        for tensors, does, lowest in (
            (operator.inputs, "reads", OPTIONAL),
            (operator.outputs, "writes", 0),
            (operator.intermediates, "keeps", OPTIONAL),
        ):
            for tensor in tensors:
                if not lowest <= tensor < size:
                    yield outside(f"{operator.name} {does}", tensor, place, lowest)
        for option, called in _called(operator):
            if not 0 <= called < len(model.subgraphs):
                yield error(
                    "subgraph_index_out_of_range",
                    f"{operator.name} calls subgraph {called} ({option}), but the model has "
                    f"{counted(len(model.subgraphs), 'subgraph')}",
                    subgraph=index,
                    operator=place,
                )


def references_into(
    table: str | int | None, options: Options, list_: str
) -> Iterator[tuple[str, int]]:
    """Yield (field, index) for the fields that are indices into that list of the model."""
    if not isinstance(table, str) or not options:
        return
    for field in _references(table, list_):
        value = options.get(field.name, field.default)
        for index in value if field.vector else (value,):
            yield field.name, index


@lru_cache(maxsize=512)
def _references(table: str, list_: str) -> tuple[Field, ...]:
    """The fields of a table of the schema that are indices into that list of the model."""
    return tuple(field for field in layout().tables[table].fields if field.refers == list_)


def _called(operator: Operator) -> Iterator[tuple[str, int]]:
    yield from references_into(operator.options_type, operator.options, "subgraphs")
    yield from references_into(operator.options_2_type, operator.options_2, "subgraphs")


def call_cycles(model: Model) -> Iterator[Finding]:
    """Find calls that lead back to a subgraph that is still running."""
    count = len(model.subgraphs)
    calls = [
        [
            (place, called)
            for place, operator in enumerate(subgraph.operators)
            for _, called in _called(operator)
            if 0 <= called < count
        ]
        for subgraph in model.subgraphs
    ]
    done = [False] * count
    for start in range(count):
        path: list[int] = []
        running: set[int] = set()
        stack = [(start, iter(calls[start]))] if not done[start] else []
        while stack:
            graph, rest = stack[-1]
            if graph not in running:
                running.add(graph)
                path.append(graph)
            place, called = next(rest, (-1, -1))
            if called < 0:
                done[graph] = True
                running.remove(graph)
                path.pop()
                stack.pop()
            elif called in running:
                circle = [*path[path.index(called) :], called]
                yield error(
                    "subgraph_cycle",
                    f"subgraphs call each other in a circle: {' -> '.join(map(str, circle))}",
                    "take the call out of the loop; TFLite has no recursion",
                    subgraph=graph,
                    operator=place,
                )
            elif not done[called]:
                stack.append((called, iter(calls[called])))
