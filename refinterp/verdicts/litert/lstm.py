"""LiteRT's LSTMs."""

from __future__ import annotations

from refinterp.verdicts.checks import elements, is_variable, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import operand, output_count
from refinterp.verdicts.litert.rnn import size_at, size_is
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


def _matrix(x: Operand, rows: int, columns: int) -> None:
    if x.shape != (rows, columns):
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: [{rows}, {columns}]")


def _vector(x: Operand, size: int) -> None:
    if x.shape != (size,):
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: [{size}]")


class _Gates:
    """Where the operands of an LSTM are, from the first of its weights on."""

    def __init__(self, node: Node, start: int, *, biases: int, peepholes: int) -> None:
        self.weights = [operand(node, start + i) for i in range(4)]
        self.recurrent = [operand(node, start + 4 + i) for i in range(4)]
        self.peepholes = [operand(node, peepholes + i) for i in range(3)]
        self.biases = [operand(node, biases + i) for i in range(4)]
        self.projection = operand(node, biases + 4)
        self.projection_bias = operand(node, biases + 5)


def _required(x: Operand | None, what: str) -> Operand:
    if x is None:
        refuse("operands", f"{what} is left out, and needed")
    return x


def _gates(
    node: Node, gates: _Gates, features: int, *, whole: bool, typed: bool, diagonal: bool = False
) -> tuple[int, int]:
    """Check an LSTM's weights; returns the numbers of cells and outputs.

    whole: codes throughout, so that biases are int32. typed: all weights have the first one's type.
    """
    for name in ("cell_clip", "proj_clip"):
        if not float(node.option(name, 0.0)) >= 0:
            refuse("options", f"{name} is {node.option(name)}; allowed: 0 or more")
    last = _required(gates.weights[3], "the weights from input to output")
    cells = size_at(last, 0)
    rank(last, 2)
    size_is(last, 1, features)
    recurrent = _required(gates.recurrent[3], "the recurrent weights of the output")
    flat = diagonal and recurrent.rank == 1
    if not flat:
        rank(recurrent, 2)
    size_is(recurrent, 0, cells)
    outputs = size_at(recurrent, 0 if flat else 1)
    first = _required(gates.weights[1], "the weights from input to forget gate")
    if typed:
        types(first, "float32", "uint8", "int8")
    for position in (1, 0, 2):
        w = gates.weights[position]
        if w is None:
            if position != 0:
                refuse("operands", "weights from the input are left out, and needed")
            continue
        _matrix(w, cells, features)
        if typed:
            same_type(w, first)
    for position in (0, 1, 2):
        r = gates.recurrent[position]
        if r is None:
            if position != 0:
                refuse("operands", "recurrent weights are left out, and needed")
            continue
        if diagonal and r.rank == 1:
            size_is(r, 0, cells)
            continue
        if diagonal:
            rank(r, 2)
            size_is(r, 1, outputs)
            same_type(r, first)
            if position == 0:
                size_is(r, 0, cells)
            continue
        _matrix(r, cells, outputs)
        same_type(r, first)
    if not flat and diagonal:
        same_type(recurrent, last)
    if (gates.weights[0] is None) != (gates.recurrent[0] is None):
        refuse("operands", "only one of the two weights of the input gate is given")
    _small(gates, cells, outputs, first, whole=whole, typed=typed)
    return cells, outputs


def _small(
    gates: _Gates, cells: int, outputs: int, first: Operand, *, whole: bool, typed: bool
) -> None:
    """Peepholes, biases and the projection."""
    coupled = gates.weights[0] is None
    for w in gates.peepholes:
        if w is not None:
            _vector(w, cells)
            types(w, "int16" if whole else first.dtype)
    given = [w is not None for w in gates.peepholes]
    if not (((given[0] or coupled) and all(given[1:])) or not any(given)):
        refuse("operands", "only some of the peephole weights are given")
    if coupled and gates.biases[0] is not None:
        refuse("operands", "the input gate has a bias and no weights")
    for bias in gates.biases if whole else ():
        if not (bias is None or bias.constant):
            refuse(
                "constants", "a bias is computed at run time; it must be a constant", aborts=True
            )
    for bias in gates.biases[1 if coupled else 0 :]:
        if bias is None:
            refuse("operands", "a bias is left out, and needed",
                   aborts=bias is gates.biases[0])  # fmt: skip
        _vector(bias, cells)
        types(bias, "int32" if whole else "float32")
    if gates.projection is not None:
        _matrix(gates.projection, outputs, cells)
        if typed:
            same_type(gates.projection, first)
    if gates.projection_bias is not None:
        _vector(gates.projection_bias, outputs)
        types(gates.projection_bias, "int32" if whole else "float32")
        if gates.projection is None:
            refuse("operands", "a projection has a bias and no weights")


