"""MEAN. Source: LiteRT kernels/reduce.cc, internal/reference/reduce.h (f67457790)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from refinterp.explain import arithmetic
from refinterp.explain.clamping import code
from refinterp.explain.definition import definition
from refinterp.explain.formulas import Part, bracketed, number
from refinterp.explain.operation import Operation
from refinterp.explain.rescaling import rescale_by
from refinterp.explain.steps import Derivation, DerivationStep, Index, Number, Tap
from refinterp.explain.weighted_sums import real_sum

WORDS = "the mean over some axes"


def reduced(op: Operation) -> frozenset[int]:
    """The axes that are averaged over, counted from the front."""
    axes, rank = op.input(1), len(op.input(0).shape)
    flat = axes.values.reshape(-1).tolist() if axes.values is not None else []
    return frozenset(axis % rank for axis in flat)


def positions(op: Operation, at: Index) -> Iterator[Index]:
    """Input indices whose mean an output index is."""
    gone = reduced(op)
    kept = iter(at)
    ranges = []
    for axis, size in enumerate(op.input(0).shape):
        if axis not in gone:
            position = next(kept)
            ranges.append(range(position, position + 1))
            continue
        if op.options.get("keep_dims"):
            next(kept)
        ranges.append(range(size))
    return iter(product(*ranges))


def elements(op: Operation, at: Index) -> Part[list[Number]]:
    """Show the elements; returns them."""
    x = op.input(0)
    found = []
    for index in positions(op, at):
        value = x[index]
        centred = value - x.zero if isinstance(value, int) else None
        yield Tap(index, value, centred)
        found.append(value)
    return found


@definition(
    "MEAN", "int8", "uint8", "int16",
    words=WORDS,
    formula="y = clip(R(sum({x}) / n){y0})",
    operands=("x", "axes"),
)  # fmt: skip
def mean(op: Operation, at: Index) -> Derivation:
    """Codes: 1 / n is folded into the multiplier, cutting its last bits."""
    x, y = op.input(0), op.output
    codes = yield from elements(op, at)
    count = len(codes)
    total = sum(int(value) for value in codes)
    yield DerivationStep("sum", f"{count} codes", total)
    yield DerivationStep(
        "accumulator", f"{total} - {bracketed(x.zero)} · {count}", total - x.zero * count
    )
    total -= x.zero * count
    real = x.scale / y.scale
    yield DerivationStep("real multiplier", f"x {number(x.scale)} / y {number(y.scale)}", real)
    mantissa, exponent = arithmetic.quantize_multiplier(real)
    yield DerivationStep("mantissa", f"{number(real)} = mantissa / 2^31 · 2^{exponent}", mantissa)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    shared = (mantissa << shift) // count
    yield DerivationStep(f"mantissa / {count}", f"floor({mantissa} · 2^{shift} / {count})", shared)
    exponent -= shift
    yield DerivationStep("exponent", f"{exponent + shift} - {shift}", exponent)
    scaled = yield from rescale_by(arithmetic.wrap32(total), shared, exponent)
    return (yield from code(scaled, op))


@definition("MEAN", "float32", words=WORDS, formula="y = sum(x) / n", operands=("x", "axes"))
def mean_real(op: Operation, at: Index) -> Derivation:
    """Reals: the exact sum over the number of elements."""
    values = yield from elements(op, at)
    reals = [float(value) for value in values]
    return (yield from real_sum(reals, op, float(op.output[at]), len(reals)))
