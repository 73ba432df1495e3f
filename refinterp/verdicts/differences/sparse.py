"""Constants stored sparse that an operator other than DENSIFY reads itself.

LiteRT's FULLY_CONNECTED knows some formats of sparse weights. Every other kernel, of LiteRT and of
TFLM, takes the stored values for a dense tensor, and reads on behind them.
"""

from __future__ import annotations

from typing import Any, Final

from refinterp.graph.operators import facts
from refinterp.verdicts.differences.conditions import operand
from refinterp.verdicts.differences.difference import ANY, Difference
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.verdict import (
    CMSIS_NN_MVE,
    ESP_NN,
    LITERT,
    LITERT_OPTIMIZED,
    LITERT_REFERENCE,
    TFLM,
)

_BOTH: Final = (LITERT_REFERENCE, LITERT_OPTIMIZED)
_TFLM: Final = (TFLM, CMSIS_NN_MVE, ESP_NN)  # nothing in any of them looks at sparsity
_DENSE: Final = (
    "takes the stored values for a dense tensor: every value but the first few is at the wrong "
    "place, and it reads on past the end"
)
_REMEDY: Final = "store the constant dense, or put a DENSIFY before the operator (LiteRT has it)"
_INT8_BLOCK: Final = 16  # columns of a block that LiteRT's kernels of int8 weights know


def compressed(found: Operand | None) -> bool:
    """Whether a constant is stored sparse, in other bytes than those of its dense values."""
    if found is None or found.tensor.sparsity is None or found.raw is None:
        return False
    value = found.value
    return value is None or value.tobytes() != found.raw.tobytes()


def block(found: Operand) -> int:
    """Columns of a block of a sparse matrix: 1 for single values, 0 for any other format."""
    table: Any = found.tensor.sparsity
    levels, order = table["dim_metadata"], [int(i) for i in table["traversal_order"]]
    kinds = [level["format"] for level in levels]
    if order[:2] != [0, 1] or kinds[:2] != ["DENSE", "SPARSE_CSR"]:
        return 0
    if len(levels) == 2:
        return 1
    if len(levels) == 3 and kinds[2] == "DENSE" and [int(i) for i in table["block_map"]] == [1]:
        return int(levels[2]["dense_size"])
    return 0


def _reads_stored(node: Node) -> bool:
    """Any operator but DENSIFY, and but FULLY_CONNECTED, which has rows of its own."""
    if facts(node.name).densifies or node.name == "FULLY_CONNECTED":
        return False
    return any(compressed(found) for found in node.inputs)


def _weights(node: Node) -> bool:
    return compressed(operand(node, 1))


def _symmetric(node: Node) -> bool:
    """Sparse weights that XNNPACK takes over: those without a zero point."""
    weights = operand(node, 1)
    return weights is not None and compressed(weights) and not weights.zeros.any()


def _asymmetric(node: Node) -> bool:
    weights = operand(node, 1)
    return weights is not None and bool(weights.tensor.sparsity is not None and weights.zeros.any())


def _other_blocks(node: Node) -> bool:
    weights = operand(node, 1)
    return weights is not None and compressed(weights) and block(weights) != _INT8_BLOCK


def _refused_int8(node: Node) -> bool:
    """Blocks of another size, or a zero point: LiteRT's kernel of int8 data refuses them."""
    weights = operand(node, 1)
    if weights is None or weights.tensor.sparsity is None:
        return False
    return block(weights) != _INT8_BLOCK or bool(weights.zeros.any())


def _refused_float(node: Node) -> bool:
    weights = operand(node, 1)
    if weights is None or weights.tensor.sparsity is None:
        return False
    return block(weights) not in (1, 4)


ROWS: Final = (
    Difference(
        "sparse-constant", ANY, (ANY,), (*_BOTH, LITERT, *_TFLM), "differs",
        "an operator other than DENSIFY and FULLY_CONNECTED reads a sparse constant",
        _DENSE, _REMEDY, _reads_stored,
    ),
    Difference(
        "sparse-weights-tflm", "FULLY_CONNECTED", (ANY,), _TFLM, "differs",
        "sparse weights", _DENSE, _REMEDY, _weights,
    ),
    Difference(
        "sparse-weights-xnnpack", "FULLY_CONNECTED", ("float32", "int8", "float32x8"), (LITERT,),
        "differs", "sparse weights without a zero point", f"XNNPACK {_DENSE}", _REMEDY, _symmetric,
    ),
    Difference(
        "sparse-weights-zero-point", "FULLY_CONNECTED", ("int8",), (LITERT,), "refuses",
        "sparse weights with a zero point",
        "refuses the run: 'supports symmetric weight quantization only'", _REMEDY, _asymmetric,
    ),
    Difference(
        "sparse-weights-int8", "FULLY_CONNECTED", ("int8",), _BOTH, "refuses",
        "sparse weights in other blocks than 1x16, or with a zero point",
        "refuses the run: 'Unsupported sparse fully-connected weight format', or 'supports "
        "symmetric weight quantization only'", _REMEDY, _refused_int8,
    ),
    Difference(
        "sparse-weights-float", "FULLY_CONNECTED", ("float32",), (LITERT_OPTIMIZED,), "refuses",
        "sparse weights in other blocks than 1x1 and 1x4",
        "refuses the run: 'Unsupported sparse fully-connected weight format'",
        _REMEDY, _refused_float,
    ),
    Difference(
        "sparse-weights-hybrid", "FULLY_CONNECTED", ("float32x8",), _BOTH, "differs",
        "sparse int8 weights of a float32 layer in other blocks than 1x16",
        _DENSE, _REMEDY, _other_blocks,
    ),
    Difference(
        "sparse-weights-int16x8", "FULLY_CONNECTED", ("int16x8",), (*_BOTH, LITERT), "differs",
        "sparse weights", _DENSE, _REMEDY, _weights,
    ),
)  # fmt: skip
