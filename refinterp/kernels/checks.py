"""Checks of operands that kernels share, and the shapes of results that go element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Operands
from refinterp.graph.spec import TensorSpec
from refinterp.numerics.broadcast import broadcast_shape


def same_shape(operands: Operands[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """The output has the shape of the first operand."""
    x, *_ = operands
    return (x.shape,)


def misfit(operands: Operands[TensorSpec], name: str, found: str, allowed: str) -> ModelError:
    """What is wrong with one operand, in the form of `graph.misfits`."""
    spec: TensorSpec = operands[operands.names.index(name)]
    return ModelError(f"operand {name} {spec.name!r}: found {found}; allowed: {allowed}")


def common_shape(operands: Operands[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """The output has the shape that two operands broadcast to."""
    a, b = operands
    one, other = (operands.name_of(place) for place in (0, 1))
    where = f"operands {one} {a.name!r} and {other} {b.name!r}"
    return (broadcast_shape(a.shape, b.shape, where=where),)


def along(spec: TensorSpec) -> tuple[int, ...]:
    """The shape in which per-channel values of a tensor broadcast over it, sample axis included.

    Raises ModelError when there is not one scale per index of the quantized dimension.
    """
    axis = spec.quantized_dimension
    if not 0 <= axis < len(spec.shape) or spec.shape[axis] != spec.scale.size:
        raise ModelError(
            f"{spec.name!r} has {spec.scale.size} scales along dimension {axis} of shape "
            f"{list(spec.shape)}"
        )
    return (1, *(size if i == axis else 1 for i, size in enumerate(spec.shape)))


def require_scale(spec: TensorSpec, role: str) -> float:
    """Return the operand's one scale; raises ModelError when it has none, many or a bad one."""
    if spec.scale.size != 1:
        raise ModelError(f"{role} {spec.name!r} needs exactly one scale, has {spec.scale.size}")
    if not (np.isfinite(spec.step) and spec.step > 0):
        raise ModelError(f"{role} {spec.name!r} has scale {spec.step}; it must be above 0")
    return spec.step


def scale_of_input(spec: TensorSpec, role: str) -> float:
    """As `require_scale`, but 0 passes, as it does where C kernels only multiply by it.

    All codes of such an operand stand for 0: converters write it for constants that are 0.
    """
    return 0.0 if spec.scale.size == 1 and spec.step == 0 else require_scale(spec, role)


def require_zero_point(spec: TensorSpec, expected: int, role: str) -> None:
    """Raise ModelError unless the operand's zero point is the one the operator fixes."""
    if spec.zero != expected:
        raise ModelError(f"{role} {spec.name!r} has zero point {spec.zero}; it must be {expected}")
