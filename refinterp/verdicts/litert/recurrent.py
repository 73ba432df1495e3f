"""LiteRT's recurrent operators."""

from __future__ import annotations

from refinterp.verdicts.litert.parts import operand
from refinterp.verdicts.node import Node, Operand, need, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.table import litert


def _at(x: Operand, axis: int) -> int:
    """A size as C reads it: what lies behind the last is anything, taken for -1."""
    return x.shape[axis] if axis < x.rank else -1


def _equal(x: Operand, axis: int, wanted: int) -> None:
    if _at(x, axis) != wanted:
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {wanted} along dimension "
               f"{axis}")  # fmt: skip


def _matrix(x: Operand, rows: int, columns: int) -> None:
    need(x.shape == (rows, columns), "shapes",
         f"{x.label} has shape {list(x.shape)}; allowed: [{rows}, {columns}]")  # fmt: skip


def _vector(x: Operand, size: int) -> None:
    need(x.shape == (size,), "shapes",
         f"{x.label} has shape {list(x.shape)}; allowed: [{size}]")  # fmt: skip


@litert("SVDF")
def svdf(node: Node) -> None:
    """SVDF."""
    node.counts(5, 1)
    x, feature, time, state = node.x(0), node.x(1), node.x(2), node.x(4)
    bias = operand(node, 3)
    y = node.y()
    types(x, "float32", "int8")
    order = int(node.option("rank", 0))
    need(order != 0, "options", "rank is 0; allowed: 1 or more")
    filters = _at(feature, 0)
    need(filters % order == 0, "options",
         f"{feature.label} has {filters} rows, which rank {order} does not divide")  # fmt: skip
    units = filters // order
    _equal(x, 1, _at(feature, 1))
    _equal(time, 0, filters)
    if bias is not None:
        _equal(bias, 0, units)
    rank(state, 2)
    _equal(state, 0, _at(x, 0))
    _equal(state, 1, _at(time, 1) * filters)
    if x.dtype == "int8":
        for operand_ in (x, feature, state, time, y):
            need(operand_.affine, "quantization", f"{operand_.label} is not quantized; it must be")
    runs_on(feature, "float32", "uint8", "int8")
    if feature.dtype != "float32" and x.dtype != "float32":
        activation = node.option("fused_activation_function", "NONE")
        need(activation == "RELU", "options",
             f"the activation is {activation}; allowed: RELU", stage="invoke")  # fmt: skip


@litert("RNN")
def rnn(node: Node) -> None:
    """RNN."""
    node.counts(5, 1)
    x, w, r, bias, state = (node.x(i) for i in range(5))
    node.y()
    _cell(x, w, r, bias, state, _at(x, 1), _at(x, 0))


def _cell(
    x: Operand, w: Operand, r: Operand, bias: Operand, state: Operand, features: int, batch: int
) -> None:
    units = _at(w, 0)
    _equal(w, 1, features)
    _equal(bias, 0, units)
    _equal(r, 0, units)
    _equal(r, 1, units)
    types(x, "float32")
    same_type(w, r)
    rank(state, 2)
    _equal(state, 0, batch)
    _equal(state, 1, units)
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
    need((forward is None) == (backward is None), "operands",
         "weights of the second input are given in one direction only")  # fmt: skip
    types(x, "float32")
    rank(x, 3)
    batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
    for w, r, bias, state in (operands[:4], operands[4:]):
        units = _at(w, 0)
        _equal(w, 1, x.shape[2])
        _equal(bias, 0, units)
        _equal(r, 0 if w is operands[0] else 1, units)
        rank(state, 2)
        _equal(state, 0, batch)
        _equal(state, 1, units)
    for position in range(len(node.outputs)):
        node.y(position)
    runs_on(operands[0], "float32", "uint8", "int8")
    if forward is not None and backward is not None:
        if extra is None:
            refuse("operands", "the second input is left out, and its weights are given",
                   aborts=True)  # fmt: skip
        ok = (
            extra.shape[:2] == x.shape[:2]
            and forward.shape == (_at(operands[0], 0), _at(extra, 2))
            and backward.shape == (_at(operands[4], 0), _at(extra, 2))
        )
        need(ok, "shapes", f"{extra.label} has shape {list(extra.shape)}, its weights "
             f"{list(forward.shape)} and {list(backward.shape)}; allowed: those that fit {x.label}",
             aborts=True)  # fmt: skip


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
        need(float(node.option(name, 0.0)) >= 0, "options",
             f"{name} is {node.option(name)}; allowed: 0 or more")  # fmt: skip
    last = _required(gates.weights[3], "the weights from input to output")
    cells = _at(last, 0)
    rank(last, 2)
    _equal(last, 1, features)
    recurrent = _required(gates.recurrent[3], "the recurrent weights of the output")
    flat = diagonal and recurrent.rank == 1
    if not flat:
        rank(recurrent, 2)
    _equal(recurrent, 0, cells)
    outputs = _at(recurrent, 0 if flat else 1)
    first = _required(gates.weights[1], "the weights from input to forget gate")
    if typed:
        types(first, "float32", "uint8", "int8")
    for position in (1, 0, 2):
        w = gates.weights[position]
        if w is None:
            need(position == 0, "operands", "weights from the input are left out, and needed")
            continue
        _matrix(w, cells, features)
        if typed:
            same_type(w, first)
    for position in (0, 1, 2):
        r = gates.recurrent[position]
        if r is None:
            need(position == 0, "operands", "recurrent weights are left out, and needed")
            continue
        if diagonal and r.rank == 1:
            _equal(r, 0, cells)
            continue
        if diagonal:
            rank(r, 2)
            _equal(r, 1, outputs)
            same_type(r, first)
            if position == 0:
                _equal(r, 0, cells)
            continue
        _matrix(r, cells, outputs)
        same_type(r, first)
    if not flat and diagonal:
        same_type(recurrent, last)
    need((gates.weights[0] is None) == (gates.recurrent[0] is None), "operands",
         "only one of the two weights of the input gate is given")  # fmt: skip
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
    need(((given[0] or coupled) and all(given[1:])) or not any(given), "operands",
         "only some of the peephole weights are given")  # fmt: skip
    if coupled:
        need(gates.biases[0] is None, "operands",
             "the input gate has a bias and no weights")  # fmt: skip
    for bias in gates.biases if whole else ():
        need(bias is None or bias.constant, "constants",
             "a bias is computed at run time; it must be a constant", aborts=True)  # fmt: skip
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
        need(gates.projection is not None, "operands", "a projection has a bias and no weights")


