"""TFLM's layers with weights, pooling and recurrent operators."""

from __future__ import annotations

import math

from refinterp.verdicts.node import (
    Node,
    Operand,
    is_quantized,
    need,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
)
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import (
    activation_range,
    bias_scale_fits,
    convolution_scales,
    operand,
    scale,
    zero,
    zero_point_is,
)


def _kinds(x: Operand, w: Operand, *allowed: tuple[str, str]) -> None:
    """The types of data and weights go together."""
    if (x.dtype, w.dtype) not in allowed:
        pairs = ", ".join(f"{a} with {b}" for a, b in allowed)
        hybrid = x.dtype == "float32" and w.dtype in ("int8", "uint8", "int4")
        refuse(
            "hybrid" if hybrid else "types",
            ("it is hybrid (a dynamic-range model's): " if hybrid else "")
            + f"{x.label} is of {x.dtype} and {w.label} of {w.dtype}; allowed: {pairs}",
        )


def _dimension(x: Operand, axis: int) -> int:
    """A size as C reads it; 0 beyond the last."""
    return x.shape[axis] if axis < x.rank else 0


def _strides(node: Node) -> None:
    """Division by a stride of zero ends the process."""
    for name in ("stride_w", "stride_h"):
        if node.option(name, 1) == 0:
            refuse("options", f"{name} is 0; allowed: 1 or more", aborts=True)


def _groups(x: Operand, w: Operand, y: Operand) -> None:
    """C divides by the number of groups, and reads channels where there is no dimension."""
    for operand_ in (x, w, y):
        need(operand_.rank > 3, "rank", f"{operand_.label} has {operand_.rank} dimensions; "
             "allowed: 4", aborts=True, stage="invoke")  # fmt: skip
    groups = x.shape[3] // w.shape[3] if w.shape[3] else 0
    if groups == 0 or y.shape[3] // groups == 0:
        refuse("shapes", f"{x.label}, {w.label} and {y.label} have {x.shape[3]}, {w.shape[3]} and "
               f"{y.shape[3]} channels, which make no groups", aborts=True,
               stage="invoke")  # fmt: skip


