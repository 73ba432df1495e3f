"""What operators along the last axis share: shapes, rows, and how far exponents go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array
from refinterp.numerics.broadcast import BLOCK
from refinterp.numerics.fixedpoint import Multiplier


def softmax_shapes(operands: Unary[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """The output's shape; raises ModelError for a scalar."""
    x = operands.input
    if not x.shape:
        raise ModelError(f"input {x.name!r} is a scalar; SOFTMAX needs at least one axis")
    return (x.shape,)


def rows_of(x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    """Yield matching blocks (rows, depth) of both, of about BLOCK elements."""
    if y.size == 0:
        return
    depth = x.shape[-1]
    source = np.broadcast_to(x, y.shape).reshape(-1, depth)
    target = y.reshape(-1, depth)
    step = max(1, BLOCK // depth)
    for start in range(0, len(target), step):
        yield source[start : start + step], target[start : start + step]


def exponent_factor(scale: float, beta: float, name: str) -> tuple[Multiplier, int]:
    """Fold beta * scale into a factor on code differences that gives Q5, and the lowest difference
    that still counts.

    Source: PreprocessSoftmaxScaling, CalculateInputRadius. Raises ModelError for a factor of one
    or less, where C aborts.
    """
    real = min(float(np.float32(beta)) * scale * 2.0**26, 2.0**31 - 1)
    if not real > 1.0:
        raise ModelError(
            f"input {name!r}: beta {beta:g} * scale {scale:g} must exceed {2.0**-26:g}"
        )
    factor = Multiplier.of(real)
    return factor, -int(31 * 2.0**26 // 2.0 ** int(factor.exponent))
