"""LiteRT's operators that call subgraphs or keep variables, and its custom operators."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from refinterp.verdicts.checks import (
    elements,
    is_constant,
    rank,
    refuse,
    runs_on,
    same_shape,
    same_type,
    types,
)
from refinterp.verdicts.common import called_subgraph, if_condition, input_count, output_count
from refinterp.verdicts.node import KnownTensors, Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import LITERT_RULES, litert
from refinterp.verdicts.verdict import Refusal


def _counts(node: Node, called: int, inputs: int, outputs: int) -> None:
    graph = node.model.subgraphs[called]
    if (inputs, outputs) != (len(graph.inputs), len(graph.outputs)):
        refuse(
            "operands",
            f"it has {inputs} inputs and {outputs} outputs for subgraph {called}, which has "
            f"{len(graph.inputs)} and {len(graph.outputs)}",
        )


def _passed(node: Node, called: int, operands: Sequence[Operand | None], side: str) -> None:
    """Tensors that are passed are there, and of the types that the subgraph works on."""
    graph = node.model.subgraphs[called]
    for x, index in zip(operands, getattr(graph, side), strict=True):
        if x is None:
            refuse("operands", f"one of its {side} is left out, and needed", aborts=True)
        tensor = graph.tensors[index]
        if x.dtype != tensor.dtype:
            refuse(
                "types",
                f"{x.label} is of {x.dtype}; allowed: {tensor.dtype}, as in subgraph {called}",
                stage="invoke",
            )


@litert("IF")
def if_(node: Node) -> None:
    """IF."""
    if_condition(node)
    for name in ("then_subgraph_index", "else_subgraph_index"):
        called = called_subgraph(node, name)
        _counts(node, called, len(node.inputs) - 1, len(node.outputs))
        _passed(node, called, node.inputs[1:], "inputs")


@litert("WHILE")
def while_(node: Node) -> None:
    """WHILE."""
    condition = called_subgraph(node, "cond_subgraph_index")
    body = called_subgraph(node, "body_subgraph_index")
    count = len(node.inputs)
    if count != len(node.outputs):
        refuse(
            "operands", f"it has {count} inputs and {len(node.outputs)} outputs; allowed: as many"
        )
    _counts(node, condition, count, 1)
    _counts(node, body, count, count)
    _passed(node, body, node.inputs, "inputs")
    _passed(node, body, node.outputs, "outputs")


@litert("CALL_ONCE")
def call_once(node: Node) -> None:
    """CALL_ONCE."""
    called = int(node.option("init_subgraph_index", 0))
    if called == node.subgraph:
        refuse("options", "it calls its own subgraph")
    node.counts(0, 0)
    _counts(node, called_subgraph(node, "init_subgraph_index"), 0, 0)


@litert("ASSIGN_VARIABLE", "READ_VARIABLE")
def variable(node: Node) -> None:
    """Variables by number."""
    node.counts(*((2, 0) if node.name == "ASSIGN_VARIABLE" else (1, 1)))
    handle = node.x(0)
    types(handle, "resource", "int32")
    size = prod(handle.tensor.shape)  # as the file has it: VAR_HANDLE leaves it alone
    if size != 1:
        refuse("shapes", f"{handle.label} has {size} elements; allowed: 1")
    if node.name == "ASSIGN_VARIABLE":
        node.x(1)


@litert("STABLEHLO_COMPOSITE")
def composite(node: Node) -> None:
    """An operator spelt out in a subgraph."""
    if len(node.inputs) <= 0:
        refuse("operands", "it has no inputs; allowed: 1 or more")
    called = called_subgraph(node, "decomposition_subgraph_index")
    _counts(node, called, len(node.inputs), len(node.outputs))
    graph = node.model.subgraphs[called]
    known = KnownTensors()
    for position, index in enumerate(graph.inputs):
        x = node.x(position, aborts=True)
        known.shapes[index], known.dtypes[index] = x.shape, x.dtype
    if any(str(graph.tensors[i].dtype) != dtype for i, dtype in known.dtypes.items()):
        _on_these(node, called, known)


def _on_these(node: Node, called: int, known: KnownTensors) -> None:
    """The operators of a subgraph take the types that are passed to it."""
    for index in range(len(node.model.subgraphs[called].operators)):
        inner = Node(node.model, called, index, known)
        rule = LITERT_RULES.get(inner.name)
        if rule is None or called == node.subgraph:
            continue
        try:
            rule(inner)
        except Refusal as found:
            raise Refusal(
                found.rule,
                f"in subgraph {called}, operator {index} ({inner.name}): {found.why}",
                aborts=found.aborts,
                stage=found.stage,
            ) from found


@litert("TFLite_Detection_PostProcess")
def detection(node: Node) -> None:
    """Boxes from what a detector says."""
    input_count(node, 3)
    boxes, scores, anchors = (node.x(i) for i in range(3))
    rank(boxes, 3)
    rank(scores, 3)
    rank(anchors, 2)
    output_count(node, 4)
    for position in range(4):
        node.y(position)
    for x in (boxes, scores, anchors):
        runs_on(x, "float32", "uint8")


@litert("STABLEHLO_GATHER")
def stablehlo_gather(node: Node) -> None:
    """STABLEHLO_GATHER."""
    node.counts(2, 1)
    x, starts, y = node.x(0), node.x(1), node.y()
    types(starts, "int32", "int64")
    sizes = node.option("slice_sizes", ()) or ()
    if len(sizes) != x.rank:
        refuse("options", f"slice_sizes has {len(sizes)} elements; allowed: {x.rank}")
    collapsed = len(node.option("collapsed_slice_dims", ()) or ())
    if collapsed > len(sizes):
        refuse("options", f"collapsed_slice_dims has {collapsed} elements")
    if len(node.option("offset_dims", ()) or ()) > y.rank:
        refuse("options", f"offset_dims has more elements than {y.label} dimensions")
    depth = int(node.option("index_vector_dim", 0))
    if depth > starts.rank:
        refuse("options", f"index_vector_dim is {depth}; allowed: up to {starts.rank}")
    least = len(node.option("offset_dims", ()) or ()) + starts.rank - (depth < starts.rank)
    if y.rank < least:
        refuse("rank", f"{y.label} has {y.rank} dimensions; allowed: {least}", stage="invoke")
    _index_axis_not_negative(depth)
    _axes(node, "collapsed_slice_dims", x.rank, aborts=True)
    _axes(node, "offset_dims", y.rank)
    runs_on(x, "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8",
            "uint16", "uint32", "uint64", "bool")  # fmt: skip


@litert("STABLEHLO_SCATTER")
def stablehlo_scatter(node: Node) -> None:
    """STABLEHLO_SCATTER."""
    node.counts(3, 1)
    x, indices, updates = node.x(0), node.x(1), node.x(2)
    types(indices, "int32", "int64")
    node.y()
    for name, most in (("update_window_dims", updates.rank), ("inserted_window_dims", x.rank),
                       ("scatter_dims_to_operand_dims", x.rank)):  # fmt: skip
        count = len(node.option(name, ()) or ())
        if count > most:
            refuse("options", f"{name} has {count} elements; allowed: up to {most}")
    depth = int(node.option("index_vector_dim", 0))
    if depth > indices.rank:
        refuse("options", f"index_vector_dim is {depth}; allowed: up to {indices.rank}")
    called_subgraph(node, "update_computation_subgraph_index")
    if x.dtype == "int4":
        refuse("dtype", f"{x.label} is of int4; allowed: whole bytes", stage="invoke")
    for axis in node.option("scatter_dims_to_operand_dims", ()) or ():
        if not 0 <= axis < x.rank:
            refuse(
                "options",
                f"scatter_dims_to_operand_dims has {axis}; allowed: 0 to {x.rank - 1}",
                stage="invoke",
            )
    _index_axis_not_negative(depth)


def _index_axis_not_negative(depth: int) -> None:
    if depth < 0:
        refuse(
            "options",
            f"index_vector_dim is {depth}; allowed: 0 or more",
            aborts=True,
            stage="invoke",
        )


def _axes(node: Node, name: str, rank: int, *, aborts: bool = False) -> None:
    """An option holds different axes of a tensor of some rank."""
    axes = list(node.option(name, ()) or ())
    fits = len(set(axes) & set(range(rank))) == len(axes)
    if not fits:
        refuse(
            "options",
            f"{name} is {axes}; allowed: different axes from 0 to {rank - 1}",
            aborts=aborts,
            stage="invoke",
        )


@litert("STABLEHLO_PAD")
def stablehlo_pad(node: Node) -> None:
    """STABLEHLO_PAD."""
    names = ("edge_padding_low", "edge_padding_high", "interior_padding")
    counts = [len(node.option(name, ()) or ()) for name in names]
    if len(set(counts)) != 1:
        refuse(
            "options", f"{', '.join(names)} have {counts} elements; allowed: as many", stage="open"
        )
    x, value, y = node.x(0), node.x(1), node.y()
    same_type(x, value)
    elements(value, 1)
    same_type(x, y)


@litert("STABLEHLO_REDUCE_WINDOW", "REDUCE_WINDOW")
def reduce_window(node: Node) -> None:
    """Windows."""
    plain = node.name == "REDUCE_WINDOW"
    node.counts(5 if plain else 2, 1)
    x, start, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y(aborts=True)
    if plain:
        for position in (2, 3, 4):
            window = node.x(position, aborts=True)
            is_constant(window)
            types(window, "int64")
        steps = node.x(3)
        if 0 in (steps.integers() or ()):
            refuse("values", f"{steps.label} holds 0; allowed: others", aborts=True)
    else:
        count = len(node.option("window_dimensions", ()) or ())
        if count <= 0:
            refuse("options", "window_dimensions is empty; allowed: not", stage="open")
        for name in ("window_strides", "base_dilations", "window_dilations", "padding"):
            found = len(node.option(name, ()) or ())
            wanted = 2 * count if name == "padding" else count
            if found not in (0, wanted):
                refuse("options", f"{name} has {found} elements; allowed: {wanted}", stage="open")
        if x.rank > count:
            refuse("options", f"window_dimensions has {count} elements; allowed: {x.rank}")
    same_type(x, y)
    same_type(x, start)
    rank(x, 1, 6)
    runs_on(x, "bool", "int8", "int16", "int32", "int64", "uint8", "float32")


@litert("STABLEHLO_RNG_BIT_GENERATOR")
def rng(node: Node) -> None:
    """Random bits."""
    node.counts(1, 2)
    state, key, y = node.x(), node.y(0), node.y(1)
    types(state, "uint64")
    rank(state, 1)
    types(key, "uint64")
    same_shape(key, state)
    types(y, "int32", "int64", "uint32", "uint64")
    algorithm = node.option("algorithm", "DEFAULT")
    sizes = (2,) if algorithm == "THREEFRY" else (2, 3)
    if state.size not in sizes:
        refuse(
            "shapes",
            f"{state.label} has {state.size} elements; allowed: " + " or ".join(map(str, sizes)),
            stage="invoke",
        )
