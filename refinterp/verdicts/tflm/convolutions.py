"""TFLM's convolutions."""

from __future__ import annotations

from refinterp.verdicts.checks import refuse, runs_on, same_type
from refinterp.verdicts.common import fused_activation, operand
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import size_at, strides_not_zero
from refinterp.verdicts.tflm.weights import convolution_scales, scales_fit, types_fit

_FLOAT = ("float32", "float32")


@tflm("CONV_2D")
def conv_2d(node: Node) -> None:
    """CONV_2D."""
    y, x, w = node.y(), node.x(0), node.x(1)
    same_type(x, y)
    types_fit(x, w, _FLOAT, ("int16", "int8"), ("int8", "int4"), ("int8", "int8"))
    channels = size_at(w, 0)
    if x.dtype in ("int8", "int16"):
        scales_fit(w, channels)
    node.counts((2, 3), 1)
    strides_not_zero(node)
    if x.dtype != "float32":
        convolution_scales(x, w, y, channels, fused_activation(node))
    bias = operand(node, 2)
    if x.dtype == "int16" and bias is not None:
        runs_on(bias, "int32", "int64")
    _groups(x, w, y)


def _groups(x: Operand, w: Operand, y: Operand) -> None:
    """C divides by the number of groups, and reads channels where there is no dimension."""
    for operand_ in (x, w, y):
        if operand_.rank <= 3:
            refuse(
                "rank",
                f"{operand_.label} has {operand_.rank} dimensions; allowed: 4",
                aborts=True,
                stage="invoke",
            )
    groups = x.shape[3] // w.shape[3] if w.shape[3] else 0
    if groups == 0 or y.shape[3] // groups == 0:
        refuse("shapes", f"{x.label}, {w.label} and {y.label} have {x.shape[3]}, {w.shape[3]} and "
               f"{y.shape[3]} channels, which make no groups", aborts=True,
               stage="invoke")  # fmt: skip


@tflm("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(node: Node) -> None:
    """DEPTHWISE_CONV_2D."""
    y, x, w = node.y(), node.x(0), node.x(1)
    channels = size_at(w, 3)
    if x.dtype == "int8":
        scales_fit(w, channels)
    if x.dtype != w.dtype:
        types_fit(x, w, _FLOAT, ("int8", "int8"), ("int8", "int4"), ("int16", "int8"))
    node.counts((2, 3), 1)
    strides_not_zero(node)
    if x.dtype != "float32":
        convolution_scales(x, w, y, channels, fused_activation(node))
    if len(node.inputs) == 3:
        node.x(2, aborts=True)
    runs_on(x, "float32", "int8", "int16")
    runs_on(w, *{"float32": ("float32",), "int8": ("int8", "int4"), "int16": ("int8",)}[x.dtype])


@tflm("TRANSPOSE_CONV")
def transpose_conv(node: Node) -> None:
    """TRANSPOSE_CONV: inputs are the output's shape, the weights, the data and the bias."""
    y, x, w = node.y(), node.x(2), node.x(1)
    if x.dtype != w.dtype:
        types_fit(x, w, _FLOAT, ("int8", "int8"), ("int16", "int8"))
    channels = size_at(w, 0)
    if x.dtype in ("int8", "int16"):
        scales_fit(w, channels)
    node.counts((3, 4), 1)
    strides_not_zero(node)
    if x.dtype != "float32":
        convolution_scales(x, w, y, channels, fused_activation(node))
    if x.dtype != y.dtype:
        refuse(
            "types",
            f"{x.label} is of {x.dtype} and {y.label} of {y.dtype}; allowed: the same",
            stage="invoke",
        )
    runs_on(x, "float32", "int8", "int16")