def _normalization(node: Node, cells: int, *, whole: bool) -> None:
    """Layer normalization, which the operand of the forget gate switches on."""
    if len(node.inputs) != 24 or not node.has(21):
        return
    coupled = operand(node, 1) is None
    if coupled:
        need(not node.has(20), "operands", "the input gate has coefficients and no weights")
    for position in range(21 if coupled else 20, 24):
        x = node.x(position)
        _vector(x, cells)
        types(x, "int16" if whole else "float32")


def _states(node: Node, batch: int, cells: int, outputs: int) -> None:
    for position, size in ((18, batch * outputs), (19, batch * cells)):
        state = node.x(position)
        need(state.variable, "variables", f"{state.label} is no variable; it must be")
        need(state.size == size, "shapes",
             f"{state.label} has {state.size} elements; allowed: {size}")  # fmt: skip


@litert("LSTM")
def lstm(node: Node) -> None:
    """LSTM, full or basic."""
    if node.option("kernel_type", "FULL") == "BASIC":
        _basic(node)
        return
    need(len(node.outputs) == 1, "operands", f"it has {len(node.outputs)} outputs; allowed: 1")
    need(len(node.inputs) in (20, 24), "operands",
         f"it has {len(node.inputs)} inputs; allowed: 20 or 24")  # fmt: skip
    x = node.x(0)
    node.y()
    whole = x.dtype == "int8"
    need(x.rank > 1, "rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")
    gates = _Gates(node, 1, biases=12, peepholes=9)
    cells, outputs = _gates(node, gates, x.shape[1], whole=whole, typed=True)
    _normalization(node, cells, whole=whole)
    _states(node, x.shape[0], cells, outputs)
    if whole:
        need(len(node.intermediates) in (5, 12), "operands",
             f"it has {len(node.intermediates)} intermediates; allowed: 5 or 12")  # fmt: skip
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
    _equal(activation, 0, x.shape[0])
    depth = activation.shape[1]
    _matrix(w, 4 * depth, x.shape[1] + depth)
    _vector(bias, 4 * depth)
    _matrix(state, x.shape[0], depth)
    found = (x.dtype, w.dtype, bias.dtype)
    need(found in (("float32",) * 3, ("uint8", "uint8", "int32")), "types",
         f"{x.label}, {w.label} and {bias.label} are of {', '.join(found)}; allowed: float32 "
         "throughout, or uint8, uint8, int32", stage="invoke")  # fmt: skip


@litert("UNIDIRECTIONAL_SEQUENCE_LSTM")
def sequence_lstm(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM."""
    need(len(node.inputs) in (20, 24), "operands",
         f"it has {len(node.inputs)} inputs; allowed: 20 or 24")  # fmt: skip
    need(len(node.outputs) == 1, "operands", f"it has {len(node.outputs)} outputs; allowed: 1")
    x = node.x(0)
    node.y()
    whole = x.dtype == "int8"
    need(x.rank > 1, "rank", f"{x.label} has {x.rank} dimensions; allowed: 2 or more")
    gates = _Gates(node, 1, biases=12, peepholes=9)
    cells, outputs = _gates(node, gates, _at(x, 2), whole=whole, typed=False, diagonal=True)
    _normalization(node, cells, whole=whole)
    batch = x.shape[1] if node.option("time_major", False) else x.shape[0]
    _states(node, batch, cells, outputs)
    if whole:
        need(len(node.intermediates) == 5, "operands",
             f"it has {len(node.intermediates)} intermediates; allowed: 5")  # fmt: skip
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
            need(state.size == size, "shapes",
                 f"{state.label} has {state.size} elements; allowed: {size}")  # fmt: skip
    same_type(node.x(4), node.x(21))
    for position in range(35, 39):
        need(node.x(position).variable, "variables",
             f"{node.x(position).label} is no variable; it must be")  # fmt: skip
    for position in range(len(node.outputs)):
        node.y(position)