def _normalization(node: Node, cells: int, *, whole: bool) -> None:
    """Layer normalization, which the operand of the forget gate switches on."""
    if len(node.inputs) != 24 or not node.has(21):
        return
    coupled = operand(node, 1) is None
    if coupled and node.has(20):
        refuse("operands", "the input gate has coefficients and no weights")
    for position in range(21 if coupled else 20, 24):
        x = node.x(position)
        _vector(x, cells)
        types(x, "int16" if whole else "float32")


def _states(node: Node, batch: int, cells: int, outputs: int) -> None:
    for position, size in ((18, batch * outputs), (19, batch * cells)):
        state = node.x(position)
        is_variable(state)
        elements(state, size)


@litert("LSTM")
def lstm(node: Node) -> None:
    """LSTM, full or basic."""
    if node.option("kernel_type", "FULL") == "BASIC":
        _basic(node)
        return
    output_count(node, 1)
    if len(node.inputs) not in (20, 24):
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 20 or 24")
    x = node.x(0)
    node.y()
    whole = x.dtype == "int8"
    if x.rank <= 1:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")
    gates = _Gates(node, 1, biases=12, peepholes=9)
    cells, outputs = _gates(node, gates, x.shape[1], whole=whole, typed=True)
    _normalization(node, cells, whole=whole)
    _states(node, x.shape[0], cells, outputs)
    if whole and len(node.intermediates) not in (5, 12):
        refuse("operands", f"it has {len(node.intermediates)} intermediates; allowed: 5 or 12")
    _weights_run(node, x)


def _weights_run(node: Node, x: Operand) -> None:
    runs_on(node.x(4), "float32", "uint8", "int8")
    runs_on(x, "float32", "int8")


def _basic(node: Node) -> None:
    node.counts(5, 4)
    x, activation, w, bias, state = (node.x(i) for i in range(5))
    for position in range(4):
        node.y(position)
    rank(x, 2)
    rank(activation, 2)
    size_is(activation, 0, x.shape[0])
    depth = activation.shape[1]
    _matrix(w, 4 * depth, x.shape[1] + depth)
    _vector(bias, 4 * depth)
    _matrix(state, x.shape[0], depth)
    found = (x.dtype, w.dtype, bias.dtype)
    if found not in (("float32",) * 3, ("uint8", "uint8", "int32")):
        refuse(
            "types",
            f"{x.label}, {w.label} and {bias.label} are of {', '.join(found)}; allowed: float32 "
            "throughout, or uint8, uint8, int32",
            stage="invoke",
        )


@litert("UNIDIRECTIONAL_SEQUENCE_LSTM")
def sequence_lstm(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""
    if len(node.inputs) not in (20, 24):
        refuse("operands", f"it has {len(node.inputs)} inputs; allowed: 20 or 24")
    output_count(node, 1)
    x = node.x(0)
    node.y()
    whole = x.dtype == "int8"
    if x.rank <= 1:
        refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")
    gates = _Gates(node, 1, biases=12, peepholes=9)
    cells, outputs = _gates(node, gates, size_at(x, 2), whole=whole, typed=False, diagonal=True)
    _normalization(node, cells, whole=whole)
    batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
    _states(node, batch, cells, outputs)
    if whole and len(node.intermediates) != 5:
        refuse("operands", f"it has {len(node.intermediates)} intermediates; allowed: 5")
    _weights_run(node, x)


@litert("BIDIRECTIONAL_SEQUENCE_LSTM")
def bidirectional_lstm(node: Node) -> None:
    """BIDIRECTIONAL_SEQUENCE_LSTM."""
    node.counts(48, 1 if node.option("merge_outputs", False) else 2)
    x = node.x(0)
    types(x, "float32")
    rank(x, 3)
    for start in (1, 18):
        gates = _Gates(node, start, biases=start + 11, peepholes=start + 8)
        cells, outputs = _gates(node, gates, x.shape[2], whole=False, typed=True)
        batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
        for position, size in ((35, batch * outputs), (36, batch * cells)):
            state = node.x(position + (2 if start == 18 else 0))
            elements(state, size)
    same_type(node.x(4), node.x(21))
    for position in range(35, 39):
        if not node.x(position).variable:
            refuse("variables", f"{node.x(position).label} is no variable; it must be")
    for position in range(len(node.outputs)):
        node.y(position)
