"""The checks that rules are made of.

A check returns nothing when it is met, and raises `Refusal` with the value found and what is
allowed when it is not.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

import numpy as np

from refinterp.verdicts.operand import Operand
from refinterp.verdicts.verdict import Refusal, Stage


def refuse(rule: str, why: str, *, aborts: bool = False, stage: Stage = "prepare") -> NoReturn:
    """Raise the refusal."""
    raise Refusal(rule, why, aborts=aborts, stage=stage)


def types(operand: Operand, *allowed: str) -> None:
    """The operand is of one of these types."""
    if operand.dtype not in allowed:
        refuse("types", f"{operand.label} is of {operand.dtype}; allowed: {', '.join(allowed)}")


def runs_on(operand: Operand, *allowed: str) -> None:
    """The same, found out in a run only."""
    if operand.dtype not in allowed:
        refuse(
            "types",
            f"{operand.label} is of {operand.dtype}; allowed: {', '.join(allowed)}",
            stage="invoke",
        )


def same_type(a: Operand, b: Operand) -> None:
    """Two operands are of one type."""
    if a.dtype != b.dtype:
        refuse("types", f"{a.label} is of {a.dtype} and {b.label} of {b.dtype}; allowed: the same")


def rank(operand: Operand, least: int, most: int | None = None) -> None:
    """The operand has so many dimensions."""
    most = least if most is None else most
    if not least <= operand.rank <= most:
        allowed = str(least) if least == most else f"{least} to {most}"
        refuse("rank", f"{operand.label} has {operand.rank} dimensions; allowed: {allowed}")


def has_dimensions(operand: Operand) -> None:
    """The operand is no scalar."""
    if not operand.rank:
        refuse("rank", f"{operand.label} has no dimension; allowed: 1 or more")


def elements(operand: Operand, count: int) -> None:
    """The operand has so many elements."""
    if operand.size != count:
        refuse("shapes", f"{operand.label} has {operand.size} elements; allowed: {count}")


def is_variable(operand: Operand) -> None:
    """The operand keeps its value between runs."""
    if not operand.variable:
        refuse("variables", f"{operand.label} is no variable; it must be")


def same_shape(a: Operand, b: Operand) -> None:
    """Two operands have one shape."""
    if a.shape != b.shape:
        refuse(
            "shapes",
            f"{a.label} has shape {list(a.shape)} and {b.label} {list(b.shape)}; allowed: the same",
        )


def same_scale(a: Operand, b: Operand) -> None:
    """Two operands have the same scale."""
    if a.scale != b.scale:
        refuse(
            "scales",
            f"{a.label} has scale {a.scale:.9g} and {b.label} {b.scale:.9g}; allowed: the same",
        )


def zero_is(operand: Operand, *allowed: int) -> None:
    """The zero point is one of these."""
    if operand.zero not in allowed:
        refuse(
            "zero points",
            f"{operand.label} has zero point {operand.zero}; allowed: {listed(allowed)}",
        )


def is_constant(operand: Operand) -> None:
    """The file gives the operand's value."""
    if not operand.constant:
        refuse("constants", f"{operand.label} is computed at run time; it must be a constant")


def listed(numbers: Collection[int]) -> str:
    """Numbers in words: "1 to 3", "2 or 4"."""
    ordered = sorted(numbers)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return " or ".join(map(str, ordered))


# Scales
def is_quantized(operand: Operand) -> None:
    """It has scales and zero points."""
    if not operand.affine:
        refuse("quantization", f"{operand.label} is not quantized; it must be")


def not_quantized(operand: Operand) -> None:
    """It has no scales."""
    if operand.affine:
        refuse("quantization", f"{operand.label} is quantized; it must not be")


def below_one(real: float, what: str) -> None:
    """A multiplier between 0 and 1, without which a runtime aborts."""
    if not 0 < real < 1:
        refuse(
            "multiplier",
            f"{what} is {real:.9g}; allowed: more than 0 and less than 1",
            aborts=True,
        )


def clamp_fits(operand: Operand, activation: str, scale: float) -> None:
    """The bounds of a fused activation can be written in the result's codes."""
    bounds = {"RELU": (0.0,), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
    for bound in bounds.get(activation, ()):
        with np.errstate(all="ignore"):
            code = float(np.float32(bound) / np.float32(scale))
        if not -(2.0**31) <= code <= 2.0**31 - 1:
            refuse(
                "scales",
                f"{operand.label} has scale {scale:.9g}, of which the bound {bound:g} of "
                f"{activation} is no 32-bit multiple",
            )
