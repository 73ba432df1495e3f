"""Checks that several of TFLM's kernels share.

Sources: tensorflow/lite/micro/kernels of tflite-micro (commit 90b983c2b), tried on the wheel.
TFLM takes the first of several scales for that of the tensor.
"""

from __future__ import annotations

from refinterp.verdicts.checks import below_one, clamp_fits, refuse
from refinterp.verdicts.common import int32_words, quotient
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand


def scale(x: Operand) -> float:
    """The scale TFLM works with."""
    return x.first_scale if x.affine else 0.0


def zero(x: Operand) -> int:
    """The zero point TFLM works with."""
    return x.first_zero if x.affine else 0


def zero_point_is(x: Operand, allowed: int) -> None:
    """Its zero point."""
    if zero(x) != allowed:
        refuse("zero points", f"{x.label} has zero point {zero(x)}; allowed: {allowed}")


def sum_multipliers(a: Operand, b: Operand, y: Operand) -> None:
    """What the shifts of a sum ask of its scales."""
    shift = 15 if y.dtype == "int16" else 20
    twice = 2 * max(scale(a), scale(b))
    for x in (a, b):
        below_one(quotient(scale(x), twice), f"the scale of {x.label} over twice the larger one")
    below_one(
        quotient(twice, 2**shift * scale(y)),
        f"twice the larger scale over 2**{shift} times that of {y.label}",
    )


def activation_range(y: Operand, activation: str) -> None:
    """The range of a fused activation in the result's codes."""
    if y.dtype not in ("int8", "uint8", "int16"):
        refuse("types", f"{y.label} is of {y.dtype}; allowed: int8, uint8, int16")
    clamp_fits(y, activation, scale(y))


def broadcast_rank(node: Node, most: int, *operands: Operand) -> None:
    """Operands of unlike shape have few enough dimensions, or the process ends."""
    if len({x.shape for x in operands[:2]}) == 1:
        return
    for x in operands:
        if x.rank > max(most, 6):
            refuse(
                "rank",
                f"{x.label} has {x.rank} dimensions, and operands of unlike shape at most {most}",
                aborts=True,
                stage="invoke",
            )


def five_dimensions(*operands: Operand) -> None:
    """Operands have five dimensions at most when they are run, or the process ends."""
    for x in operands:
        if x.rank > 5:
            refuse(
                "rank",
                f"{x.label} has {x.rank} dimensions; allowed: up to 5",
                aborts=True,
                stage="invoke",
            )


def as_many(y: Operand, *operands: Operand) -> None:
    """A result of operands of one shape has as many elements, or the process ends."""
    if len({x.shape for x in operands}) == 1 and y.size != operands[0].size:
        refuse(
            "shapes",
            f"{y.label} has {y.size} elements; allowed: {operands[0].size}",
            aborts=True,
            stage="invoke",
        )


def axis_of(value: int, x: Operand, *, aborts: bool = False) -> int:
    """An axis counted from the front; refused where the operand has none such."""
    at = value + x.rank if value < 0 else value
    if not 0 <= at < x.rank:
        refuse(
            "axis",
            f"the axis is {value}, and {x.label} has {x.rank} dimensions; "
            f"allowed: {-x.rank} to {x.rank - 1}",
            aborts=aborts,
            stage="invoke",
        )
    return at


def first_words(x: Operand, count: int) -> list[int] | None:
    """The first of a constant's bytes read as int32; None where they are not known, or too few."""
    words = int32_words(x)[:count]
    known = x.value is not None and (x.dtype == "int32" or len(words) == count)
    return words if known else None


def size_at(x: Operand, axis: int) -> int:
    """A size as C reads it; 0 beyond the last."""
    return x.shape[axis] if axis < x.rank else 0


def strides_not_zero(node: Node) -> None:
    """Division by a stride of zero ends the process."""
    for name in ("stride_w", "stride_h"):
        if node.option(name, 1) == 0:
            refuse("options", f"{name} is 0; allowed: 1 or more", aborts=True)
