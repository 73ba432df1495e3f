"""Kernels of ADD and SUB, which are one but for a sign that stands in their options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape, require_scale, require_zero_point
from refinterp.kernels.contract import Array, Kernel, Steady
from refinterp.kernels.elementwise import ClampedPair, PairMap, map_pairs
from refinterp.kernels.flavours import Rules
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds, type_bounds
from refinterp.numerics.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    Multiplier,
    log2_if_power,
    rescale,
    rounding_divide_by_pot,
)
from refinterp.numerics.float32_sum import Float32Sum
from refinterp.numerics.tables import PAIRS, tabulate_pairs
from refinterp.numerics.tape import Do

I64 = NDArray[np.int64]

_CODES = np.arange(-128, 256, dtype=np.int64)  # of int8 and of uint8


@dataclass(frozen=True, slots=True, eq=False)
class SumInteger(Steady):
    """The general integer kernel. sign: what b is multiplied by, +1 or -1.

    types: of both operands and the output, where pairs of codes can be tried: not for int16, nor
    where only the plain form is wanted. float32: the float32 form, unless it leaves too much in
    doubt; table: where it was tried and is not right for every pair, the output for each.
    """

    sign: int
    shift: int
    a_zero: int
    b_zero: int
    y_zero: int
    a_factor: Multiplier
    b_factor: Multiplier
    y_factor: Multiplier
    y_min: int
    y_max: int
    types: tuple[str, str, str] | None = None
    table: Array | None = None
    float32: Float32Sum | None = None

    settles: ClassVar[bool] = True
    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> SumInteger | ClampedPair | PairMap:
        """Fold the scales in float64; int16 may take one of the narrower kernels instead."""
        y = outputs[0]
        a, b = operands.left, operands.right
        if a.dtype == "int16":
            if not a.quantized and options.sign > 0:  # SUB has no such form
                return SumPlain.prepare(operands, outputs, options, rule)
            named = ((a, "first operand"), (b, "second operand"), (y, "output"))
            for spec, role in named:
                require_zero_point(spec, 0, role)
            if options.pot_scale_int16 and rule.path not in ("general", "general-unclamped"):
                logs = [log2_if_power(require_scale(spec, role)) for spec, role in named]
                if None not in logs:
                    return PairMap.of(PowerOfTwoSum.of(logs, y, options).exact, (a, b), y, rule)
        shift = 15 if a.dtype == "int16" else 20
        twice_max = 2.0 * max(require_scale(a, "first operand"), require_scale(b, "second operand"))
        y_real = twice_max / ((1 << shift) * require_scale(y, "output"))
        if not y_real < (1.0 if options.sign > 0 else np.inf):  # SUB may scale up
            raise ModelError(
                f"output {y.name!r} has scale {y.step:g}; it must exceed "
                f"{twice_max / (1 << shift):g}, twice the larger input scale / 2**{shift}"
            )
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        a_factor, b_factor, y_factor = Multiplier.of_each(
            a.step / twice_max, b.step / twice_max, y_real
        )
        self = cls(
            options.sign,
            shift,
            a.zero,
            b.zero,
            y.zero,
            a_factor,
            b_factor,
            y_factor,
            y_min,
            y_max,
        )
        if rule.plain or a.dtype == "int16":
            return self
        factors = a.step / y.step, options.sign * b.step / y.step
        constant = y.zero - a.zero * factors[0] - b.zero * factors[1]
        float32 = Float32Sum.of(factors, constant, (y_min, y_max), y_real)
        return replace(self, types=(a.dtype, b.dtype, y.dtype), float32=float32)

    def settle(self, outputs: Sequence[Array], runs: int) -> SumInteger:
        """Try all pairs of codes where as many elements are written."""
        tried = self.table is not None or (self.float32 is not None and self.float32.proven)
        if self.types is None or tried or outputs[0].size * runs < PAIRS:
            return self
        if self.float32 is None:
            return replace(self, table=tabulate_pairs(self.exact, *self.types))
        if runs == 1:
            return self
        table, own = self.float32.tabulate(self.exact, self.types)
        if np.array_equal(table, own):
            return replace(self, float32=replace(self.float32, proven=True))
        return replace(self, float32=None, table=table)

    def _scaled(self, codes: I64, zero: int, factor: Multiplier) -> I64:
        """An operand's codes on the common scale; looked up where there are more than codes."""
        if self.types is None or codes.size <= _CODES.size:
            return rescale((codes - zero) << self.shift, factor)
        scaled = rescale((_CODES - zero) << self.shift, factor)
        places = (codes - _CODES[0]).astype(np.intp, copy=False)
        return np.asarray(scaled.take(places))

    def exact(self, a: I64, b: I64) -> I64:
        """The definition: codes a, b → codes y; int64 arrays that broadcast."""
        scaled_a = self._scaled(a, self.a_zero, self.a_factor)
        scaled_b = self._scaled(b, self.b_zero, self.b_factor)
        total = scaled_a + self.sign * scaled_b
        m = self.y_factor
        if m.exponent > 0:  # scaled up: what leaves int32 is far outside the output's range
            total = np.clip(total << m.exponent, INT32_MIN, INT32_MAX)
            m = Multiplier(m.mantissa, np.zeros_like(m.exponent))
        return np.clip(rescale(total, m) + self.y_zero, self.y_min, self.y_max)

    def record(
        self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y."""
        a, b = operands.left, operands.right
        if self.float32 is None:
            map_pairs(self.exact, self.table, a, b, outputs[0], work, do)
        elif self.float32.proven:
            self.float32(a, b, outputs[0], work.take, do)
        else:
            self.float32.checked(self.exact, a, b, outputs[0], work.take, do)
        return True


@dataclass(frozen=True, slots=True, eq=False)
class PowerOfTwoSum:
    """int16 with scales that are powers of two: one operand is shifted to the other's scale.

    a_shift, b_shift: right shifts, one of them 0, halves away from zero. ADD saturates the sum to
    int16 before the clamp; SUB clamps the int32 difference, which comes to the same.
    """

    sign: int
    a_shift: int
    b_shift: int
    y_min: int
    y_max: int

    @classmethod
    def of(cls, logs: Sequence[int | None], y: TensorSpec, options: Any) -> PowerOfTwoSum:
        """Take the scales' logarithms (a, b, y); raises ModelError for shifts LiteRT refuses."""
        a_log, b_log, y_log = (int(log or 0) for log in logs)
        a_shift, b_shift = y_log - a_log, y_log - b_log
        if min(a_shift, b_shift) < 0 or a_shift * b_shift:
            raise ModelError(
                f"output {y.name!r}: with power-of-two scales one input must have the output's "
                f"scale 2**{y_log} and the other at most that, got 2**{a_log} and 2**{b_log}"
            )
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, 0)
        return cls(options.sign, a_shift, b_shift, y_min, y_max)

    def exact(self, a: I64, b: I64) -> I64:
        """The definition: codes a, b → codes y."""
        scaled_a = rounding_divide_by_pot(a, self.a_shift)
        scaled_b = rounding_divide_by_pot(b, self.b_shift)
        y: I64 = scaled_a + self.sign * scaled_b
        return np.clip(y, self.y_min, self.y_max)


class SumPlain(Kernel):
    """Numbers without scales: add in the type itself (integers wrap), then clamp."""

    output_shapes = staticmethod(common_shape)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Any,
        rule: Rules,
    ) -> ClampedPair:
        """TFLM's ADD ignores the activation on int32 (path "general-unclamped")."""
        y = outputs[0]
        activation = options.fused_activation_function
        if y.dtype == "int32" and rule.path == "general-unclamped":
            activation = "NONE"
        function = np.add if options.sign > 0 else np.subtract
        return ClampedPair(function, *type_bounds(activation, y.dtype))
