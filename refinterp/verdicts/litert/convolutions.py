"""LiteRT's convolutions of images."""

from __future__ import annotations

from refinterp.verdicts.checks import is_quantized, rank, refuse, runs_on, same_type, types, zero_is
from refinterp.verdicts.common import fused_activation, operand
from refinterp.verdicts.litert.parts import CODES, zeros_are_zero
from refinterp.verdicts.litert.weights import (
    bias_size,
    bias_type16,
    convolution_scales,
    no_empty,
    positive,
    window_sizes,
)
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


def _fits(node: Node, x: Operand, w: Operand) -> None:
    """The window fits the image."""
    sizes = window_sizes(
        x.shape[1:3],
        w.shape[1:3],
        [int(node.option("stride_h", 1)), int(node.option("stride_w", 1))],
        [int(node.option("dilation_h_factor", 1)), int(node.option("dilation_w_factor", 1))],
        str(node.option("padding", "SAME")),
    )
    if min(sizes) < 0:
        refuse("shapes", f"{w.label} does not fit {x.label}")


@litert("CONV_2D")
def conv_2d(node: Node) -> None:
    """CONV_2D."""
    node.counts((2, 3), 1)
    y, x, w = node.y(), node.x(0), node.x(1)
    rank(x, 4)
    rank(w, 4)
    no_empty(x, 1, 2, 3)
    no_empty(w, 0, 1, 2, 3)
    if x.shape[3] % w.shape[3] != 0:
        refuse(
            "shapes",
            f"{x.label} has {x.shape[3]} channels; allowed: multiples of {w.shape[3]}, those of "
            f"{w.label}",
        )
    groups = x.shape[3] // w.shape[3]
    if w.shape[0] % groups != 0:
        refuse(
            "shapes",
            f"{w.label} has {w.shape[0]} filters; allowed: multiples of {groups}, the groups",
        )
    types(x, "float32", *CODES)
    same_type(y, x)
    if x.dtype in ("int16", "int8"):
        is_quantized(w)
        if w.zeros.any():
            refuse("zero points", f"{w.label} has zero points other than 0; allowed: 0")
    positive(node, "stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor")
    if not node.has(2):
        refuse("operands", "it has no bias (input 2); it must have one, be it of zeros")
    bias = node.x(2)
    _bias(x, bias)
    bias_size(bias, w.shape[0])
    if x.dtype == "int16":
        zeros_are_zero(x, y)
        bias_type16(node, bias)
    _fits(node, x, w)
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[0], fused_activation(node))
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
        if w.scales.size != along:
            refuse("scales", f"{w.label} has {w.scales.size} scales; allowed: {along}")


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
    positive(node, "dilation_h_factor", "dilation_w_factor", "stride_w", "stride_h")
    no_empty(x, 1, 2, 3)
    no_empty(w, 1, 2, 3)
    types(x, "float32", *CODES)
    same_type(y, x)
    hybrid = x.dtype == "float32" and w.dtype == "int8"
    if not hybrid and not (w.dtype == x.dtype or x.dtype == "int16" or w.dtype == "int4"):
        refuse(
            "types",
            f"{w.label} is of {w.dtype} and {x.label} of {x.dtype}; allowed: the same, or int4",
        )
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    if w.shape[0] != 1:
        refuse("shapes", f"{w.label} has shape {list(w.shape)}; allowed: 1 first")
    if w.shape[3] % x.shape[3] != 0:
        refuse("shapes", f"{w.label} has {w.shape[3]} channels; allowed: multiples of {x.shape[3]}")
    if bias is not None:
        _bias(x, bias)
        if x.dtype == "int16":
            types(bias, "int64")
        rank(bias, 1)
        if bias.shape[0] != w.shape[3]:
            refuse("shapes", f"{bias.label} has {bias.shape[0]} elements; allowed: {w.shape[3]}")
    _fits(node, x, w)
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[3], fused_activation(node))
    if hybrid:
        is_quantized(w)
        along = w.extent(w.axis)
        if w.scales.size != along:
            refuse(
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
    positive(node, "stride_h", "stride_w")
    no_empty(x, 1, 2, 3)
    no_empty(w, 0, 1, 2)
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
        bias_size(bias, w.shape[0])
    if x.dtype == "int16":
        types(w, "int8")
        zeros_are_zero(x, y)
        bias_type16(node, bias)
    same_type(y, x)
    if x.shape[3] != w.shape[3]:
        refuse(
            "shapes",
            f"{x.label} has {x.shape[3]} channels; allowed: {w.shape[3]}, those of {w.label}",
        )
    if shape.constant:
        types(shape, "int32")
    if x.dtype != "float32":
        convolution_scales(x, w, bias, y, w.shape[0], fused_activation(node))
    elif w.dtype == "int8":
        if not w.affine:
            refuse("quantization", f"{w.label} is not quantized; it must be", aborts=True)
        along = w.extent(w.axis)
        if w.scales.size not in (1, along):
            refuse("scales", f"{w.label} has {w.scales.size} scales; allowed: 1 or {along}")
    wanted = shape.integers() if shape.dtype == "int32" else None
    if wanted is not None:
        _unstrided(node, x, w, wanted)


def _unstrided(node: Node, x: Operand, w: Operand, wanted: list[int]) -> None:
    """The result's shape is one that a convolution would make the input of."""
    if not (
        len(wanted) == 4
        and wanted[0] == x.shape[0]
        and min(wanted[1:3]) > 0
        and wanted[3] == w.shape[0]
    ):
        refuse(
            "shapes",
            f"the result's shape is {wanted}; allowed: [{x.shape[0]}, height, width, {w.shape[0]}]",
            stage="invoke",
        )
    sizes = window_sizes(
        wanted[1:3],
        w.shape[1:3],
        [int(node.option("stride_h", 1)), int(node.option("stride_w", 1))],
        [1, 1],
        str(node.option("padding", "SAME")),
    )
    if sizes != list(x.shape[1:3]):
        refuse(
            "shapes",
            f"the result's shape is {wanted}, of which a convolution makes {sizes}; allowed: "
            f"{list(x.shape[1:3])}, the height and width of {x.label}",
            stage="invoke",
        )
