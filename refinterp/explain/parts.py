"""Steps that many definitions share: multipliers, roundings, clamps, windows, sums of products."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from typing import TypeVar

from refinterp.explain import arithmetic
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import (
    Approximate,
    Derivation,
    DerivationStep,
    Index,
    Item,
    Number,
    Tap,
)

T = TypeVar("T")
Part = Generator[Item, None, T]
"""Yields steps and taps, returns a value."""

RANGE = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
}

ACTIVATIONS = {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0),
               "RELU_N1_TO_1": (-1.0, 1.0)}  # fmt: skip
"""The reals a fused activation clamps to; None: no bound."""


def number(value: Number) -> str:
    """A number inside a formula: integers in full, floats with six digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def bracketed(value: Number) -> str:
    """A number after an operator: negative ones in brackets."""
    return f"({number(value)})" if value < 0 else number(value)


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


def in_int32(value: int, name: str) -> Part[int]:
    """An int32 sum: overflow wraps, and is shown where it happens."""
    wrapped = arithmetic.wrap32(value)
    if wrapped != value:
        yield DerivationStep(f"{name} in int32", f"{value} overflows and wraps", wrapped)
    return wrapped


def code(value: int, op: Operation) -> Part[int]:
    """Add the output's zero point and clamp to the type and the fused activation."""
    y = op.output
    moved = value + y.zero
    if y.zero:
        yield DerivationStep("zero point", f"{value} + {bracketed(y.zero)}", moved)
    return (yield from clamp(moved, op))


def clamp(value: int, op: Operation) -> Part[int]:
    """Clamp a code to the output's type and fused activation."""
    y = op.output
    low, high = RANGE[y.dtype]
    activation = str(op.options.get("fused_activation_function", "NONE"))
    real_low, real_high = ACTIVATIONS[activation]
    if real_low is not None:
        bound = yield from _bound(real_low, y, f"{activation} from")
        low = max(low, bound)
    if real_high is not None:
        bound = yield from _bound(real_high, y, f"{activation} to")
        high = min(high, bound)
    result = min(max(value, low), high)
    formula = f"{low} <= {value} <= {high}"
    if value < low:
        formula = f"{value} < {low}: raised"
    elif value > high:
        formula = f"{value} > {high}: lowered"
    yield DerivationStep("clamp", formula, result)
    return result


def _bound(real: float, y: ExplainedOperand, name: str) -> Part[int]:
    """The code of an activation's bound, divided in float32."""
    steps = arithmetic.float32(real / y.scale)
    if math.isinf(steps):
        bound = int(math.copysign(2**31, steps))
    else:
        bound = y.zero + arithmetic.round_half_away(steps)
    yield DerivationStep(name, f"round({real:g} / {number(y.scale)}) + {bracketed(y.zero)}", bound)
    return bound


def clamp_real(value: float, op: Operation) -> Part[float]:
    """Clamp a float to the fused activation."""
    low, high = ACTIVATIONS[str(op.options.get("fused_activation_function", "NONE"))]
    result = value if low is None else max(value, low)
    result = result if high is None else min(result, high)
    if (low, high) != (None, None):
        yield DerivationStep(
            "clamp", f"{low} <= {number(value)} <= {high}".replace("None", "…"), result
        )
    return result


def clamp_plain(value: Number, op: Operation, *, clamped: bool = True) -> Part[Number]:
    """Bring a number without a scale into its type (integers wrap, floats round) and clamp it.

    An activation's bound that is missing is the type's largest finite value.
    """
    y = op.output
    low: Number = -arithmetic.FLOAT32_MAX
    high: Number = arithmetic.FLOAT32_MAX
    if y.dtype != "float32":
        low, high = RANGE[y.dtype]
    typed = _typed(value, y.dtype)
    if typed != value:
        yield DerivationStep(y.dtype, f"{number(value)} in {y.dtype}", typed)
    activation = str(op.options.get("fused_activation_function", "NONE")) if clamped else "NONE"
    real_low, real_high = ACTIVATIONS[activation]
    low = low if real_low is None else _typed(real_low, y.dtype)
    high = high if real_high is None else _typed(real_high, y.dtype)
    result = min(max(typed, low), high)
    yield DerivationStep(
        "clamp", f"{activation}: {number(low)} <= {number(typed)} <= {number(high)}", result
    )
    return result


def _typed(value: Number, dtype: str) -> Number:
    """A number in its type: floats rounded to float32, integers wrapped."""
    if dtype == "float32":
        return arithmetic.float32(value)
    low, high = RANGE[dtype]
    return (int(value) - low) % (high - low + 1) + low


def real_sum(
    products: Sequence[float], op: Operation, stored: float, divisor: int = 1
) -> Part[Approximate]:
    """A sum of float32 products, over `divisor`: exactly, in float32 one by one, and as stored.

    The bound holds for sums in any order: (terms + 2) * 2**-24 * sum|products|.
    """
    exact = arithmetic.exact_sum(products)
    running = 0.0
    for product in products:
        running = arithmetic.float32(running + arithmetic.float32(product))
    yield DerivationStep("exact sum", f"{len(products)} terms, rounded once, to float64", exact)
    yield DerivationStep("float32 sum", "term after term, rounded to float32 each time", running)
    if divisor != 1:
        exact /= divisor
        yield DerivationStep("quotient", f"exact sum / {divisor}", exact)
    clamped = yield from clamp_real(exact, op)
    value = arithmetic.float32(clamped)
    yield DerivationStep("float32", "the exact value rounded to float32", value)
    yield DerivationStep("difference", f"stored {stored!r} - exact {clamped!r}", stored - clamped)
    magnitude = arithmetic.exact_sum(map(abs, products))
    bound = (len(products) + 2) * 2.0**-24 * magnitude / divisor + abs(value) * 2.0**-23
    if not magnitude <= arithmetic.FLOAT32_MAX:
        bound = math.inf  # a partial sum may leave float32 on the way
    yield DerivationStep("bound", f"{len(products)} + 2 roundings of sum|terms|, any order", bound)
    return Approximate(value, bound)


