"""FULLY_CONNECTED. Source: LiteRT kernels/fully_connected.cc, integer_ops/fully_connected.h
(f67457790); tflite-micro micro/kernels/fully_connected.cc (90b983c2b).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from refinterp.errors import UnsupportedError
from refinterp.explain.definition import definition
from refinterp.explain.operation import Operation
from refinterp.explain.steps import Derivation, Index, Tap
from refinterp.explain.weighted_sums import tap, weighted, weighted_real, wide_accumulator

WORDS = "each output unit is a weighted sum of one input row, plus a bias"


def taps(op: Operation, at: Index) -> Iterator[Tap]:
    """One row of the flattened input, one row of the weights."""
    x, w, y = op.input(0), op.input(1), op.output
    depth, unit = w.shape[-1], at[-1]
    row = 0
    for position, size in zip(at[:-1], y.shape[:-1], strict=True):
        row = row * size + position
    for k in range(depth):
        yield tap(x, w, unravel(row * depth + k, x.shape), (unit, k))


def unravel(flat: int, shape: Index) -> Index:
    """The index of a position counted through the whole tensor."""
    index = []
    for axis in range(len(shape)):
        rest = math.prod(shape[axis + 1 :])
        index.append(flat // rest)
        flat %= rest
    return tuple(index)


@definition(
    "FULLY_CONNECTED",
    "int8", "int8x4", "int8x2", "int16x8", "int16x4", "int16x2", "uint8",
    words=WORDS,
    formula="y = clamp(R(sum({w} · {x}) + b){y0})",
    operands=("x", "w", "b"),
)  # fmt: skip
def fully_connected(op: Operation, at: Index) -> Derivation:
    """Integers: LiteRT's reference scales by a float64 factor, TFLM by a fixed-point one.

    Raises UnsupportedError for shuffled weights, whose products are taken in another order.
    """
    order = op.options.get("weights_format", "DEFAULT")
    if order != "DEFAULT":
        raise UnsupportedError(
            f"FULLY_CONNECTED with weights_format {order} cannot be explained: its weights are "
            "not stored unit by unit; allowed: DEFAULT"
        )
    return (yield from weighted(op, list(taps(op, at)), at[-1], wide=wide_accumulator(op)))


@definition(
    "FULLY_CONNECTED",
    "float32",
    words=WORDS,
    formula="y = clamp(sum(w · x) + b)",
    operands=("x", "w", "b"),
)
def fully_connected_real(op: Operation, at: Index) -> Derivation:
    """Reals: the exact sum, and the sum in float32."""
    return (yield from weighted_real(op, list(taps(op, at)), at[-1], at))
