"""Steps that bring a number into a type's range and a fused activation's."""

from __future__ import annotations

import math

from refinterp.explain import arithmetic
from refinterp.explain.formulas import Part, bracketed, number
from refinterp.explain.operation import ExplainedOperand, Operation
from refinterp.explain.steps import DerivationStep, Number

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
