"""TFLM's operators that change the type of elements, or decompress them."""

from __future__ import annotations

from refinterp.verdicts.checks import is_constant, is_quantized, refuse, runs_on, types
from refinterp.verdicts.common import one_to_one
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import tflm


@tflm("CAST")
def cast(node: Node) -> None:
    """CAST."""
    x, y = one_to_one(node)
    runs_on(x, "int8", "int16", "int32", "uint32", "float32", "bool")
    runs_on(y, "int8", "int16", "int32", "uint32", "float32", "bool")


@tflm("DEQUANTIZE")
def dequantize(node: Node) -> None:
    """Codes to reals."""
    x, y = one_to_one(node)
    types(x, "int8", "int16", "uint8")
    types(y, "float32")


_REQUANTIZED = {
    "float32": ("int8", "int16"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
}
"""What QUANTIZE makes of which type."""


@tflm("QUANTIZE")
def quantize(node: Node) -> None:
    """Reals, or other codes, to codes."""
    x, y = one_to_one(node)
    is_quantized(y)
    if y.scales.size != 1:
        refuse("scales", f"{y.label} has {y.scales.size} scales; allowed: 1")
    types(x, *_REQUANTIZED)
    types(y, "int8", "int16", "int32", "uint8")
    runs_on(y, *_REQUANTIZED[x.dtype])


_HUFFMAN, _PRUNED = 1, 2
"""Ways in which constants are compressed; 0: a table of values."""


@tflm("TFLM_DECODE")
def decode(node: Node) -> None:
    """Compressed constants."""
    inputs, outputs = len(node.inputs), len(node.outputs)
    if not (outputs > 0 and inputs == 2 * outputs):
        refuse(
            "operands",
            f"it has {inputs} inputs and {outputs} outputs; allowed: two inputs for each output",
        )
    for i in range(0, inputs, 2):
        data, ancillary, y = node.x(i), node.x(i + 1), node.y(i // 2)
        is_constant(data)
        is_constant(ancillary)
        raw = b"" if ancillary.raw is None else ancillary.raw.tobytes()
        if not (len(raw) > 5 and raw[1] == 1):
            refuse("constants", f"{ancillary.label} is of another version than 1")
        if raw[0] > _PRUNED:
            refuse(
                "constants", f"{ancillary.label} asks for decoder {raw[0]}; allowed: 0 to {_PRUNED}"
            )
        if raw[4] != 1:
            refuse("constants", f"{ancillary.label} is of another version than 1")
        if raw[0] == _HUFFMAN:
            if not raw[5] & 1:
                types(y, "int8")
            runs_on(y, "int8", "int16")
            continue
        if y.affine:
            along_last = y.axis == y.rank - 1 and y.scales.size > 1
            last = f" or {y.rank - 1}" if y.scales.size > 1 else ""
            if not (along_last or y.axis == 0):
                refuse(
                    "quantization", f"{y.label} has quantized_dimension {y.axis}; allowed: 0{last}"
                )
            if raw[0] == _PRUNED and y.dtype != "int8" and y.zeros.any():
                refuse("zero points", f"{y.label} is of {y.dtype} and has zero points; allowed: 0")
        runs_on(y, "bool", "float32", "int8", "int16", "int32", "int64")
