"""What CMSIS-NN does wrong where it is compiled for MVE (Cortex-M55, M85).

Its convolution of one row (height 1, filter height 1) lays out the columns at both ends with their
padding by itself. `reads` walks through that layout; a column that reads another element than the
convolution is meant to, or one that nobody wrote, makes the operator a concerned one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from refinterp.graph.model import Shape
from refinterp.numerics import q31
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.verdicts.differences.conditions import operand, output
from refinterp.verdicts.differences.difference import Difference
from refinterp.verdicts.node import Node
from refinterp.verdicts.verdict import CMSIS_NN_MVE

_ORIGIN: Final = (
    "tflite-micro 90b983c2b with CMSIS-NN 99f736a6, compiled for Cortex-M55 by gcc 12.2 and run in "
    "QEMU; outputs of 276 models"
)
_PAD: Final = -1
_NOT_WRITTEN: Final = -2


@dataclass(frozen=True, slots=True)
class RowConvolution:
    """A convolution along one row: sizes in columns, pad: of padding in front."""

    given: int
    made: int
    kernel: int
    stride: int
    pad: int


def meant(row: RowConvolution, column: int) -> list[int]:
    """Which input column each filter column of an output column should read; -1: padding."""
    first = column * row.stride - row.pad
    places = range(first, first + row.kernel)
    return [place if 0 <= place < row.given else _PAD for place in places]


def spoiled(row: RowConvolution) -> bool:
    """Whether arm_convolve_1_x_n_s8 leaves an output column, or reads another element for one."""
    total = (row.made - 1) * row.stride + row.kernel - row.given
    uneven = total - 2 * int(total / 2)  # C's remainder
    if 2 * row.pad + uneven != total:
        return True  # returns before it writes
    right = max(1, _quotient(row.pad + uneven + row.stride - 1, row.stride))
    right = right if row.pad + uneven else 0
    left = max(1, _quotient(row.pad + row.stride - 1, row.stride)) if row.pad else 0
    between = max(row.made - right - left, 0)
    if left + between + right != row.made:
        return False  # takes the general convolution
    start = left * row.stride - row.pad
    if start < 0:
        return True
    if between and start + (between - 1) * row.stride + row.kernel > row.given:
        return True
    before = [_PAD] * row.pad + list(range(row.kernel))
    start += between * row.stride
    behind = right if uneven else row.pad
    after = list(range(start, start + row.kernel - 1)) + [_PAD] * behind
    ends = [(column, before, column) for column in range(left)]
    ends += [(left + between + column, after, column) for column in range(right)]
    return any(
        _read(layout, place * row.stride, row.kernel) != meant(row, column)
        for column, layout, place in ends
    )


def _read(layout: list[int], first: int, count: int) -> list[int]:
    read = layout[first : first + count]
    return read + [_NOT_WRITTEN] * (count - len(read))


def _quotient(a: int, b: int) -> int:
    return int(a / b)  # C's: towards zero


def _row(node: Node, channels: int) -> RowConvolution | None:
    """The row that the MVE kernel of one row would take, None if it is not taken."""
    x, weights, y = operand(node, 0), operand(node, 1), output(node)
    if x is None or weights is None or y is None or not x.rank == weights.rank == y.rank == 4:
        return None
    rows, kernel = weights.shape[1:3]
    stride = int(node.option("stride_w", 1))
    plain = int(node.option("dilation_w_factor", 1)) == 1 and stride > 0
    one_row = x.shape[1] == 1 and rows == 1 and plain
    if not one_row or channels != x.shape[3] or stride * channels % 4:
        return None
    total = (y.shape[2] - 1) * stride + kernel - x.shape[2]
    row = RowConvolution(x.shape[2], y.shape[2], kernel, stride, max(total, 0) // 2)
    pointwise = kernel == 1 and row.pad == 0 and int(node.option("dilation_h_factor", 1)) == 1
    return None if pointwise else row


def convolution(node: Node) -> bool:
    """Whether a CONV_2D has such a row."""
    weights = operand(node, 1)
    row = _row(node, _channels(weights.shape) if weights is not None else 0)
    return row is not None and spoiled(row)


def depthwise(node: Node) -> bool:
    """Whether a DEPTHWISE_CONV_2D of one channel, which is run as a CONV_2D, has such a row."""
    y = output(node)
    row = _row(node, 1) if y is not None and y.rank == 4 and y.shape[3] > 1 else None
    return row is not None and spoiled(row)


def _channels(shape: Shape) -> int:
    return shape[3] if len(shape) == 4 else 0


def quotient_beyond(node: Node) -> bool:
    """Whether some codes of a DIV are shifted right by more than 31 bits."""
    a, b, y = operand(node, 0), operand(node, 1), output(node)
    if a is None or b is None or y is None or min(a.scale, b.scale, y.scale) <= 0:
        return False
    codes = np.arange(-128, 128, dtype=np.int64)
    divisors = np.abs(codes - b.zero)
    over_unit = q31.reciprocal(divisors[divisors > 0], 31)[1]
    above = codes - a.zero
    headroom = q31.leading_zeros(np.where(above < 0, ~above, above)) - 1
    exponent = int(Multiplier.of(a.scale / (b.scale * y.scale)).exponent)
    return exponent - int(over_unit.max()) - int(headroom.max()) < -31


_ROW_OF_COLUMNS: Final = (
    "one row, a step (stride x channels) of a multiple of 4, and columns left over (VALID), or "
    "windows that hang over the right end by more than its layout holds (SAME)"
)
_SPOILS: Final = (
    "leaves the output as it finds it, or computes columns at the right end from elements that are "
    "not theirs"
)
_PADDED: Final = (
    "put a PAD before it and convolve VALID, with a width of which no column is left over"
)

ROWS: Final = (
    Difference(
        "cmsis-nn-mve-conv-row", "CONV_2D", ("int8",), (CMSIS_NN_MVE,), "differs",
        _ROW_OF_COLUMNS, _SPOILS, _PADDED, convolution, origin=_ORIGIN,
    ),
    Difference(
        "cmsis-nn-mve-depthwise-row", "DEPTHWISE_CONV_2D", ("int8",), (CMSIS_NN_MVE,), "differs",
        f"one input channel, {_ROW_OF_COLUMNS}", _SPOILS, _PADDED, depthwise,
        origin="CMSIS-NN 99f736a6, read: it takes the CONV_2D of the row above",
    ),
    Difference(
        "cmsis-nn-mve-int4-depthwise", "DEPTHWISE_CONV_2D", ("int8x4",), (CMSIS_NN_MVE,),
        "differs", "int4 weights", "computes every odd channel wrong",
        "compile the int4 sources of CMSIS-NN with -O0, or store the weights as int8",
        sometimes="as compiled by Arm's gcc 12.2 at -O1 and above, which folds a constant "
        "predicate; right at -O0", origin=_ORIGIN,
    ),
    Difference(
        "cmsis-nn-mve-div", "DIV", ("int8",), (CMSIS_NN_MVE,), "differs",
        "scales with which some quotient is shifted right by more than 31 bits",
        "gives a code beside the zero point for such quotients (on every Cortex-M): shifts beyond "
        "31 bits are not the same on every processor",
        "multiply by the reciprocal, or divide in float", quotient_beyond, origin=_ORIGIN,
    ),
)  # fmt: skip
