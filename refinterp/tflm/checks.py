"""What TFLM refuses before it plans, and the operators of a model with their rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.compiled import compiled
from refinterp.graph.misfits import require_operators
from refinterp.graph.model import Model, Operator
from refinterp.tflm.footprint import Footprint, find
from refinterp.tflm.operation import State, TflmOperand, TflmOperation
from refinterp.tflm.targets import Profile
from refinterp.tflm.types import ELEMENT_BYTES

_COMPRESSION: Final = "COMPRESSION_METADATA"


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """An operator and its row of the table."""

    subgraph: int
    index: int
    operator: Operator
    row: Footprint


def check_model(model: Model, profile: Profile) -> None:
    """Raise ModelError for a model without subgraphs, UnsupportedError for what none can hold."""
    if not model.subgraphs:
        raise ModelError("the model has no subgraphs, so there is nothing to allocate")
    if profile.tflm.compression and any(entry.name == _COMPRESSION for entry in model.metadata):
        raise UnsupportedError(
            f"metadata {_COMPRESSION!r}: {profile.tflm.name} unpacks compressed tensors, "
            "and what that takes is not counted yet; builds without compression ignore it"
        )
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            if tensor.dtype not in ELEMENT_BYTES:
                raise UnsupportedError(
                    f"subgraphs[{number}].tensors[{index}] ({tensor.name!r}): TFLM refuses "
                    f"the type {tensor.dtype}; it takes {', '.join(ELEMENT_BYTES)}"
                )


def find_nodes(model: Model, profile: Profile) -> list[OperatorRow]:
    """Return every operator with its row; UnsupportedError names all that have no kernel.

    Raises ModelError for an operator whose operands are not what it takes.
    """
    nodes: list[OperatorRow] = []
    lacking: dict[str, list[str]] = {}
    for number, graph in enumerate(model.subgraphs):
        for index, operator in enumerate(graph.operators):
            row = find(profile, operator.name)
            if row is None:
                place = f"subgraphs[{number}].operators[{index}]"
                lacking.setdefault(operator.name, []).append(place)
            else:
                nodes.append(OperatorRow(number, index, operator, row))
    if lacking:
        each = (
            f"{name} ({places[0]}{_more(places)})" + _what(name) for name, places in lacking.items()
        )
        who = profile.tflm.name if profile.tflm.distribution else "TFLM"
        raise UnsupportedError(f"{who} has no kernel for {', '.join(each)}")
    require_operators(model)
    return nodes


def check_outputs(op: TflmOperation, state: State) -> None:
    """Raise UnsupportedError where preparing has left a result's size open."""
    for position in range(len(op.operator.outputs)):
        output = op.get(f"o{position}")
        if output is None or output.id in state.resources or output.shape == (0,):
            continue
        op.require(
            all(size > 0 for size in output.shape),
            f"output {position} is {output} of shape {list(output.shape)}: "
            "tensors of unknown size are not supported",
        )


def check_intermediates(model: Model, nodes: Sequence[OperatorRow], state: State) -> None:
    """Raise UnsupportedError for an intermediate tensor that has elements."""
    for node in nodes:
        tensors = model.subgraphs[node.subgraph].tensors
        for index in node.operator.intermediates:
            if 0 <= index < len(tensors) and operand(model, node.subgraph, index, state).elements:
                raise UnsupportedError(
                    f"subgraphs[{node.subgraph}].operators[{node.index}] "
                    f"({node.operator.name}): TFLM refuses its intermediate tensor {index}, "
                    "which has elements"
                )


def operand(model: Model, subgraph: int, index: int, state: State) -> TflmOperand:
    """Return a tensor with the shape that preparing has given it."""
    tensor = model.subgraphs[subgraph].tensors[index]
    shape = state.shapes.get((subgraph, index), tensor.shape)
    return TflmOperand(model, tensor, (subgraph, index), shape)


def _what(name: str) -> str:
    """Say what a custom operator is that TFLM has no kernel for, where that is known."""
    known = compiled(name)
    return "" if known is None else f": it is {known.what}"


def _more(places: Sequence[str]) -> str:
    return f" and {len(places) - 1} more" if len(places) > 1 else ""
