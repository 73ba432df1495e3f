"""LiteRT's layers with weights, and pooling."""

from __future__ import annotations

from refinterp.verdicts.litert.parts import (
    CODES,
    activation_range,
    bias_scale_fits,
    convolution_scales,
    multiplier,
    operand,
    window_sizes,
    zeros_are_zero,
)
from refinterp.verdicts.node import (
    Node,
    Operand,
    need,
    rank,
    runs_on,
    same_type,
    types,
    zero_is,
)
from refinterp.verdicts.table import litert


def _activation(node: Node) -> str:
    return str(node.option("fused_activation_function", "NONE"))


def _positive(node: Node, *names: str) -> None:
    for name in names:
        value = int(node.option(name, 1))
        need(value > 0, "options", f"{name} is {value}; allowed: 1 or more")


def _no_empty(x: Operand, *axes: int) -> None:
    for axis in axes:
        need(x.shape[axis] > 0, "shapes", f"{x.label} has shape {list(x.shape)}; allowed: no 0")


def _bias_size(bias: Operand, channels: int) -> None:
    need(bias.size == channels, "shapes",
         f"{bias.label} has {bias.size} elements; allowed: {channels}")  # fmt: skip


def _bias_type16(node: Node, bias: Operand | None) -> None:
    """quantized_bias_type says what the bias is."""
    kind = str(node.option("quantized_bias_type", "float32")).lower()
    if kind == "float32":
        return
    need(kind in ("int32", "int64"), "options",
         f"quantized_bias_type is {kind}; allowed: int32, int64")  # fmt: skip
    if bias is not None:
        need(bias.dtype == kind, "types",
             f"{bias.label} is of {bias.dtype}; quantized_bias_type is {kind}")  # fmt: skip


def _fits(node: Node, x: Operand, w: Operand, axes: tuple[int, int] = (1, 2)) -> list[int]:
    """The result's height and width; refused where a window does not fit."""
    sizes = window_sizes(
        [x.shape[a] for a in (1, 2)],
        [w.shape[a] for a in axes],
        [int(node.option("stride_h", 1)), int(node.option("stride_w", 1))],
        [int(node.option("dilation_h_factor", 1)), int(node.option("dilation_w_factor", 1))],
        str(node.option("padding", "SAME")),
    )
    need(min(sizes) >= 0, "shapes", f"{w.label} does not fit {x.label}")
    return sizes


@litert("CONV_2D")
def conv_2d(node: Node) -> None:
    """CONV_2D."""
    node.counts((2, 3), 1)
    y, x, w = node.y(), node.x(0), node.x(1)
    rank(x, 4)
    rank(w, 4)
    _no_empty(x, 1, 2, 3)
    _no_empty(w, 0, 1, 2, 3)
    need(x.shape[3] % w.shape[3] == 0, "shapes",
         f"{x.label} has {x.shape[3]} channels; allowed: multiples of {w.shape[3]}, those of "
         f"{w.label}")  # fmt: skip
    groups = x.shape[3] // w.shape[3]
    need(
        w.shape[0] % groups == 0,
        "shapes",
        f"{w.label} has {w.shape[0]} filters; allowed: multiples of {groups}, the groups",
    )
    types(x, "float32", *CODES)
    same_type(y, x)
    if x.dtype in ("int16", "int8"):
        need(w.affine, "quantization", f"{w.label} is not quantized; it must be")
        need(not w.zeros.any(), "zero points",
             f"{w.label} has zero points other than 0; allowed: 0")  # fmt: skip
    _positive(node, "stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor")
    need(node.has(2), "operands", "it has no bias (input 2); it must have one, be it of zeros")
    bias = node.x(2)
    _bias(x, bias)
    _bias_size(bias, w.shape[0])
    if x.dtype == "int16":
        zeros_are_zero(x, y)
        _bias_type16(node, bias)
    _fits(node, x, w)
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[0], _activation(node))
    else:
        _hybrid(w)
    _weights(x, w, {"float32": ("float32", "uint8", "int8", "int4"), "int8": ("int8", "int4")})


def _bias(x: Operand, bias: Operand) -> None:
    """A bias's type and zero point."""
    if x.dtype in ("uint8", "int8"):
        types(bias, "int32")
        zero_is(bias, 0)
    elif x.dtype == "int16":
        types(bias, "int32", "int64")
        zero_is(bias, 0)
    else:
        same_type(bias, x)


def _hybrid(w: Operand) -> None:
    """Scales per channel of weights under float data."""
    if w.dtype in ("int8", "int4") and w.scales.size > 1 and len(set(w.scales.tolist())) > 1:
        along = w.extent(w.axis)
        need(w.scales.size == along, "scales",
             f"{w.label} has {w.scales.size} scales; allowed: {along}")  # fmt: skip


