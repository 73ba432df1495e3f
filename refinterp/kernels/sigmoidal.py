"""Kernels of the sigmoidal curves, LOGISTIC and TANH; their options say which it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import (
    require_scale,
    require_zero_point,
    same_shape,
    scale_of_input,
)
from refinterp.kernels.contract import Kernel
from refinterp.kernels.elementwise import CodeMap, RealMap
from refinterp.kernels.flavours import Rules
from refinterp.numerics import sigmoid16
from refinterp.numerics.fixedpoint import Multiplier, log2_if_power, rescale, rounding_divide_by_pot
from refinterp.numerics.tables import through_float32

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
Exact = Callable[[I64], I64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One of the two functions in its forms.

    real, table: float32 → float32, for float tensors and for filling 8-bit tables. q0: the curve
    in fixed point; code_bits: how many of its bits an int8 code keeps; zero: what is added then.
    codes16: int16 codes → codes, given a multiplier and a shift; powers16: the left shifts for
    which that multiplier is exact. scale8: the output scale 8-bit codes must have, or None.
    """

    real: Callable[[F32], F32]
    table: Callable[[F32], F32]
    q0: Callable[[I64, int], I64]
    code_bits: int
    zero: int
    codes16: Callable[[I64, int, int], I64]
    powers16: tuple[int, ...]
    scale8: float | None


@dataclass(frozen=True, slots=True)
class Interpolated:
    """int16 codes → int16 codes: the curve at x * multiplier / 2**shift."""

    curve: Curve
    multiplier: int
    shift: int

    def __call__(self, x: I64) -> I64:
        """The definition."""
        return self.curve.codes16(x, self.multiplier, self.shift)


@dataclass(frozen=True, slots=True, eq=False)
class FixedPointCurve:
    """int8 codes → int8 codes through Q4 and Q0; codes at or beyond the radius saturate."""

    x_zero: int
    radius: int
    factor: Multiplier
    curve: Curve

    @classmethod
    def of(cls, x: TensorSpec, curve: Curve) -> FixedPointCurve:
        """Fold the input's scale: 4 integer bits, 27 of fraction."""
        factor = Multiplier.of(x.step * 2.0**27)
        radius = np.floor(np.ldexp(15.0 * 2.0**27, -int(factor.exponent)))
        return cls(x.zero, int(radius), factor, curve)

    def __call__(self, x: I64) -> I64:
        """The definition."""
        centred = x - self.x_zero
        q0 = self.curve.q0(rescale(centred, self.factor), 4)
        code = rounding_divide_by_pot(q0, 31 - self.curve.code_bits) + self.curve.zero
        code = np.where(centred >= self.radius, 127, np.clip(code, -128, 127))
        return np.where(centred <= -self.radius, -128, code)


class CurveInteger(Kernel):
    """Prepares the integer kernel."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> CodeMap:
        """Choose the definition and tabulate it."""
        x, y = operands.input, outputs[0]
        curve: Curve = options.curve
        (require_scale if x.dtype == "int16" else scale_of_input)(x, "input")
        require_scale(y, "output")
        exact: Exact
        if x.dtype == "int16":
            require_zero_point(x, 0, "input")
            require_zero_point(y, 0, "output")
            if log2_if_power(y.step) != -15:
                raise ModelError(f"output {y.name!r} has scale {y.step}; it must be 1/32768")
            multiplier, shift = sigmoid16.input_factor(x.step, curve.powers16)
            exact = Interpolated(curve, multiplier, shift)
        elif rule.path == "fixed-point" and x.dtype == "int8":
            if curve.zero:
                require_zero_point(y, curve.zero, "output")
            exact = FixedPointCurve.of(x, curve)
        else:
            if curve.scale8 is not None and y.step != curve.scale8:
                raise ModelError(f"output {y.name!r} has scale {y.step}; it must be {curve.scale8}")
            exact = through_float32(curve.table, (x.step, x.zero), (y.step, y.zero), y.dtype)
        return CodeMap.of(exact, x, y, rule)


class CurveFloat(Kernel):
    """Prepares the kernel of reals; float16 is widened to float32 and rounded once."""

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> RealMap:
        """Check the output's type."""
        real = options.curve.real
        return RealMap(lambda x: real(x.astype(np.float32)).astype(x.dtype))
