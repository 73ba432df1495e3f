"""ATAN2: the angle of a point.

Real      z = the angle from the x axis to (x, y), in (-pi, pi]
Shapes    y, x, z: the same
Source    LiteRT kernels/atan2.cc (f67457790)
Exact to  LiteRT BUILTIN_REF within an ulp of atan2f; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import PlainPair
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel


def _angle(y: Array, x: Array) -> Array:
    """Worked out in float64 and rounded once."""
    return np.arctan2(y.astype(np.float64), x.astype(np.float64)).astype(y.dtype)


@kernel("ATAN2", "float32", "float16")
class Atan2(Kernel):
    """Prepares the function of two elements."""

    @staticmethod
    def output_shapes(operands: Binary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """The shape of both."""
        return (operands.left.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> PlainPair:
        """There is nothing to find out."""
        return PlainPair(_angle)