def _weights(x: Operand, w: Operand, allowed: dict[str, tuple[str, ...]]) -> None:
    """Weights that a run refuses."""
    if x.dtype in allowed:
        runs_on(w, *allowed[x.dtype])


@litert("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(node: Node) -> None:
    """DEPTHWISE_CONV_2D."""
    node.counts((2, 3), 1)
    x, w, y = node.x(0), node.x(1), node.y()
    bias = node.x(2) if len(node.inputs) == 3 else None
    rank(x, 4)
    rank(w, 4)
    _positive(node, "dilation_h_factor", "dilation_w_factor", "stride_w", "stride_h")
    _no_empty(x, 1, 2, 3)
    _no_empty(w, 1, 2, 3)
    types(x, "float32", *CODES)
    same_type(y, x)
    hybrid = x.dtype == "float32" and w.dtype == "int8"
    if not hybrid:
        need(
            w.dtype == x.dtype or x.dtype == "int16" or w.dtype == "int4",
            "types",
            f"{w.label} is of {w.dtype} and {x.label} of {x.dtype}; allowed: the same, or int4",
        )
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    need(w.shape[0] == 1, "shapes", f"{w.label} has shape {list(w.shape)}; allowed: 1 first")
    need(w.shape[3] % x.shape[3] == 0, "shapes",
         f"{w.label} has {w.shape[3]} channels; allowed: multiples of {x.shape[3]}")  # fmt: skip
    if bias is not None:
        _bias(x, bias)
        if x.dtype == "int16":
            types(bias, "int64")
        rank(bias, 1)
        need(bias.shape[0] == w.shape[3], "shapes",
             f"{bias.label} has {bias.shape[0]} elements; allowed: {w.shape[3]}")  # fmt: skip
    _fits(node, x, w)
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[3], _activation(node))
    if hybrid:
        need(w.affine, "quantization", f"{w.label} is not quantized; it must be")
        along = w.extent(w.axis)
        need(
            w.scales.size == along,
            "scales",
            f"{w.label} has {w.scales.size} scales along dimension {w.axis}; allowed: {along}",
        )
    _weights(x, w, {"float32": ("float32", "int8")})


@litert("TRANSPOSE_CONV")
def transpose_conv(node: Node) -> None:
    """TRANSPOSE_CONV: inputs are the output's shape, the weights, the data and the bias."""
    node.counts((3, 4), 1)
    shape, w, x, y = node.x(0), node.x(1), node.x(2), node.y()
    bias = operand(node, 3)
    rank(shape, 1)
    rank(x, 4)
    rank(w, 4)
    _positive(node, "stride_h", "stride_w")
    _no_empty(x, 1, 2, 3)
    _no_empty(w, 0, 1, 2)
    types(x, "float32", *CODES)
    if x.dtype == "float32":
        types(w, "float32", "int8")
    elif x.dtype in ("uint8", "int8"):
        types(w, x.dtype)
    if bias is not None:
        if x.dtype == "uint8":
            types(bias, "int32")
        else:
            _bias(x, bias)
        _bias_size(bias, w.shape[0])
    if x.dtype == "int16":
        types(w, "int8")
        zeros_are_zero(x, y)
        _bias_type16(node, bias)
    same_type(y, x)
    need(
        x.shape[3] == w.shape[3],
        "shapes",
        f"{x.label} has {x.shape[3]} channels; allowed: {w.shape[3]}, those of {w.label}",
    )
    if shape.constant:
        types(shape, "int32")
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[0], _activation(node))
    elif w.dtype == "int8":
        need(w.affine, "quantization", f"{w.label} is not quantized; it must be", aborts=True)
        along = w.extent(w.axis)
        need(w.scales.size in (1, along), "scales",
             f"{w.label} has {w.scales.size} scales; allowed: 1 or {along}")  # fmt: skip
    wanted = shape.integers() if shape.dtype == "int32" else None
    if wanted is not None:
        _unstrided(node, x, w, wanted)


def _unstrided(node: Node, x: Operand, w: Operand, wanted: list[int]) -> None:
    """The result's shape is one that a convolution would make the input of."""
    need(len(wanted) == 4 and wanted[0] == x.shape[0] and min(wanted[1:3]) > 0
         and wanted[3] == w.shape[0], "shapes",
         f"the result's shape is {wanted}; allowed: [{x.shape[0]}, height, width, {w.shape[0]}]",
         stage="invoke")  # fmt: skip
    sizes = window_sizes(
        wanted[1:3],
        w.shape[1:3],
        [int(node.option("stride_h", 1)), int(node.option("stride_w", 1))],
        [1, 1],
        str(node.option("padding", "SAME")),
    )
    need(sizes == list(x.shape[1:3]), "shapes",
         f"the result's shape is {wanted}, of which a convolution makes {sizes}; allowed: "
         f"{list(x.shape[1:3])}, the height and width of {x.label}", stage="invoke")  # fmt: skip


