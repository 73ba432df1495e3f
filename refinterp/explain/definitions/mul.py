"""MUL. Source: LiteRT kernels/mul.cc, internal/reference/mul.h, integer_ops/mul.h (f67457790)."""

from __future__ import annotations

from refinterp.explain import arithmetic
from refinterp.explain.clamping import clamp_plain, code
from refinterp.explain.definition import definition
from refinterp.explain.formulas import bracketed, broadcast_index, number
from refinterp.explain.operation import Operation
from refinterp.explain.rescaling import rescale
from refinterp.explain.steps import Derivation, DerivationStep, Index

WORDS = "the product of two tensors"


@definition(
    "MUL", "int8", "uint8", "int16",
    words=WORDS,
    formula="y = clamp(R({a} · {b}){y0})",
    operands=("a", "b"),
)  # fmt: skip
def mul(op: Operation, at: Index) -> Derivation:
    """Codes: the product of both distances from zero, rescaled once."""
    a, b, y = op.input(0), op.input(1), op.output
    if not y.quantized:
        return (yield from mul_plain(op, at))
    codes = []
    for name, operand in (("a", a), ("b", b)):
        index = broadcast_index(operand, at)
        yield DerivationStep(name, f"{name}{list(index)}", operand.code(index))
        codes.append(operand.code(index) - operand.zero)
    product = codes[0] * codes[1]
    factors = [
        f"({value + operand.zero} - {bracketed(operand.zero)})" if operand.zero else str(value)
        for value, operand in zip(codes, (a, b), strict=True)
    ]
    yield DerivationStep("product", " · ".join(factors), product)
    if a.dtype == "int16" and y.dtype != "int16":
        high = min(arithmetic.halves_up(product, 15), 2**15 - 1)
        yield DerivationStep("first rounding", f"floor({product} / 2^15 + 1/2)", high)
        short = arithmetic.divide_half_away(high, 1 << 8)
        yield DerivationStep(
            "second rounding", f"round({high} / 2^8), halves away from zero", short
        )
        return (yield from code(short, op))
    how = f"a {number(a.scale)} · b {number(b.scale)} / y {number(y.scale)}"
    real = a.scale * b.scale / y.scale
    if op.rule.precision == "float32":
        real = arithmetic.float32(arithmetic.float32(a.scale * b.scale) / y.scale)
        how += ", in float32"
    return (yield from code((yield from rescale(product, real, how, "double")), op))


@definition(
    "MUL", "float32", "int32", "int64", "uint32",
    words=WORDS,
    formula="y = clamp(a · b)",
    operands=("a", "b"),
)  # fmt: skip
def mul_plain(op: Operation, at: Index) -> Derivation:
    """Numbers without scales, in their own type."""
    first = op.input(0)[broadcast_index(op.input(0), at)]
    second = op.input(1)[broadcast_index(op.input(1), at)]
    yield DerivationStep("a", "first operand", first)
    yield DerivationStep("b", "second operand", second)
    yield DerivationStep("product", f"{first} · {second}", first * second)
    return (yield from clamp_plain(first * second, op))
