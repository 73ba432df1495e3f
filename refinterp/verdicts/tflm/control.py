"""TFLM's operators that call subgraphs or keep variables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.graph.model import STORAGE
from refinterp.verdicts.checks import elements, refuse, types
from refinterp.verdicts.common import called_subgraph, if_condition
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm


@tflm("IF")
def if_(node: Node) -> None:
    """IF."""
    if_condition(node)
    then = called_subgraph(node, "then_subgraph_index")
    called_subgraph(node, "else_subgraph_index")
    graph = node.model.subgraphs[then]
    _counts("inputs", len(node.inputs) - 1, len(graph.inputs), then)
    _counts("outputs", len(node.outputs), len(graph.outputs), then)
    for position in range(1, len(node.inputs)):
        node.x(position, aborts=True)
    branches = [then, int(node.option("else_subgraph_index", 0))]
    _same_bytes(node, node.inputs[1:], branches, "inputs")
    _same_bytes(node, node.outputs, branches, "outputs")


def _same_bytes(
    node: Node, operands: Sequence[Operand | None], branches: Sequence[int], side: str
) -> None:
    """What is passed is as large as what the subgraphs have, at least one of them."""
    for position, x in enumerate(operands):
        wrong = []
        for branch in branches:
            graph = node.model.subgraphs[branch]
            indices = getattr(graph, side)
            if x is None or position >= len(indices):
                continue
            tensor = graph.tensors[indices[position]]
            sizes = (_bytes(x), _width(str(tensor.dtype)) * math.prod(tensor.shape))
            if sizes[0] != sizes[1] and min(sizes) >= 0:
                wrong.append(f"{sizes[1]} in subgraph {branch}")
        if x is not None and len(wrong) == len(branches):
            refuse("shapes", f"{x.label} has {_bytes(x)} bytes; allowed: "
                   + " or ".join(wrong), stage="invoke")  # fmt: skip


def _bytes(x: Operand) -> int:
    return _width(x.dtype) * x.size


def _width(dtype: str) -> int:
    return STORAGE[dtype].itemsize if dtype in STORAGE else 1


def _counts(what: str, mine: int, its: int, subgraph: int) -> None:
    if mine != its:
        refuse("operands", f"it has {mine} {what} for subgraph {subgraph}, which has {its}")


@tflm("WHILE")
def while_(node: Node) -> None:
    """WHILE."""
    condition = called_subgraph(node, "cond_subgraph_index")
    body = called_subgraph(node, "body_subgraph_index")
    count = len(node.inputs)
    _counts("inputs", count, len(node.model.subgraphs[condition].inputs), condition)
    _counts("inputs", count, len(node.model.subgraphs[body].inputs), body)
    if count != len(node.outputs):
        refuse(
            "operands", f"it has {count} inputs and {len(node.outputs)} outputs; allowed: as many"
        )
    _counts("outputs", count, len(node.model.subgraphs[body].outputs), body)
    for position in range(count):
        node.x(position, aborts=True)
    _same_bytes(node, node.inputs, [condition], "inputs")
    for x, y in zip(node.inputs, node.outputs, strict=True):
        if x is not None and y is not None and _bytes(x) != _bytes(y):
            refuse("shapes", f"{x.label} has {_bytes(x)} bytes and {y.label} {_bytes(y)}; "
                   "allowed: as many", stage="invoke")  # fmt: skip
    _same_bytes(node, node.outputs, [body], "inputs")
    _same_bytes(node, node.outputs, [body], "outputs")


@tflm("CALL_ONCE")
def call_once(node: Node) -> None:
    """CALL_ONCE."""
    node.counts(0, 0)
    called_subgraph(node, "init_subgraph_index")


@tflm("ASSIGN_VARIABLE")
def assign_variable(node: Node) -> None:
    """ASSIGN_VARIABLE."""
    node.counts(2, 0)
    handle = node.x(0, aborts=True)
    types(handle, "resource", "int32")
    elements(handle, 1)
    node.x(1, aborts=True)


@tflm("VAR_HANDLE")
def variable(node: Node) -> None:
    """Nothing is checked."""


@tflm("READ_VARIABLE")
def read_variable(node: Node) -> None:
    """What is read is as large as what was assigned, or the process ends."""
    handle = node.x(aborts=True)
    y = node.y(aborts=True)
    name = _variable_of(node, node.operator.inputs[0])
    for other in node.graph.operators:
        if other.name != "ASSIGN_VARIABLE" or len(other.inputs) < 2 or name is None:
            continue
        if _variable_of(node, other.inputs[0]) == name and other.inputs[1] >= 0:
            tensor = node.graph.tensors[other.inputs[1]]
            size = _width(str(tensor.dtype)) * math.prod(tensor.shape)
            if size != _width(y.dtype) * y.size:
                refuse(
                    "shapes",
                    f"{y.label} has {_width(y.dtype) * y.size} bytes; {handle.label} has {size}",
                    aborts=True,
                    stage="invoke",
                )


def _variable_of(node: Node, handle: int) -> tuple[str, str] | None:
    """The name of the variable that a handle is of, None where no operator makes it."""
    for operator in node.graph.operators:
        if operator.name == "VAR_HANDLE" and handle in operator.outputs:
            options = operator.options
            return str(options.get("container")), str(options.get("shared_name"))
    return None