@litert("FULLY_CONNECTED")
def fully_connected(node: Node) -> None:
    """FULLY_CONNECTED."""
    shuffled = node.option("weights_format", "DEFAULT") != "DEFAULT"
    node.counts((2, 3), 2 if shuffled else 1)
    x, w, y = node.x(0), node.x(1), node.y()
    bias = operand(node, 2)
    _fully_connected_types(x, w, bias, y, shuffled=shuffled)
    rank(w, 2)
    if w.shape[1] == 0:
        return
    if bias is not None:
        _bias_size(bias, w.shape[0])
    if x.dtype in CODES:
        for operand_ in (x, w):
            need(operand_.affine, "quantization", f"{operand_.label} is not quantized; it must be")
        if w.scales.size > 1:
            types(x, "int8", "int16")
            types(w, "int8", "int4", "int2", "int16")
            need(w.axis == 0 and w.scales.size == w.shape[0], "scales",
                 f"{w.label} has {w.scales.size} scales along dimension {w.axis}; allowed: "
                 f"{w.shape[0]} along dimension 0")  # fmt: skip
        else:
            bias_scale_fits(x, w, bias, y)
            multiplier(x, w)
        if x.dtype == "uint8" and y.dtype == "int16":
            types(w, "uint8")
        activation_range(y, y.dtype, _activation(node))
    if x.dtype == y.dtype == "int16":
        zeros_are_zero(x, y)
        _bias_type16(node, bias)
    _fully_connected_run(node, x, w, y)
    _batches(node, x, w)


def _fully_connected_types(
    x: Operand, w: Operand, bias: Operand | None, y: Operand, *, shuffled: bool
) -> None:
    if w.dtype in ("uint8", "int8", "int4", "int2", "int16"):
        if shuffled:
            types(x, "uint8")
            types(w, "uint8")
            types(y, "int16")
            allowed: tuple[str, ...] = ("int32", "int64")
        elif x.dtype == "float32" and w.dtype != "int16":
            types(y, "float32")
            allowed = ("float32",)
        elif w.dtype == "int16":
            types(x, "int16")
            types(y, "int16")
            allowed = ("int32", "int64")
        else:
            types(x, *CODES)
            types(y, *CODES)
            allowed = ("int32", "int64")
    else:
        for operand_ in (x, y, w):
            types(operand_, "float32")
        allowed = ("float32",)
    if bias is not None:
        types(bias, *allowed)


def _fully_connected_run(node: Node, x: Operand, w: Operand, y: Operand) -> None:
    """What is found out in a run."""
    if x.dtype not in CODES:
        return
    if y.dtype == "uint8":
        runs_on(w, "uint8", "int8")
    if y.dtype == "int8":
        need(x.dtype == "int8", "types",
             f"{x.label} is of {x.dtype} and {y.label} of int8; allowed: int8",
             stage="invoke")  # fmt: skip
        runs_on(w, "int8", "int4", "int2")


def _batches(node: Node, x: Operand, w: Operand) -> None:
    """Rows of the input are as long as those of the weights."""
    if node.option("keep_num_dims", False):
        need(x.rank > 0 and x.shape[-1] == w.shape[1], "shapes",
             f"{x.label} has shape {list(x.shape)}; allowed: {w.shape[1]} last")  # fmt: skip


