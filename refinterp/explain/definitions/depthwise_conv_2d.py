"""DEPTHWISE_CONV_2D. Source: LiteRT internal/reference/integer_ops/depthwise_conv.h (f67457790)."""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.explain.definition import definition
from refinterp.explain.operation import Operation
from refinterp.explain.steps import Derivation, Index, Tap
from refinterp.explain.weighted_sums import tap, weighted, weighted_real
from refinterp.explain.windows import window

WORDS = "each output channel is a weighted sum of a window of one input channel, plus a bias"


def taps(op: Operation, at: Index) -> Iterator[Tap]:
    """The window over the one input channel that the output channel reads."""
    x, w = op.input(0), op.input(1)
    channel = at[3] // (w.shape[3] // x.shape[3])
    for i, j, row, column in window(op, at, (w.shape[1], w.shape[2])):
        yield tap(x, w, (at[0], row, column, channel), (0, i, j, at[3]))


@definition(
    "DEPTHWISE_CONV_2D",
    "int8", "int8x4", "int16x8",
    words=WORDS,
    formula="y = clamp(R(sum(w · {x}) + b){y0})",
    operands=("x", "w", "b"),
)  # fmt: skip
@definition(
    "DEPTHWISE_CONV_2D",
    "uint8",
    words=WORDS,
    formula="y = clamp(R(sum({w} · {x}) + b){y0})",
    operands=("x", "w", "b"),
)
def depthwise_conv_2d(op: Operation, at: Index) -> Derivation:
    """Integers: one factor per output channel; int16 data are always summed in int64."""
    return (yield from weighted(op, list(taps(op, at)), at[3], wide=op.input(0).dtype == "int16"))


@definition(
    "DEPTHWISE_CONV_2D",
    "float32",
    words=WORDS,
    formula="y = clamp(sum(w · x) + b)",
    operands=("x", "w", "b"),
)
def depthwise_conv_2d_real(op: Operation, at: Index) -> Derivation:
    """Reals: the exact sum, and the sum in float32."""
    return (yield from weighted_real(op, list(taps(op, at)), at[3], at))
