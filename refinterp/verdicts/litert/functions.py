"""LiteRT's mathematical functions of one operand."""

from __future__ import annotations

from refinterp.verdicts.checks import is_quantized, refuse, runs_on, same_type, types
from refinterp.verdicts.common import input_count, one_to_one
from refinterp.verdicts.litert.parts import same_types, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert

_ELEMENTWISE = {
    "ABS": ("float32", "int8", "int16", "int32"),
    "SIN": ("float32", "float16"),
    "COS": ("float32", "float16"),
    "LOG": ("float32", "int8", "int16"),
    "SQRT": ("float32", "int8", "int16"),
    "RSQRT": ("float32", "int8", "int16"),
    "SQUARE": ("float32",),
    "LOGICAL_NOT": ("bool",),
}


@litert(*_ELEMENTWISE)
def elementwise(node: Node) -> None:
    """Functions of one element."""
    x, y = same_types(node)
    types(x, *_ELEMENTWISE[node.name])
    if x.dtype == "int8" or (x.dtype == "int16" and x.affine):
        is_quantized(x)
        is_quantized(y)
        if x.dtype == "int16":
            for operand in (x, y):
                if operand.first_zero != 0:
                    refuse(
                        "zero points",
                        f"{operand.label} has zero point {operand.first_zero}; allowed: 0",
                    )
    elif x.dtype == "int16" and node.name in ("LOG", "SQRT", "RSQRT"):
        refuse("quantization", f"{x.label} is not quantized; it must be", aborts=True,
               stage="invoke")  # fmt: skip


@litert("EXP")
def exp(node: Node) -> None:
    """EXP."""
    x, y = one_to_one(node)
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    runs_on(x, "float32", "int8", "int16")


@litert("CEIL")
def ceil(node: Node) -> None:
    """Upwards."""
    x, _ = one_to_one(node)
    types(x, "float32")


@litert("FLOOR", "ROUND")
def floor(node: Node) -> None:
    """To a whole number."""
    x, _ = one_to_one(node)
    types(x, "float32", "float16")


@litert("NEG")
def neg(node: Node) -> None:
    """The negative."""
    x, _ = one_to_one(node)
    runs_on(x, "int64", "int32", "float32", "int8", "int16", "float16")


@litert("SIGN")
def sign(node: Node) -> None:
    """The sign."""
    input_count(node, 1)
    x, y = node.x(), node.y()
    same_type(x, y)
    runs_on(y, "float32", "int32")


@litert("ZEROS_LIKE")
def zeros_like(node: Node) -> None:
    """Zeros."""
    x, _ = one_to_one(node)
    runs_on(x, "int64", "int32", "float32")


@litert("BUCKETIZE")
def bucketize(node: Node) -> None:
    """BUCKETIZE."""
    x, _ = one_to_one(node)
    given = node.option("boundaries")
    bounds = [] if given is None else [float(bound) for bound in given]
    if bounds != sorted(bounds):
        refuse("options", "the boundaries are not in order")
    types(x, "int32", "float32", "int64")
