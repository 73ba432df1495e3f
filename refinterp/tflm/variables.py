"""Variables that TFLM takes from the arena's tail: those that no plan in the file has placed."""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.arena.offline import METADATA_NAME, ONLINE, offline_offsets
from refinterp.errors import UnsupportedError
from refinterp.graph.model import Model
from refinterp.tflm.checks import operand
from refinterp.tflm.operation import State


def variables(model: Model, planner: str, state: State) -> Iterator[tuple[int, int, int, str]]:
    """Yield subgraph, tensor index, bytes and name of each; every subgraph looks from the start.

    Raises UnsupportedError where TFLM takes another tensor's offset for a variable's and crashes.
    """
    planned = _planned_beforehand(model, planner)
    begin = 0  # of the subgraph's own offsets
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            if not tensor.is_variable:
                continue
            variable = operand(model, number, index, state)
            if planned is None or planned[index] == ONLINE:
                yield number, index, variable.elements * variable.itemsize, tensor.name
            elif planned[begin + index] == ONLINE and variable.elements:
                raise _misread(model, number, index)
        begin += len(graph.tensors)


def _planned_beforehand(model: Model, planner: str) -> list[int] | None:
    """Offsets of all tensors, subgraph after subgraph, or None when the file has none."""
    if planner == "linear" or not any(entry.name == METADATA_NAME for entry in model.metadata):
        return None
    offsets = offline_offsets(model) or {}
    return [
        offsets.get((number, index), ONLINE)
        for number, graph in enumerate(model.subgraphs)
        for index in range(len(graph.tensors))
    ]


def _misread(model: Model, subgraph: int, index: int) -> UnsupportedError:
    """Refuse a plan that leaves a variable to TFLM, which takes another's offset for its."""
    tensors = [
        (number, i, tensor.name)
        for number, graph in enumerate(model.subgraphs)
        for i, tensor in enumerate(graph.tensors)
    ]
    number, other, its_name = tensors[index]
    name = model.subgraphs[subgraph].tensors[index].name
    return UnsupportedError(
        f"metadata {METADATA_NAME!r}: TFLM gives the variable "
        f"subgraphs[{subgraph}].tensors[{index}] ({name!r}) no bytes and crashes: it looks for "
        f"its offset at entry {index} of the whole list, which is that of subgraphs[{number}]"
        f".tensors[{other}] ({its_name!r}); let that one be -1, or give the "
        "variable an offset too"
    )
