"""Steps of sums of products: convolutions, matrix products and sums of reals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from refinterp.explain import arithmetic
from refinterp.explain.clamping import clamp_real, code, in_int32
from refinterp.explain.formulas import Part, bracketed
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.rescaling import accumulator_rule, convolution_factor, rescale
from refinterp.explain.steps import Approximate, Derivation, DerivationStep, Index, Tap
from refinterp.explain.windows import inside


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


def biased(total: int, bias: ExplainedOperand | None, channel: int) -> Part[int]:
    """Add a channel's bias."""
    if bias is None:
        return total
    flat = bias.values.reshape(-1) if bias.values is not None else ()
    value = int(flat[channel])
    yield DerivationStep("bias", f"b[{channel}]", value)
    yield DerivationStep("accumulator", f"{total} + {bracketed(value)}", total + value)
    return total + value


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
