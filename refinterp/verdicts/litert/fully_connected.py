"""LiteRT's products of matrices."""

from __future__ import annotations

from refinterp.verdicts.checks import is_quantized, rank, refuse, runs_on, types
from refinterp.verdicts.common import fused_activation, matrices_fit, operand
from refinterp.verdicts.litert.parts import CODES, activation_range, zeros_are_zero
from refinterp.verdicts.litert.weights import bias_scale_fits, bias_size, bias_type16, multiplier
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


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
        bias_size(bias, w.shape[0])
    if x.dtype in CODES:
        for operand_ in (x, w):
            is_quantized(operand_)
        if w.scales.size > 1:
            types(x, "int8", "int16")
            types(w, "int8", "int4", "int2", "int16")
            if not (w.axis == 0 and w.scales.size == w.shape[0]):
                refuse(
                    "scales",
                    f"{w.label} has {w.scales.size} scales along dimension {w.axis}; allowed: "
                    f"{w.shape[0]} along dimension 0",
                )
        else:
            bias_scale_fits(x, w, bias, y)
            multiplier(x, w)
        if x.dtype == "uint8" and y.dtype == "int16":
            types(w, "uint8")
        activation_range(y, y.dtype, fused_activation(node))
    if x.dtype == y.dtype == "int16":
        zeros_are_zero(x, y)
        bias_type16(node, bias)
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
        if x.dtype != "int8":
            refuse(
                "types",
                f"{x.label} is of {x.dtype} and {y.label} of int8; allowed: int8",
                stage="invoke",
            )
        runs_on(w, "int8", "int4", "int2")


def _batches(node: Node, x: Operand, w: Operand) -> None:
    """Rows of the input are as long as those of the weights."""
    if node.option("keep_num_dims", False) and not (x.rank > 0 and x.shape[-1] == w.shape[1]):
        refuse("shapes", f"{x.label} has shape {list(x.shape)}; allowed: {w.shape[1]} last")


@litert("BATCH_MATMUL")
def batch_matmul(node: Node) -> None:
    """BATCH_MATMUL."""
    node.counts(2, 1)
    a, b, y = node.x(0, aborts=True), node.x(1, aborts=True), node.y()
    for x in (a, b):
        if x.rank < 2:
            refuse("rank", f"{x.label} has {x.rank} dimensions; allowed: 2 to 5", aborts=x.rank < 2)
    if a.dtype in ("int8", "int16") and y.dtype != "int32":
        multiplier(a, b)
    if a.dtype == "int16":
        zeros_are_zero(a, b, y)
    types(a, "float32", "int8", "int16")
    types(b, "float32", "int8", "int16")
    if not (a.dtype == b.dtype or (a.dtype in ("float32", "int16") and b.dtype == "int8")):
        refuse(
            "types",
            f"{a.label} is of {a.dtype} and {b.label} of {b.dtype}; allowed: the same, or int8 "
            "second",
        )
    rank(a, 2, 5)
    rank(b, 2, 5)
    matrices_fit(node, a, b)
    if a.dtype == b.dtype == "int8":
        runs_on(y, "int8", "int32")
