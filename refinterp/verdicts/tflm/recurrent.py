"""TFLM's SVDF and LSTM."""

from __future__ import annotations

from refinterp.verdicts.checks import is_variable, rank, refuse, runs_on, same_type, types
from refinterp.verdicts.common import input_count, operand, output_count
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import scale, size_at


@tflm("SVDF")
def svdf(node: Node) -> None:
    """SVDF."""
    x, feature, time, bias, state = (
        node.x(0), node.x(1), node.x(2), operand(node, 3), node.x(4),
    )  # fmt: skip
    order = int(node.option("rank", 1))
    if order == 0:
        refuse("options", "rank is 0; allowed: 1 or more", aborts=True)
    filters, memory, batch = size_at(feature, 0), size_at(time, 1), size_at(x, 0)
    if filters % order != 0:
        refuse("options", f"{feature.label} has {filters} rows, which rank {order} does not divide")
    types(x, "float32", "int8")
    rank(x, 2)
    output_count(node, 1)
    y = node.y()
    units = filters // order
    _shape(y, (batch, units))
    _shape(feature, (filters, size_at(x, 1)))
    _shape(time, (filters, memory))
    if bias is not None and size_at(bias, 0) != units:
        refuse("shapes", f"{bias.label} has shape {list(bias.shape)}; allowed: [{units}]")
    _shape(state, (batch, memory * filters))
    is_variable(state)
    node.counts(5, 1)
    if x.dtype == "int8":
        types(feature, "int8")
        types(time, "int16", "int8")
        types(state, "int16", "int8")
        if bias is not None:
            types(bias, "int32")
        types(y, "int8")
        if bias is None:
            refuse("operands", "input 3 is left out, and needed", aborts=True)
        assert bias is not None
        product = scale(state) * scale(time)
        if not abs(scale(bias) - product) < 1e-5:
            refuse(
                "bias scale",
                f"{bias.label} has scale {scale(bias):.9g}; allowed: {product:.9g}, that of the "
                "state times that of the weights over time",
            )
    else:
        for other in (feature, time, state, *([bias] if bias else []), y):
            types(other, "float32")


def _shape(x: Operand, wanted: tuple[int, ...]) -> None:
    if x.shape != wanted:
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {list(wanted)}")


@tflm("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes, projection or normalization."""
    output_count(node, 1)
    input_count(node, 24)
    for position in (*range(9), *range(12, 16), 18, 19):
        node.x(position)
    for position in (*range(9, 12), 16, 17, *range(20, 24)):
        if node.has(position):
            refuse("operands", f"input {position} is given; TFLM's LSTM has none of its kind")
    x, hidden, cell, y = node.x(0), node.x(18), node.x(19), node.y()
    if not (hidden.variable and cell.variable):
        refuse("variables", f"{hidden.label} and {cell.label} must be variables")
    same_type(hidden, x)
    same_type(y, x)
    for position in range(1, 9):
        same_type(node.x(position), node.x(2))
    for position in range(12, 16):
        same_type(node.x(position), node.x(13))
    features = size_at(x, 2)
    batch = size_at(x, 1 if node.option("time_major", False) else 0)
    units = size_at(hidden, 1)
    for position in range(1, 5):
        _shape(node.x(position), (units, features))
    for position in range(5, 9):
        _shape(node.x(position), (units, units))
    for position in range(12, 16):
        _shape(node.x(position), (units,))
    for state in (hidden, cell):
        if state.size != batch * units:
            refuse("shapes", f"{state.label} has {state.size} elements; allowed: {batch * units}")
    _shape(y, (*x.shape[:2], units))
    types(cell, "float32", "int16")
    runs_on(x, "float32", "int8", "int16")
    if x.dtype != "float32":
        runs_on(node.x(1), "int8")