@tflm("CONV_2D")
def conv_2d(node: Node) -> None:
    """CONV_2D."""
    y, x, w = node.y(), node.x(0), node.x(1)
    need(x.dtype == y.dtype, "types",
         f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same")  # fmt: skip
    _kinds(x, w, ("float32", "float32"), ("int16", "int8"), ("int8", "int4"), ("int8", "int8"))
    channels = _dimension(w, 0)
    if x.dtype in ("int8", "int16"):
        is_quantized(w)
        need(w.scales.size in (1, channels), "scales",
             f"{w.label} has {w.scales.size} scales; allowed: 1 or {channels}")  # fmt: skip
    node.counts((2, 3), 1)
    _strides(node)
    if x.dtype != "float32":
        convolution_scales(
            node, x, w, y, channels, node.option("fused_activation_function", "NONE")
        )
    bias = operand(node, 2)
    if x.dtype == "int16" and bias is not None:
        runs_on(bias, "int32", "int64")
    _groups(x, w, y)


@tflm("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(node: Node) -> None:
    """DEPTHWISE_CONV_2D."""
    y, x, w = node.y(), node.x(0), node.x(1)
    channels = _dimension(w, 3)
    if x.dtype == "int8":
        is_quantized(w)
        need(w.scales.size in (1, channels), "scales",
             f"{w.label} has {w.scales.size} scales; allowed: 1 or {channels}")  # fmt: skip
    if x.dtype != w.dtype:
        _kinds(x, w, ("float32", "float32"), ("int8", "int8"), ("int8", "int4"), ("int16", "int8"))
    node.counts((2, 3), 1)
    _strides(node)
    if x.dtype != "float32":
        convolution_scales(
            node, x, w, y, channels, node.option("fused_activation_function", "NONE")
        )
    if len(node.inputs) == 3:
        node.x(2, aborts=True)
    runs_on(x, "float32", "int8", "int16")
    runs_on(w, *{"float32": ("float32",), "int8": ("int8", "int4"), "int16": ("int8",)}[x.dtype])


@tflm("TRANSPOSE_CONV")
def transpose_conv(node: Node) -> None:
    """TRANSPOSE_CONV: inputs are the output's shape, the weights, the data and the bias."""
    y, x, w = node.y(), node.x(2), node.x(1)
    if x.dtype != w.dtype:
        _kinds(x, w, ("float32", "float32"), ("int8", "int8"), ("int16", "int8"))
    channels = _dimension(w, 0)
    if x.dtype in ("int8", "int16"):
        is_quantized(w)
        need(w.scales.size in (1, channels), "scales",
             f"{w.label} has {w.scales.size} scales; allowed: 1 or {channels}")  # fmt: skip
    node.counts((3, 4), 1)
    _strides(node)
    if x.dtype != "float32":
        convolution_scales(
            node, x, w, y, channels, node.option("fused_activation_function", "NONE")
        )
    need(x.dtype == y.dtype, "types",
         f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same",
         stage="invoke")  # fmt: skip
    runs_on(x, "float32", "int8", "int16")


@tflm("FULLY_CONNECTED")
def fully_connected(node: Node) -> None:
    """FULLY_CONNECTED."""
    x, w, bias, y = node.x(0), node.x(1), operand(node, 2), node.y()
    same_type(x, y)
    allowed = {"float32": ("float32",), "int8": ("int8", "int4"), "int16": ("int8",)}
    if x.dtype in allowed:
        _kinds(x, w, *((x.dtype, other) for other in allowed[x.dtype]))
    if x.dtype != "float32":
        if w.affine and w.scales.size > 1:
            need(x.dtype in ("int8", "int16") and w.dtype != "int4", "scales",
                 f"{w.label} is of {w.dtype} and has {w.scales.size} scales, and {x.label} is of "
                 f"{x.dtype}; allowed: one scale")  # fmt: skip
            along = w.extent(w.axis) if 0 <= w.axis < w.rank else 0
            need(w.scales.size == along, "scales",
                 f"{w.label} has {w.scales.size} scales for {along} channels")  # fmt: skip
        else:
            bias_scale_fits(x, w, bias, y)
        activation_range(node, y, node.option("fused_activation_function", "NONE"))
    runs_on(x, "float32", "int8", "int16")


@tflm("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(node: Node) -> None:
    """Pooling."""
    x, y = node.x(), node.y()
    _strides(node)
    if x.dtype in ("int8", "int16"):
        apart = abs(scale(x) - scale(y))
        need(
            apart <= 1e-6,
            "scales",
            f"{x.label} has scale {scale(x):.9g} and {y.label} {scale(y):.9g}; allowed: the same",
        )
        need(
            zero(x) == zero(y),
            "zero points",
            f"{x.label} has zero point {zero(x)} and {y.label} {zero(y)}; allowed: the same",
        )
    types(x, "float32", "int8", "int16")


@tflm("L2_POOL_2D")
def l2_pool(node: Node) -> None:
    """L2_POOL_2D."""
    node.counts(1, 1)
    y, x = node.y(), node.x()
    rank(x, 4)
    rank(y, 4)
    same_type(x, y)
    _strides(node)
    types(x, "float32")


@tflm("BATCH_MATMUL")
def batch_matmul(node: Node) -> None:
    """BATCH_MATMUL."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    types(a, "float32", "int8", "int16")
    types(b, "float32", "int8", "int16")
    same_type(a, b)
    same_type(a, y)
    rank(a, 2, 5)
    rank(b, 2, 5)
    if a.dtype == "int16":
        for x in (a, b, y):
            zero_point_is(x, 0)
    most = max(a.rank, b.rank)
    left, right = ((1,) * (most - x.rank) + x.shape for x in (a, b))
    for i, j in zip(left[:-2], right[:-2], strict=True):
        need(i == j or 1 in (i, j), "shapes", f"{a.label} has shape {list(a.shape)} and {b.label} "
             f"{list(b.shape)}, which do not broadcast")  # fmt: skip
    inner = left[-2] if node.option("adj_x", False) else left[-1]
    other = right[-1] if node.option("adj_y", False) else right[-2]
    need(inner == other, "shapes", f"{a.label} has rows of {inner} elements and {b.label} columns "
         f"of {other}; allowed: as many")  # fmt: skip
    rows = left[-1] if node.option("adj_x", False) else left[-2]
    columns = right[-2] if node.option("adj_y", False) else right[-1]
    wanted = tuple(max(i, j) for i, j in zip(left[:-2], right[:-2], strict=True))
    _result(y, (*wanted, rows, columns))


def _result(y: Operand, shape: tuple[int, ...]) -> None:
    """The result has as many elements as it will have, and no fewer dimensions."""
    need(len(shape) <= y.rank, "rank", f"{y.label} has {y.rank} dimensions; allowed: {len(shape)}")
    count = math.prod(shape)
    need(y.size == count, "shapes", f"{y.label} has {y.size} elements; allowed: {count}")


@tflm("EMBEDDING_LOOKUP")
def embedding_lookup(node: Node) -> None:
    """EMBEDDING_LOOKUP."""
    node.counts(2, 1)
    lookup = node.x(0)
    rank(lookup, 1)
    types(lookup, "int32")
    value = node.x(1)
    need(value.rank >= 2, "rank", f"{value.label} has {value.rank} dimensions; allowed: 2 or more")
    types(value, "float32", "int8")
    y = node.y()
    types(y, *(("float32",) if value.dtype == "float32" else ("float32", "int8")))
    need(y.rank >= value.rank, "rank",
         f"{y.label} has {y.rank} dimensions; allowed: {value.rank} or more")  # fmt: skip
    size = lookup.shape[0] if lookup.shape else 0
    for extent in value.shape[1:]:
        size *= extent
    for extent in y.shape[value.rank :]:
        size *= extent
    need(size <= y.size, "shapes", f"{y.label} has {y.size} elements; {size} are needed")
    if value.dtype == "int8" and y.dtype == "float32":
        zero_point_is(value, 0)


@tflm("SVDF")
def svdf(node: Node) -> None:
    """SVDF."""
    x, feature, time, bias, state = (
        node.x(0), node.x(1), node.x(2), operand(node, 3), node.x(4),
    )  # fmt: skip
    order = int(node.option("rank", 1))
    need(order != 0, "options", "rank is 0; allowed: 1 or more", aborts=True)
    filters, memory, batch = _dimension(feature, 0), _dimension(time, 1), _dimension(x, 0)
    need(filters % order == 0, "options",
         f"{feature.label} has {filters} rows, which rank {order} does not divide")  # fmt: skip
    types(x, "float32", "int8")
    rank(x, 2)
    need(len(node.outputs) == 1, "operands", f"it has {len(node.outputs)} outputs; allowed: 1")
    y = node.y()
    units = filters // order
    _shape(y, (batch, units))
    _shape(feature, (filters, _dimension(x, 1)))
    _shape(time, (filters, memory))
    if bias is not None:
        need(_dimension(bias, 0) == units, "shapes",
             f"{bias.label} has shape {list(bias.shape)}; allowed: [{units}]")  # fmt: skip
    _shape(state, (batch, memory * filters))
    need(state.variable, "variables", f"{state.label} is no variable; it must be")
    node.counts(5, 1)
    if x.dtype == "int8":
        types(feature, "int8")
        types(time, "int16", "int8")
        types(state, "int16", "int8")
        if bias is not None:
            types(bias, "int32")
        types(y, "int8")
        need(bias is not None, "operands", "input 3 is left out, and needed", aborts=True)
        assert bias is not None
        product = scale(state) * scale(time)
        need(abs(scale(bias) - product) < 1e-5, "bias scale",
             f"{bias.label} has scale {scale(bias):.9g}; allowed: {product:.9g}, that of the state "
             "times that of the weights over time")  # fmt: skip
    else:
        for other in (feature, time, state, *([bias] if bias else []), y):
            types(other, "float32")


def _shape(x: Operand, wanted: tuple[int, ...]) -> None:
    if x.shape != wanted:
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {list(wanted)}")


@tflm("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(node: Node) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes, projection or normalization."""
    need(len(node.outputs) == 1, "operands", f"it has {len(node.outputs)} outputs; allowed: 1")
    need(len(node.inputs) == 24, "operands", f"it has {len(node.inputs)} inputs; allowed: 24")
    for position in (*range(9), *range(12, 16), 18, 19):
        node.x(position)
    for position in (*range(9, 12), 16, 17, *range(20, 24)):
        need(not node.has(position), "operands",
             f"input {position} is given; TFLM's LSTM has none of its kind")  # fmt: skip
    x, hidden, cell, y = node.x(0), node.x(18), node.x(19), node.y()
    need(hidden.variable and cell.variable, "variables",
         f"{hidden.label} and {cell.label} must be variables")  # fmt: skip
    same_type(hidden, x)
    same_type(y, x)
    for position in range(1, 9):
        same_type(node.x(position), node.x(2))
    for position in range(12, 16):
        same_type(node.x(position), node.x(13))
    features = _dimension(x, 2)
    batch = _dimension(x, 1 if node.option("time_major", False) else 0)
    units = _dimension(hidden, 1)
    for position in range(1, 5):
        _shape(node.x(position), (units, features))
    for position in range(5, 9):
        _shape(node.x(position), (units, units))
    for position in range(12, 16):
        _shape(node.x(position), (units,))
    for state in (hidden, cell):
        need(state.size == batch * units, "shapes",
             f"{state.label} has {state.size} elements; allowed: {batch * units}")  # fmt: skip
    _shape(y, (*x.shape[:2], units))
    types(cell, "float32", "int16")
    runs_on(x, "float32", "int8", "int16")
    if x.dtype != "float32":
        runs_on(node.x(1), "int8")
