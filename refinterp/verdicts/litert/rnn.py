"""LiteRT's SVDF and its recurrent operators without gates."""

from __future__ import annotations

from refinterp.verdicts.checks import is_quantized, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import operand
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


def size_at(x: Operand, axis: int) -> int:
    """A size as C reads it: what lies behind the last is anything, taken for -1."""
    return x.shape[axis] if axis < x.rank else -1


def size_is(x: Operand, axis: int, wanted: int) -> None:
    """The operand has so many elements along an axis."""
    if size_at(x, axis) != wanted:
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {wanted} along dimension "
               f"{axis}")  # fmt: skip


@litert("SVDF")
def svdf(node: Node) -> None:
    """SVDF."""
    node.counts(5, 1)
    x, feature, time, state = node.x(0), node.x(1), node.x(2), node.x(4)
    bias = operand(node, 3)
    y = node.y()
    types(x, "float32", "int8")
    order = int(node.option("rank", 0))
    if order == 0:
        refuse("options", "rank is 0; allowed: 1 or more")
    filters = size_at(feature, 0)
    if filters % order != 0:
        refuse("options", f"{feature.label} has {filters} rows, which rank {order} does not divide")
    units = filters // order
    size_is(x, 1, size_at(feature, 1))
    size_is(time, 0, filters)
    if bias is not None:
        size_is(bias, 0, units)
    rank(state, 2)
    size_is(state, 0, size_at(x, 0))
    size_is(state, 1, size_at(time, 1) * filters)
    if x.dtype == "int8":
        for operand_ in (x, feature, state, time, y):
            is_quantized(operand_)
    runs_on(feature, "float32", "uint8", "int8")
    if feature.dtype != "float32" and x.dtype != "float32":
        activation = node.option("fused_activation_function", "NONE")
        if activation != "RELU":
            refuse("options", f"the activation is {activation}; allowed: RELU", stage="invoke")


@litert("RNN")
def rnn(node: Node) -> None:
    """RNN."""
    node.counts(5, 1)
    x, w, r, bias, state = (node.x(i) for i in range(5))
    node.y()
    _cell(x, w, r, bias, state, size_at(x, 1), size_at(x, 0))


def _cell(
    x: Operand, w: Operand, r: Operand, bias: Operand, state: Operand, features: int, batch: int
) -> None:
    units = size_at(w, 0)
    size_is(w, 1, features)
    size_is(bias, 0, units)
    size_is(r, 0, units)
    size_is(r, 1, units)
    types(x, "float32")
    same_type(w, r)
    rank(state, 2)
    size_is(state, 0, batch)
    size_is(state, 1, units)
    runs_on(w, "float32", "uint8", "int8")


@litert("UNIDIRECTIONAL_SEQUENCE_RNN")
def sequence_rnn(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_RNN."""
    node.counts(5, 1)
    x, w, r, bias, state = (node.x(i) for i in range(5))
    node.y()
    for operand_, dims in ((x, 3), (w, 2), (r, 2), (bias, 1), (state, 2)):
        rank(operand_, dims)
    batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
    _cell(x, w, r, bias, state, x.shape[2], batch)


@litert("BIDIRECTIONAL_SEQUENCE_RNN")
def bidirectional_rnn(node: Node) -> None:
    """BIDIRECTIONAL_SEQUENCE_RNN."""
    node.counts(12, 1 if node.option("merge_outputs", False) else 2)
    x = node.x(0)
    operands = [node.x(i) for i in range(1, 9)]
    extra, forward, backward = (operand(node, i) for i in (9, 10, 11))
    if (forward is None) != (backward is None):
        refuse("operands", "weights of the second input are given in one direction only")
    types(x, "float32")
    rank(x, 3)
    batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
    for w, r, bias, state in (operands[:4], operands[4:]):
        units = size_at(w, 0)
        size_is(w, 1, x.shape[2])
        size_is(bias, 0, units)
        size_is(r, 0 if w is operands[0] else 1, units)
        rank(state, 2)
        size_is(state, 0, batch)
        size_is(state, 1, units)
    for position in range(len(node.outputs)):
        node.y(position)
    runs_on(operands[0], "float32", "uint8", "int8")
    if forward is not None and backward is not None:
        if extra is None:
            refuse("operands", "the second input is left out, and its weights are given",
                   aborts=True)  # fmt: skip
        ok = (
            extra.shape[:2] == x.shape[:2]
            and forward.shape == (size_at(operands[0], 0), size_at(extra, 2))
            and backward.shape == (size_at(operands[4], 0), size_at(extra, 2))
        )
        if not ok:
            refuse(
                "shapes",
                f"{extra.label} has shape {list(extra.shape)}, its weights "
                f"{list(forward.shape)} and {list(backward.shape)}; allowed: those that fit "
                f"{x.label}",
                aborts=True,
            )
