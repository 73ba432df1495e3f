"""What lowerings ask of operands, and how they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import CODES, Site
from refinterp.graph.spec import TensorSpec


def codes(spec: TensorSpec | None, what: str) -> TensorSpec:
    """Return an operand that holds int8 codes; raises UnsupportedError for another."""
    if spec is None:
        raise UnsupportedError(f"the {what} is left out")
    if spec.dtype != "int8":
        raise UnsupportedError(f"the {what} {spec.name!r} is {spec.dtype}; int8 is needed")
    return spec


def given(spec: TensorSpec | None, what: str) -> TensorSpec:
    """Return an operand whose value does not come in the same call; raises UnsupportedError."""
    if spec is None:
        raise UnsupportedError(f"the {what} is left out")
    if spec.data is not None:
        raise UnsupportedError(f"the {what} {spec.name!r} is a constant")
    return spec


def known(spec: TensorSpec | None, what: str) -> NDArray[Any]:
    """Return the value of an operand that must be a constant; raises UnsupportedError."""
    if spec is None:
        raise UnsupportedError(f"the {what} is left out")
    if spec.data is None:
        raise UnsupportedError(f"the {what} {spec.name!r} is no constant of the file")
    return spec.data


def usable(spec: TensorSpec, what: str) -> float:
    """Return the one scale of an operand, a positive number; raises UnsupportedError."""
    if spec.scale.size != 1 or not (math.isfinite(spec.step) and spec.step > 0):
        raise UnsupportedError(f"the {what} {spec.name!r} has no single positive scale")
    return spec.step


def in_codes(zero: int, what: str) -> int:
    """Return a zero point that int8 holds, as the arena has codes; raises UnsupportedError."""
    if not -CODES <= zero < CODES:
        raise UnsupportedError(f"the {what}'s zero point {zero} is outside int8")
    return zero + CODES


def titled(site: Site) -> str:
    """Return an operator with its shapes, for people."""
    sizes = " ".join(
        "x".join(map(str, spec.shape)) or "1" for spec in site.inputs if spec and spec.data is None
    )
    made = " ".join("x".join(map(str, spec.shape)) or "1" for spec in site.outputs)
    return f"{site.step.name} {sizes} -> {made}"


def words(values: Any) -> bytes:
    """Return integers as a block's words of 32 bits."""
    return np.asarray(values, np.int64).astype("<i4").tobytes()
