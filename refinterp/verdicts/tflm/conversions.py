"""TFLM's operators that change the type of elements, or decompress them."""

from __future__ import annotations

from refinterp.verdicts.checks import is_constant, is_quantized, need, runs_on, types
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
    need(y.scales.size == 1, "scales", f"{y.label} has {y.scales.size} scales; allowed: 1")
    types(x, *_REQUANTIZED)
    types(y, "int8", "int16", "int32", "uint8")
    runs_on(y, *_REQUANTIZED[x.dtype])


_HUFFMAN, _PRUNED = 1, 2
"""Ways in which constants are compressed; 0: a table of values."""


@tflm("TFLM_DECODE")
def decode(node: Node) -> None:
    """Compressed constants."""
    inputs, outputs = len(node.inputs), len(node.outputs)
    need(
        outputs > 0 and inputs == 2 * outputs,
        "operands",
        f"it has {inputs} inputs and {outputs} outputs; allowed: two inputs for each output",
    )
    for i in range(0, inputs, 2):
        data, ancillary, y = node.x(i), node.x(i + 1), node.y(i // 2)
        is_constant(data)
        is_constant(ancillary)
        raw = b"" if ancillary.raw is None else ancillary.raw.tobytes()
        need(len(raw) > 5 and raw[1] == 1, "constants",
             f"{ancillary.label} is of another version than 1")  # fmt: skip
        need(raw[0] <= _PRUNED, "constants",
             f"{ancillary.label} asks for decoder {raw[0]}; allowed: 0 to {_PRUNED}")  # fmt: skip
        need(raw[4] == 1, "constants",
             f"{ancillary.label} is of another version than 1")  # fmt: skip
        if raw[0] == _HUFFMAN:
            if not raw[5] & 1:
                types(y, "int8")
            runs_on(y, "int8", "int16")
            continue
        if y.affine:
            along_last = y.axis == y.rank - 1 and y.scales.size > 1
            last = f" or {y.rank - 1}" if y.scales.size > 1 else ""
            need(along_last or y.axis == 0, "quantization",
                 f"{y.label} has quantized_dimension {y.axis}; allowed: 0{last}")  # fmt: skip
            if raw[0] == _PRUNED and y.dtype != "int8":
                need(not y.zeros.any(), "zero points",
                     f"{y.label} is of {y.dtype} and has zero points; allowed: 0")  # fmt: skip
        runs_on(y, "bool", "float32", "int8", "int16", "int32", "int64")
