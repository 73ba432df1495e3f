"""Checks that several of LiteRT's kernels share.

Sources: tflite/kernels of LiteRT (commit f67457790), tried on the wheel. A tensor with a scale per
channel has no scale of its own: it is 0 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from refinterp.graph.model import Shape
from refinterp.verdicts.checks import below_one, clamp_fits, refuse, runs_on, same_type
from refinterp.verdicts.common import one_to_one, quotient
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.verdict import Stage

CODES = ("int8", "uint8", "int16")


def broadcast(*operands: Operand) -> Shape:
    """The shape operands repeat to; refused where they do not."""
    most = max(x.rank for x in operands)
    sizes = []
    for back in range(1, most + 1):
        extents = [x.shape[-back] if back <= x.rank else 1 for x in operands]
        wanted = 0 if min(extents) == 0 else max(extents)
        if len(operands) == 2 and 0 in extents:
            fits = extents[0] == extents[1] or 1 in extents
        else:
            fits = all(extent in (1, wanted) for extent in extents)
        if not fits:
            refuse(
                "shapes",
                "its inputs have shapes "
                + " and ".join(str(list(x.shape)) for x in operands)
                + ", which do not broadcast",
            )
        sizes.append(wanted)
    return tuple(reversed(sizes))


def activation_range(y: Operand, dtype: str, activation: str) -> None:
    """The range of a fused activation in codes of a type (the one the runtime gives the result)."""
    if dtype not in CODES:
        refuse("types", f"{y.label} is of {dtype}; allowed: int8, uint8, int16")
    clamp_fits(y, activation, y.scale)


def same_marks(a: Operand, b: Operand) -> None:
    """Two operands have the same scale and zero point."""
    if a.scale != b.scale or a.zero != b.zero:
        refuse(
            "scales",
            f"{a.label} has scale {a.scale:.9g} and zero point {a.zero}, {b.label} {b.scale:.9g} "
            f"and {b.zero}; allowed: the same",
        )


def zeros_are_zero(*operands: Operand) -> None:
    """Zero points of int16 tensors."""
    for x in operands:
        if x.zero != 0:
            refuse("zero points", f"{x.label} has zero point {x.zero}; allowed: 0")


def power_of_two(value: float) -> int | None:
    """Its exponent, None where it is none, as CheckedLog2 has it."""
    if not value > 0:
        return None
    exponent = math.log(value) / math.log(2)
    whole = round(exponent)
    return whole if abs(exponent - whole) < 1e-3 else None


def sum_multipliers(a: Operand, b: Operand, y: Operand, shift: int, *, cap: bool = True) -> None:
    """What the shifts of a sum ask of its scales; cap: the output's multiplier is below one."""
    twice = float(np.float32(2) * np.float32(max(a.scale, b.scale)))
    for x in (a, b):
        below_one(quotient(x.scale, twice), f"the scale of {x.label} over twice the larger one")
    real = quotient(twice, float(np.float32(2.0**shift) * np.float32(y.scale)))
    if cap or not real > 1:
        below_one(real, f"twice the larger scale over 2**{shift} times that of {y.label}")


def broadcast_pair(node: Node) -> tuple[Operand, Operand, Operand]:
    """Two operands of one type that broadcast, and the result."""
    node.counts(2, 1)
    a, b, y = node.x(0), node.x(1), node.y()
    same_type(a, b)
    if a.shape != b.shape:
        broadcast(a, b)
    return a, b, y


def few_dimensions(most: int, *operands: Operand) -> None:
    """Operands of unlike shape have few enough dimensions, or the process ends."""
    if len({x.shape for x in operands}) == 1:
        return
    for x in operands:
        if x.rank > most:
            refuse(
                "rank",
                f"{x.label} has {x.rank} dimensions; allowed: up to {most}",
                aborts=True,
                stage="invoke",
            )


def same_types(node: Node) -> tuple[Operand, Operand]:
    """The one operand and the one result, of one type."""
    x, y = one_to_one(node)
    same_type(x, y)
    return x, y


BITS = {"int8": 8, "uint8": 8, "bool": 8, "int16": 16, "uint16": 16, "float16": 16, "int32": 32,
         "uint32": 32, "float32": 32, "int64": 64, "uint64": 64}  # fmt: skip
"""Bits of an element, by its type."""


def sizes_fit(sizes: Sequence[int], what: str) -> None:
    """No size is negative."""
    if min(sizes, default=0) < 0:
        refuse("shapes", f"{what} is {list(sizes)}; allowed: 0 or more")


def sized(x: Operand, *extra: str) -> None:
    """An element type of 8, 16, 32 or 64 bits, found out in a run."""
    runs_on(x, *BITS, *extra)


def axis_of(value: int, x: Operand, *, more: int = 0, stage: Stage = "prepare") -> int:
    """An axis counted from the front; more: of a result with so many dimensions more."""
    count = x.rank + more
    at = value + count if value < 0 else value
    if not 0 <= at < count:
        refuse("axis", f"the axis is {value}; allowed: {-count} to {count - 1}", stage=stage)
    return at
