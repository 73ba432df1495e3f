"""AVERAGE_POOL_2D and MAX_POOL_2D. Source: LiteRT integer_ops/pooling.h, pooling.h (f67457790)."""

from __future__ import annotations

from refinterp.explain import arithmetic
from refinterp.explain.clamping import clamp, clamp_real
from refinterp.explain.definition import definition
from refinterp.explain.formulas import Part
from refinterp.explain.operation import Operation
from refinterp.explain.steps import Derivation, DerivationStep, Index, Number, Tap
from refinterp.explain.weighted_sums import real_sum
from refinterp.explain.windows import inside, window

MEAN = "the mean of a window of each channel, padding not counted"
MAX = "the largest element of a window of each channel"


def pool(op: Operation, at: Index) -> Part[list[Number]]:
    """Show the window; returns the elements inside the input."""
    x = op.input(0)
    found: list[Number] = []
    kernel = int(op.options["filter_height"]), int(op.options["filter_width"])
    for _, _, row, column in window(op, at, kernel):
        index = (at[0], row, column, at[3])
        if inside(x, index):
            found.append(x[index])
            yield Tap(index, x[index])
        else:
            yield Tap(index, None)
    return found


@definition(
    "AVERAGE_POOL_2D", "int8", "uint8", "int16",
    words=MEAN,
    formula="y = clamp(round(sum(x) / n))",
)  # fmt: skip
def average_pool(op: Operation, at: Index) -> Derivation:
    """Codes: input and output share scale and zero point, so the codes themselves are averaged."""
    codes = yield from pool(op, at)
    total, count = sum(int(value) for value in codes), len(codes)
    yield DerivationStep("sum", f"{count} codes inside the input", total)
    mean = arithmetic.divide_half_away(total, count)
    yield DerivationStep("mean", f"round({total} / {count}), halves away from zero", mean)
    return (yield from clamp(mean, op))


@definition("AVERAGE_POOL_2D", "float32", words=MEAN, formula="y = clamp(sum(x) / n)")
def average_pool_real(op: Operation, at: Index) -> Derivation:
    """Reals: the exact sum over the number of elements."""
    values = yield from pool(op, at)
    reals = [float(value) for value in values]
    return (yield from real_sum(reals, op, float(op.output[at]), len(reals)))


@definition(
    "MAX_POOL_2D", "int8", "uint8", "int16",
    words=MAX,
    formula="y = clamp(max(x))",
)  # fmt: skip
def max_pool(op: Operation, at: Index) -> Derivation:
    """Codes: input and output share scale and zero point."""
    codes = yield from pool(op, at)
    largest = max(int(value) for value in codes)
    yield DerivationStep("maximum", f"largest of {len(codes)} codes", largest)
    return (yield from clamp(largest, op))


@definition("MAX_POOL_2D", "float32", words=MAX, formula="y = clamp(max(x))")
def max_pool_real(op: Operation, at: Index) -> Derivation:
    """Reals."""
    values = yield from pool(op, at)
    largest = max(float(value) for value in values)
    yield DerivationStep("maximum", f"largest of {len(values)}", largest)
    return (yield from clamp_real(largest, op))
