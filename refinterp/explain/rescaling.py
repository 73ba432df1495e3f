"""Steps of rescaling: an accumulator times a real factor, rounded to a code's steps."""

from __future__ import annotations

from collections.abc import Iterator

from refinterp.explain import arithmetic
from refinterp.explain.formulas import Part, number
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import DerivationStep


def rescale(acc: int, real: float, how: str, rounding: str, label: str = "") -> Part[int]:
    """Multiply an accumulator by a real factor, rounded by the rule of that name in `Rules`.

    how: the factor's formula. label: what the steps' names begin with.
    """
    yield DerivationStep(f"{label}real multiplier", how, real)
    if rounding == "real":
        product = acc * real
        yield DerivationStep(f"{label}scaled", f"{acc} · {number(real)}", product)
        rounded = arithmetic.to_int32(product)
        yield DerivationStep(
            f"{label}rounding", f"round({product!r}), halves away from zero", rounded
        )
        return rounded
    mantissa, exponent = arithmetic.quantize_multiplier(real)
    yield from _multiplier(real, mantissa, exponent, label)
    if rounding == "int64":
        short = arithmetic.short_mantissa(mantissa)
        yield DerivationStep(f"{label}15-bit mantissa", f"round({mantissa} / 2^16)", short)
        shift = 15 - exponent
        rounded = arithmetic.wrap32(arithmetic.halves_up(acc * short, shift))
        yield DerivationStep(
            f"{label}rounding", f"floor({acc} · {short} / 2^{shift} + 1/2)", rounded
        )
        return rounded
    return (yield from rescale_by(acc, mantissa, exponent, label))


def rescale_by(acc: int, mantissa: int, exponent: int, label: str = "") -> Part[int]:
    """Multiply by a fixed-point factor, rounding twice: the rule "double"."""
    text = str(acc)
    shifted = acc
    if exponent > 0:
        shifted = arithmetic.wrap32(acc << exponent)
        wrapped = "" if shifted == acc << exponent else ", wrapped to int32"
        text = f"({acc} · 2^{exponent})"
        yield DerivationStep(f"{label}shifted left", f"{acc} · 2^{exponent}{wrapped}", shifted)
    high = arithmetic.high_mul(shifted, mantissa)
    yield DerivationStep(f"{label}first rounding", f"floor({text} · {mantissa} / 2^31 + 1/2)", high)
    if exponent >= 0:
        return high
    rounded = arithmetic.divide_half_away(high, 1 << -exponent)
    yield DerivationStep(
        f"{label}second rounding",
        f"round(round({text} · {mantissa} / 2^31) / 2^{-exponent})",
        rounded,
    )
    return rounded


def _multiplier(real: float, mantissa: int, exponent: int, label: str) -> Iterator[DerivationStep]:
    if mantissa == 0:
        yield DerivationStep(
            f"{label}mantissa", f"{number(real)} is below 2^-32: flushed to zero", 0
        )
        return
    fraction = real / 2.0**exponent
    yield DerivationStep(
        f"{label}exponent", f"{number(real)} = {number(fraction)} · 2^{exponent}", exponent
    )
    yield DerivationStep(f"{label}mantissa", f"round({number(fraction)} · 2^31)", mantissa)


def convolution_factor(
    x: ExplainedOperand, w: ExplainedOperand, y: ExplainedOperand, channel: int
) -> tuple[float, str]:
    """Input scale * weight scale / output scale in float64, and its formula.

    The convolutions of uint8 data round the product of the scales to float32 first.
    """
    scale = w.channel_scale(channel)
    which = f"[{channel}]" if w.spec.scale.size > 1 else ""
    how = f"x {number(x.scale)} · w{which} {number(scale)} / y {number(y.scale)}"
    if x.dtype == "uint8" and len(w.shape) == 4:
        return arithmetic.float32(x.scale * scale) / y.scale, f"{how}, x · w in float32"
    return x.scale * scale / y.scale, how


def accumulator_rule(op: Operation, wide: bool) -> str:
    """The rounding rule of an accumulator: int64 ones have their own, unless scaled as reals."""
    return "int64" if wide and op.rule.rounding != "real" else op.rule.rounding