@litert("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
def pool(node: Node) -> None:
    """Pooling."""
    node.counts(1, 1)
    x, y = node.x(), node.y()
    rank(x, 4)
    same_type(x, y)
    _positive(node, "stride_h", "stride_w")
    if node.name == "L2_POOL_2D":
        types(x, "float32")
        return
    runs_on(x, "float32", *CODES)


@litert("BATCH_MATMUL")
def batch_matmul(node: Node) -> None:
    """BATCH_MATMUL."""
    node.counts(2, 1)
    a, b, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y()
    for x in (a, b):
        need(x.rank >= 2, "rank", f"{x.label} has {x.rank} dimensions; allowed: 2 to 5",
             aborts=x.rank < 2)  # fmt: skip
    if a.dtype in ("int8", "int16") and y.dtype != "int32":
        multiplier(a, b)
    if a.dtype == "int16":
        zeros_are_zero(a, b, y)
    types(a, "float32", "int8", "int16")
    types(b, "float32", "int8", "int16")
    need(
        a.dtype == b.dtype or (a.dtype in ("float32", "int16") and b.dtype == "int8"),
        "types",
        f"{a.label} is of {a.dtype} and {b.label} of {b.dtype}; allowed: the same, or int8 second",
    )
    rank(a, 2, 5)
    rank(b, 2, 5)
    most = max(a.rank, b.rank)
    left, right = ((1,) * (most - x.rank) + x.shape for x in (a, b))
    for i, j in zip(left[:-2], right[:-2], strict=True):
        need(i == j or 1 in (i, j), "shapes", f"{a.label} has shape {list(a.shape)} and {b.label} "
             f"{list(b.shape)}, which do not broadcast")  # fmt: skip
    inner = left[-2] if node.option("adj_x", False) else left[-1]
    other = right[-1] if node.option("adj_y", False) else right[-2]
    need(inner == other, "shapes", f"{a.label} has rows of {inner} elements and {b.label} columns "
         f"of {other}; allowed: as many")  # fmt: skip
    if a.dtype == b.dtype == "int8":
        runs_on(y, "int8", "int32")


@litert("EMBEDDING_LOOKUP")
def embedding_lookup(node: Node) -> None:
    """EMBEDDING_LOOKUP."""
    node.counts(2, 1)
    lookup, value, y = node.x(0), node.x(1), node.y()
    rank(lookup, 1)
    types(lookup, "int32")
    need(value.rank >= 2, "rank", f"{value.label} has {value.rank} dimensions; allowed: 2 or more")
    codes = ("uint8", "int8", "int4", "int2")
    if value.affine:
        if value.dtype in codes and y.dtype == "float32":
            need(value.first_zero == 0, "zero points",
                 f"{value.label} has zero point {value.first_zero}; allowed: 0")  # fmt: skip
        if value.scales.size > 1:
            types(value, *codes)
            types(y, "float32", "float16")
            need(value.axis == 0 and value.scales.size == value.shape[0], "scales",
                 f"{value.label} has {value.scales.size} scales along dimension {value.axis}; "
                 f"allowed: {value.shape[0]} along dimension 0")  # fmt: skip


@litert("CONV_3D")
def conv_3d(node: Node) -> None:
    """CONV_3D."""
    node.counts((2, 3), 1)
    y, x, w = node.y(), node.x(0), node.x(1)
    rank(x, 5)
    rank(w, 5)
    need(x.shape[4] == w.shape[3], "shapes",
         f"{x.label} has {x.shape[4]} channels; allowed: {w.shape[3]}")  # fmt: skip
    _no_empty(x, 1, 2, 3, 4)
    _no_empty(w, 0, 1, 2, 3, 4)
    for operand_ in (x, w):
        types(operand_, "float32")
    same_type(y, x)
    bias = operand(node, 2)
    if bias is not None:
        same_type(bias, x)
        _bias_size(bias, w.shape[4])
    _positive(node, "stride_d", "stride_h", "stride_w", "dilation_d_factor", "dilation_h_factor",
              "dilation_w_factor")  # fmt: skip


@litert("CONV_3D_TRANSPOSE")
def conv_3d_transpose(node: Node) -> None:
    """CONV_3D_TRANSPOSE."""
    node.counts((3, 4), 1)
    y, shape, w, x = node.y(), node.x(0), node.x(1), node.x(2)
    rank(shape, 1)
    need(shape.size == 5, "shapes", f"{shape.label} has {shape.size} elements; allowed: 5")
    rank(x, 5)
    rank(w, 5)
    need(x.shape[4] == w.shape[4], "shapes",
         f"{x.label} has {x.shape[4]} channels; allowed: {w.shape[4]}")  # fmt: skip
    types(x, "float32")
    types(w, "float32")
    same_type(y, x)
    types(shape, "int32")
    bias = operand(node, 3)
    if bias is not None:
        same_type(bias, x)
        _bias_size(bias, w.shape[3])
    wanted = shape.integers()
    if wanted is None:
        return
    need(
        min(wanted) >= 0 and wanted[0] == x.shape[0] and wanted[4] == w.shape[3],
        "shapes",
        f"the result's shape is {wanted}; allowed: {x.shape[0]} first and {w.shape[3]} last",
    )
    names = ("d", "h", "w")
    sizes = window_sizes(
        wanted[1:4],
        w.shape[:3],
        [int(node.option(f"stride_{n}", 1)) or 1 for n in names],
        [int(node.option(f"dilation_{n}_factor", 1)) for n in names],
        str(node.option("padding", "SAME")),
    )
    need(sizes == list(x.shape[1:4]), "shapes",
         f"the result's shape is {wanted}, of which a convolution makes {sizes}; allowed: "
         f"{list(x.shape[1:4])}")  # fmt: skip
