"""ADD and SUB. Source: LiteRT kernels/add.cc, sub.cc, internal/reference/add.h (f67457790)."""

from __future__ import annotations

import math

from refinterp.explain import arithmetic
from refinterp.explain.clamping import clamp, clamp_plain, code
from refinterp.explain.definition import definition
from refinterp.explain.formulas import Part, bracketed, broadcast_index, number
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.rescaling import rescale
from refinterp.explain.steps import Derivation, DerivationStep, Index

CODES = ("int8", "uint8", "int16")
PLAIN = ("float32", "int32", "int64")


@definition(
    "ADD", *CODES,
    words="the sum of two tensors, both brought to a common finer scale first",
    formula="y = clamp(R(R({a} · 2^k) + R({b} · 2^k)){y0})",
    operands=("a", "b"),
)  # fmt: skip
@definition(
    "SUB", *CODES,
    words="the difference of two tensors, both brought to a common finer scale first",
    formula="y = clamp(R(R({a} · 2^k) - R({b} · 2^k)){y0})",
    operands=("a", "b"),
)  # fmt: skip
def add(op: Operation, at: Index) -> Derivation:
    """Codes: both operands times 2**20 (int16: 2**15), scaled, added, scaled back."""
    a, b, y = op.input(0), op.input(1), op.output
    if not a.quantized:
        return (yield from add_plain(op, at))
    logs = [_log2(operand.scale) for operand in (a, b, y)]
    if y.dtype == "int16" and _shifts(op) and None not in logs:
        return (yield from _powers_of_two(op, at, [log or 0 for log in logs]))
    bits = 15 if y.dtype == "int16" else 20
    twice_max = 2.0 * max(a.scale, b.scale)
    scaled_a = yield from _operand(op, "a", a, at, bits, twice_max)
    scaled_b = yield from _operand(op, "b", b, at, bits, twice_max)
    total = yield from _join(op, scaled_a, scaled_b)
    real = twice_max / ((1 << bits) * y.scale)
    how = f"{number(twice_max)} / (2^{bits} · y {number(y.scale)})"
    return (yield from code((yield from rescale(total, real, how, "double")), op))


@definition(
    "ADD", *PLAIN, words="the sum of two tensors", formula="y = clamp(a + b)", operands=("a", "b")
)
@definition(
    "SUB",
    *PLAIN,
    words="the difference of two tensors",
    formula="y = clamp(a - b)",
    operands=("a", "b"),
)
def add_plain(op: Operation, at: Index) -> Derivation:
    """Numbers without scales, in their own type."""
    first = op.input(0)[broadcast_index(op.input(0), at)]
    second = op.input(1)[broadcast_index(op.input(1), at)]
    yield DerivationStep("a", "first operand", first)
    yield DerivationStep("b", "second operand", second)
    value = first - second if op.name == "SUB" else first + second
    yield DerivationStep("sum", f"{first} {_sign(op)} {second}", value)
    ignored = op.name == "ADD" and op.rule.path == "general-unclamped"
    return (yield from clamp_plain(value, op, clamped=not (ignored and op.output.dtype == "int32")))


def _sign(op: Operation) -> str:
    return "-" if op.name == "SUB" else "+"


def _join(op: Operation, a: int, b: int) -> Part[int]:
    total = a - b if op.name == "SUB" else a + b
    yield DerivationStep("sum", f"{a} {_sign(op)} {bracketed(b)}", total)
    return total


def _operand(
    op: Operation, name: str, x: ExplainedOperand, at: Index, bits: int, twice_max: float
) -> Part[int]:
    index = broadcast_index(x, at)
    value = x.code(index)
    yield DerivationStep(name, f"{name}{list(index)}", value)
    moved = (value - x.zero) << bits
    yield DerivationStep(f"{name} shifted", f"({value} - {bracketed(x.zero)}) · 2^{bits}", moved)
    how = f"{name} {number(x.scale)} / {number(twice_max)}, twice the larger scale"
    return (yield from rescale(moved, x.scale / twice_max, how, "double", f"{name}: "))


def _shifts(op: Operation) -> bool:
    """Whether int16 operands with power-of-two scales are shifted instead of multiplied."""
    general = op.rule.path in ("general", "general-unclamped")
    return bool(op.options.get("pot_scale_int16", True)) and not general


def _log2(scale: float) -> int | None:
    """Log2 of a scale if LiteRT takes it for a power of two: within 1e-3, in float32."""
    f32 = arithmetic.float32
    log = f32(f32(math.log(scale)) * f32(1.0 / f32(math.log(2.0))))
    nearest = arithmetic.round_half_away(log)
    return nearest if abs(f32(log - nearest)) < f32(1e-3) else None


def _powers_of_two(op: Operation, at: Index, logs: list[int]) -> Derivation:
    """Shift the operand of the finer scale to the output's, add."""
    scaled = []
    for name, operand, log in zip("ab", (op.input(0), op.input(1)), logs, strict=False):
        index = broadcast_index(operand, at)
        value = operand.code(index)
        yield DerivationStep(name, f"{name}{list(index)}", value)
        if shift := logs[2] - log:
            value = arithmetic.shift_half_away16(value, shift)
            yield DerivationStep(f"{name} at y's scale", f"round({name} / 2^{shift})", value)
        scaled.append(value)
    total = yield from _join(op, *scaled)
    return (yield from clamp(total, op))
