"""TFLM's mathematical functions of one operand."""

from __future__ import annotations

from refinterp.verdicts.checks import is_quantized, runs_on, same_shape, same_type, types
from refinterp.verdicts.common import one_to_one
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm
from refinterp.verdicts.tflm.parts import zero_point_is


@tflm("ABS", "RSQRT")
def abs_(node: Node) -> None:
    """Absolute values, and one over the root."""
    x, y = one_to_one(node)
    same_type(x, y)
    if x.dtype == "int8" or (x.dtype == "int16" and x.affine):
        is_quantized(x)
        is_quantized(y)
        if x.dtype == "int16":
            zero_point_is(x, 0)
            zero_point_is(y, 0)
    runs_on(x, "float32", "int8", "int16")


@tflm("SIN", "COS", "LOG", "SQRT", "SQUARE")
def real(node: Node) -> None:
    """Functions of reals."""
    x, y = one_to_one(node)
    same_type(x, y)
    runs_on(x, "float32")


@tflm("LOGICAL_NOT")
def logical_not(node: Node) -> None:
    """Not."""
    x, y = one_to_one(node)
    same_type(x, y)
    runs_on(x, "bool")


@tflm("EXP", "ROUND")
def exp(node: Node) -> None:
    """Functions of reals whose results have the same shape."""
    if node.name == "EXP":
        x, y = one_to_one(node)
    else:
        x, y = node.x(), node.y()
        node.counts(1, 1)
    types(x, "float32")
    same_type(y, x)
    same_shape(y, x)


@tflm("CEIL")
def ceil(node: Node) -> None:
    """Upwards."""
    x, y = node.x(), node.y()
    node.counts(1, 1)
    types(x, "float32")
    same_type(y, x)
    same_shape(y, x)


@tflm("FLOOR")
def floor(node: Node) -> None:
    """Downwards."""
    x = node.x(aborts=True)
    node.y(aborts=True)
    runs_on(x, "float32")


@tflm("NEG")
def neg(node: Node) -> None:
    """The negative: types are found out in a run."""
    x = node.x(aborts=True)
    node.y(aborts=True)
    runs_on(x, "float32")


@tflm("ZEROS_LIKE")
def zeros_like(node: Node) -> None:
    """Zeros."""
    x, _ = one_to_one(node)
    runs_on(x, "int64", "int32", "int8", "float32")