def weighted_sum(taps: Sequence[Tap]) -> Part[int]:
    """Show integer taps and add their products."""
    yield from taps
    total = sum(int(tap.product or 0) for tap in taps)
    outside = sum(tap.padding for tap in taps)
    note = f", {outside} of them in the padding" if outside else ""
    yield DerivationStep("sum of products", f"{len(taps)} taps{note}", total)
    return total


def tap(x: ExplainedOperand, w: ExplainedOperand, x_at: Index, w_at: Index) -> Tap:
    """One product of a weighted sum; outside the input it is 0.

    Weights have a zero point where the data are uint8, and in matrices (FULLY_CONNECTED).
    """
    weight = w[w_at]
    if x.dtype == "uint8" or len(w.shape) == 2:
        weight -= w.zero
    if not inside(x, x_at):
        return Tap(x_at, None, None, w_at, weight, 0)
    value = x[x_at]
    if isinstance(value, float):
        return Tap(x_at, value, None, w_at, weight, value * weight)
    centred = value - x.zero
    return Tap(x_at, value, centred, w_at, weight, centred * weight)


def inside(x: ExplainedOperand, index: Index) -> bool:
    """Whether an index is one of the tensor's."""
    return all(0 <= i < size for i, size in zip(index, x.shape, strict=True))


def window_start(op: Operation, axis: str, position: int, kernel: int) -> int:
    """The input row ("h") or column ("w") an output position's window begins at.

    Padding is what the output's size asks for beyond the input, the smaller half in front.
    """
    dimension = "bhwc".index(axis)
    stride, dilation = int(op.options[f"stride_{axis}"]), window_dilation(op, axis)
    reach = (op.output.shape[dimension] - 1) * stride + (kernel - 1) * dilation + 1
    return position * stride - max(reach - op.input(0).shape[dimension], 0) // 2


def window_dilation(op: Operation, axis: str) -> int:
    """Input rows or columns between two taps."""
    return int(op.options.get(f"dilation_{axis}_factor", 1))


def window(
    op: Operation, at: Index, kernel: tuple[int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Walk a 2-D window: (kernel row, kernel column, input row, input column)."""
    top = window_start(op, "h", at[1], kernel[0])
    left = window_start(op, "w", at[2], kernel[1])
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            row = top + i * window_dilation(op, "h")
            yield i, j, row, left + j * window_dilation(op, "w")


def biased(total: int, bias: ExplainedOperand | None, channel: int) -> Part[int]:
    """Add a channel's bias."""
    if bias is None:
        return total
    flat = bias.values.reshape(-1) if bias.values is not None else ()
    value = int(flat[channel])
    yield DerivationStep("bias", f"b[{channel}]", value)
    yield DerivationStep("accumulator", f"{total} + {bracketed(value)}", total + value)
    return total + value


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


def weighted(op: Operation, taps: Sequence[Tap], channel: int, *, wide: bool) -> Derivation:
    """All of a convolution once its taps are known: sum, bias, rescaling, clamp.

    taps: with products. wide: the sum is an int64, and rescaled as such.
    """
    x, w, y = op.input(0), op.input(1), op.output
    total = yield from weighted_sum(taps)
    total = yield from biased(total, op.optional(2), channel)
    if not wide:
        total = yield from in_int32(total, "accumulator")
    real, how = convolution_factor(x, w, y, channel)
    scaled = yield from rescale(total, real, how, accumulator_rule(op, wide))
    return (yield from code(scaled, op))


def weighted_real(op: Operation, taps: Sequence[Tap], channel: int, at: Index) -> Derivation:
    """The same for reals; at: the output element, for comparison."""
    yield from taps
    products = [float(tap.product or 0.0) for tap in taps]
    bias = op.optional(2)
    if bias is not None and bias.values is not None:
        products.append(float(bias.values.reshape(-1)[channel]))
        yield DerivationStep("bias", f"b[{channel}]", products[-1])
    return (yield from real_sum(products, op, float(op.output[at])))


def accumulator_rule(op: Operation, wide: bool) -> str:
    """The rounding rule of an accumulator: int64 ones have their own, unless scaled as reals."""
    return "int64" if wide and op.rule.rounding != "real" else op.rule.rounding


def wide_accumulator(op: Operation) -> bool:
    """Whether int16 data are summed in int64.

    The option `quantized_bias_type` decides, or, where the rule's path is "bias-tensor" and there
    is a bias, the bias's type.
    """
    bias = op.optional(2)
    if op.input(0).dtype != "int16":
        return False
    if op.rule.path == "bias-tensor" and bias is not None:
        return bias.dtype != "int32"
    return op.options.get("quantized_bias_type") != "int32"


def broadcast_index(x: ExplainedOperand, at: Index) -> Index:
    """Where an operand that repeats is read for an output index."""
    own = at[len(at) - len(x.shape) :]
    return tuple(0 if size == 1 else i for i, size in zip(own, x.shape, strict=True))
