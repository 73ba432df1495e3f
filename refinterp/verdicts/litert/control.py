"""LiteRT's operators that call subgraphs or keep variables, and its custom operators."""

from __future__ import annotations

from refinterp.verdicts.node import Node, need, rank, same_shape, same_type, types
from refinterp.verdicts.table import litert


def _subgraph(node: Node, name: str) -> int:
    called = int(node.option(name, 0))
    count = len(node.model.subgraphs)
    need(0 <= called < count, "options", f"{name} is {called}; allowed: 0 to {count - 1}")
    return called


def _counts(node: Node, called: int, inputs: int, outputs: int) -> None:
    graph = node.model.subgraphs[called]
    need((inputs, outputs) == (len(graph.inputs), len(graph.outputs)), "operands",
         f"it has {inputs} inputs and {outputs} outputs for subgraph {called}, which has "
         f"{len(graph.inputs)} and {len(graph.outputs)}")  # fmt: skip


@litert("IF")
def if_(node: Node) -> None:
    """IF."""
    need(len(node.inputs) > 0, "operands", "it has no inputs; allowed: 1 or more")
    condition = node.x(0)
    types(condition, "bool")
    need(condition.size == 1, "shapes",
         f"{condition.label} has {condition.size} elements; allowed: 1")  # fmt: skip
    for name in ("then_subgraph_index", "else_subgraph_index"):
        _counts(node, _subgraph(node, name), len(node.inputs) - 1, len(node.outputs))


@litert("WHILE")
def while_(node: Node) -> None:
    """WHILE."""
    condition, body = _subgraph(node, "cond_subgraph_index"), _subgraph(node, "body_subgraph_index")
    count = len(node.inputs)
    need(count == len(node.outputs), "operands",
         f"it has {count} inputs and {len(node.outputs)} outputs; allowed: as many")  # fmt: skip
    _counts(node, condition, count, 1)
    _counts(node, body, count, count)


@litert("CALL_ONCE")
def call_once(node: Node) -> None:
    """CALL_ONCE."""
    called = int(node.option("init_subgraph_index", 0))
    need(called != node.subgraph, "options", "it calls its own subgraph")
    node.counts(0, 0)
    _counts(node, _subgraph(node, "init_subgraph_index"), 0, 0)


@litert("ASSIGN_VARIABLE", "READ_VARIABLE")
def variable(node: Node) -> None:
    """Variables by number."""
    node.counts(*((2, 0) if node.name == "ASSIGN_VARIABLE" else (1, 1)))
    handle = node.x(0)
    types(handle, "resource", "int32")
    need(handle.size == 1, "shapes", f"{handle.label} has {handle.size} elements; allowed: 1")
    if node.name == "ASSIGN_VARIABLE":
        node.x(1)


@litert("STABLEHLO_COMPOSITE")
def composite(node: Node) -> None:
    """An operator spelt out in a subgraph."""
    need(len(node.inputs) > 0, "operands", "it has no inputs; allowed: 1 or more")
    called = _subgraph(node, "decomposition_subgraph_index")
    _counts(node, called, len(node.inputs), len(node.outputs))


@litert("TFLite_Detection_PostProcess")
def detection(node: Node) -> None:
    """Boxes from what a detector says."""
    need(len(node.inputs) == 3, "operands", f"it has {len(node.inputs)} inputs; allowed: 3")
    boxes, scores, anchors = (node.x(i) for i in range(3))
    rank(boxes, 3)
    rank(scores, 3)
    rank(anchors, 2)
    need(len(node.outputs) == 4, "operands", f"it has {len(node.outputs)} outputs; allowed: 4")
    for position in range(4):
        node.y(position)


@litert("STABLEHLO_GATHER")
def stablehlo_gather(node: Node) -> None:
    """STABLEHLO_GATHER."""
    node.counts(2, 1)
    x, starts, y = node.x(0), node.x(1), node.y()
    types(starts, "int32", "int64")
    sizes = node.option("slice_sizes", ()) or ()
    need(len(sizes) == x.rank, "options",
         f"slice_sizes has {len(sizes)} elements; allowed: {x.rank}")  # fmt: skip
    collapsed = len(node.option("collapsed_slice_dims", ()) or ())
    need(collapsed <= len(sizes), "options", f"collapsed_slice_dims has {collapsed} elements")
    need(len(node.option("offset_dims", ()) or ()) <= y.rank, "options",
         f"offset_dims has more elements than {y.label} dimensions")  # fmt: skip
    depth = int(node.option("index_vector_dim", 0))
    need(depth <= starts.rank, "options",
         f"index_vector_dim is {depth}; allowed: up to {starts.rank}")  # fmt: skip


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
        need(count <= most, "options", f"{name} has {count} elements; allowed: up to {most}")
    depth = int(node.option("index_vector_dim", 0))
    need(depth <= indices.rank, "options",
         f"index_vector_dim is {depth}; allowed: up to {indices.rank}")  # fmt: skip
    _subgraph(node, "update_computation_subgraph_index")


@litert("STABLEHLO_PAD")
def stablehlo_pad(node: Node) -> None:
    """STABLEHLO_PAD."""
    x, value, y = node.x(0), node.x(1), node.y()
    same_type(x, value)
    need(value.size == 1, "shapes", f"{value.label} has {value.size} elements; allowed: 1")
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
            need(window.constant, "constants",
                 f"{window.label} is computed at run time; it must be a constant")  # fmt: skip
            types(window, "int64")
    same_type(x, y)
    same_type(x, start)
    rank(x, 1, 6)


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
