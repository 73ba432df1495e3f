"""POW: y = a ** b.

Real      y = a ** b
Integer   int32: the power in float64, truncated. A single exponent that is (nearly) a whole number
          from 1 on, with shapes that differ, is worked out by squaring in the type itself instead
Shapes    a, b: broadcast to y by NumPy's rules
Raises    ModelError, from prepare only: types or shapes that do not fit. For a negative int32
          exponent LiteRT fails at run time
Source    LiteRT kernels/pow.cc, internal/optimized/optimized_ops.h (BroadcastPow4D), which the
          reference resolver uses too (f67457790)
Exact to  LiteRT BUILTIN_REF for int32; float32 within an ulp of powf
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.elementwise import PlainPair
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import type_bounds
from refinterp.numerics.tables import to_int32


def _power(a: Array, b: Array) -> Array:
    power = np.power(a.astype(np.float64), b.astype(np.float64))
    if a.dtype.kind == "f":
        return np.asarray(power.astype(a.dtype))
    return to_int32(np.trunc(power))


@kernel("POW", "float32", "int32")
@dataclass(frozen=True, slots=True, eq=False)
class Pow(Kernel):
    """single: whether the exponent is one number and the shapes differ."""

    single: bool

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Pow:
        """Prepare the kernel."""
        a, b = operands.left, operands.right
        return cls(b.size == 1 and a.shape != b.shape)

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y; a single exponent may differ from sample to sample."""
        a, b = operands.left, operands.right
        y = outputs[0]
        if not self.single:
            PlainPair(_power).eval(Binary((a, b)), [y], work)
            return
        for sample in range(len(y)):
            base = a[min(sample, len(a) - 1)][None]
            exponent = b[min(sample, len(b) - 1)][None]
            whole = _whole(exponent.reshape(-1)[0])
            if whole is None:
                PlainPair(_power).eval(Binary((base, exponent)), [y[sample : sample + 1]], work)
            else:
                with np.errstate(over="ignore", invalid="ignore"):
                    y[sample] = _by_squaring(base, whole).reshape(y.shape[1:])


def _whole(exponent: np.generic) -> int | None:
    """The exponent if it is from 1 on and within 1e-5 of a whole number, as float32 sees it."""
    value = float(exponent)
    if not 0.5 <= value < 2**31 - 1:
        return None
    nearest = int(np.floor(value + 0.5))
    return nearest if abs(np.float32(value) - np.float32(nearest)) < np.float32(1e-5) else None


def _by_squaring(base: Array, exponent: int) -> Array:
    if exponent == 1:
        return base
    low, high = type_bounds("NONE", base.dtype.name)
    power = _by_squaring(base, exponent // 2)
    power = np.asarray(np.clip(power * power, low, high))
    return np.asarray(np.clip(base * power, low, high)) if exponent % 2 else power
