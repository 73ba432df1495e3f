"""LiteRT's operators that change the type of elements."""

from __future__ import annotations

from refinterp.verdicts.checks import is_constant, is_quantized, refuse, runs_on, types, zero_is
from refinterp.verdicts.common import one_to_one
from refinterp.verdicts.litert.parts import BITS
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert

_CAST = ("int64", "int32", "uint32", "uint16", "int16", "uint8", "int8", "float16", "float32",
         "bool")  # fmt: skip


@litert("CAST")
def cast(node: Node) -> None:
    """CAST."""
    x, y = one_to_one(node)
    runs_on(x, *_CAST, "int4", "int2", "uint4")
    runs_on(y, *(("float32",) if x.dtype in ("int4", "int2", "uint4") else _CAST))


@litert("DEQUANTIZE")
def dequantize(node: Node) -> None:
    """Codes to reals."""
    x, _ = one_to_one(node)
    types(x, "int2", "int4", "uint4", "uint8", "int8", "int16", "float16")
    if x.dtype == "int16":
        zero_is(x, 0)


_REQUANTIZED = {
    "float32": ("int8", "uint8", "int16", "int4"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16"),
    "uint8": ("int8", "uint8", "int16"),
}
"""What QUANTIZE makes of which type."""


@litert("QUANTIZE")
def quantize(node: Node) -> None:
    """Reals, or other codes, to codes."""
    x, y = one_to_one(node)
    is_quantized(y)
    types(x, *_REQUANTIZED)
    types(y, *_REQUANTIZED[x.dtype])


@litert("FAKE_QUANT")
def fake_quant(node: Node) -> None:
    """FAKE_QUANT."""
    one_to_one(node)
    if node.option("narrow_range", False):
        refuse("options", "narrow_range is set; allowed: not")


@litert("BITCAST")
def bitcast(node: Node) -> None:
    """The same bytes as another type."""
    x, y = one_to_one(node)
    types(x, *BITS)
    types(y, *BITS)
    before, after = BITS[x.dtype], BITS[y.dtype]
    if before < after:
        last = x.shape[-1] if x.rank else 0
        if last != after // before:
            refuse("shapes", f"{x.label} has rows of {last}; allowed: {after // before}")


@litert("DENSIFY")
def densify(node: Node) -> None:
    """DENSIFY."""
    node.counts(1, 1)
    x = node.x()
    node.y()
    is_constant(x)
    if x.tensor.sparsity is None:
        refuse("sparsity", f"{x.label} is not sparse; it must be")
    runs_on(x, "float32", "float16", "int8")
