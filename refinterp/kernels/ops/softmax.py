"""SOFTMAX: y = exp(beta * x) / sum(exp(beta * x)) along the last axis.

Real      y = exp(beta * (x - max)) / sum(exp(beta * (x - max)))
Integer   8 bits in: d = x - max; e = exp of d * beta * scale in Q5 as Q0 (numerics.q31), 0 below a
          limit; s = sum of e in Q12; y = D(e * (1 / s)) + type minimum, clipped
          int16: d rescaled to a table of exp over [-10, 0]; the reciprocal of the sum from a second
          table; both have 513 entries and are interpolated
Shapes    y as x, at least one axis
Units     codes, real = scale * (code - zero point); y int8: scale 1/256, zero point -128; int16
          from int16: scale 1/32768, zero points 0
Raises    ModelError, from prepare only: other output scales, beta * scale so small that C aborts
Source    LiteRT kernels/activations.cc, internal/reference/softmax.h (f67457790); tflite-micro
          micro/kernels/softmax_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (tables in float64) and TFLM (float32); float32 within an ulp of expf.
          Where the sum reaches 512 both abort; here y is then what the formula gives
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, require_zero_point, scale_of_input
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.last_axis import exponent_factor, rows_of, softmax_shapes
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import q31
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import (
    Multiplier,
    doubling_high_mul,
    rescale,
    rounding_divide_by_pot,
    wrap32,
)
from refinterp.numerics.tables import in_float64, interpolate, interpolation_table

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SoftmaxOptions:
    """Schema table SoftmaxOptions."""

    beta: float = 0.0


def near(scale: float, wanted: float) -> bool:
    """Whether an output scale is within a thousandth of the one an operator fixes."""
    return abs(scale - wanted) <= 0.001 * wanted


@kernel("SOFTMAX", "int8", "uint8", options=SoftmaxOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxByte(Kernel):
    """8-bit codes in, 8- or 16-bit codes out.

    exponentials: exp in Q0 by how far a code is below its row's largest, (256,); 0 where too far.
    terms: the same in Q12, as they are added. plain: whether every step is taken as C takes it;
    rows whose sums stay within int32 need neither its wrapping nor its signs.
    """

    factor: Multiplier
    lowest: int
    exponentials: I64
    terms: I64
    bits: int
    y_min: int
    y_max: int
    plain: bool

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SoftmaxOptions,
        rule: Rules,
    ) -> SoftmaxByte:
        """Fold the scale and beta; work out all 256 exponentials."""
        x, y = operands.input, outputs[0]
        if y.dtype == "int8":
            require_zero_point(y, -128, "output")
            if not near(require_scale(y, "output"), 1 / 256):
                raise ModelError(f"output {y.name!r} has scale {y.step}; it must be 1/256")
        factor, lowest = exponent_factor(require_scale(x, "input"), options.beta, x.name)
        difference = -np.arange(256, dtype=np.int64)
        scaled = wrap32(difference << int(factor.exponent))
        exponentials = q31.exp_of_negative(doubling_high_mul(scaled, factor.mantissa), 5)
        exponentials[difference < lowest] = 0
        bits = 16 if y.dtype == "int16" else 8
        terms = rounding_divide_by_pot(exponentials, 12)
        plain = rule.plain or x.shape[-1] * int(terms.max()) >= 2**31
        return cls(factor, lowest, exponentials, terms, bits, *INTEGER_RANGE[y.dtype], plain)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        rows = self._plain_rows if self.plain else self._rows
        for x, y in rows_of(operands.input, outputs[0]):
            rows(x, y)

    def _plain_rows(self, x: Array, y: Array) -> None:
        wide = x.astype(np.int64)
        below = wide.max(axis=-1, keepdims=True) - wide
        total = wrap32(self.terms[below].sum(axis=-1, dtype=np.int64, keepdims=True)) & 0xFFFFFFFF
        inverse, over_unit = q31.reciprocal(total, 12)
        product = doubling_high_mul(inverse, self.exponentials[below])
        code = rounding_divide_by_pot(product, over_unit + (31 - self.bits)) + self.y_min
        code = np.where(below > -self.lowest, self.y_min, code)
        y[...] = np.clip(code, self.y_min, self.y_max)

    def _rows(self, x: Array, y: Array) -> None:
        """The same where no number is negative: halves round up, and what is too far is 0."""
        below = np.subtract(np.maximum.reduce(x, axis=-1, keepdims=True), x, dtype=np.int16)
        codes = self.exponentials.take(below)
        total = np.add.reduce(self.terms.take(below), axis=-1, dtype=np.int64, keepdims=True)
        inverse: Any
        over_unit: Any
        if total.size == 1:
            inverse, over_unit = q31.reciprocal_of(int(total.item()), 12)
        else:
            inverse, over_unit = q31.reciprocal(total, 12)
        shift = over_unit + (31 - self.bits)
        half = 1 << (shift - 1)
        codes *= inverse
        codes += 1 << 30
        codes >>= 31
        codes += half
        codes >>= shift
        codes += self.y_min
        np.minimum(codes, self.y_max, out=y, casting="unsafe")


@kernel("SOFTMAX", "int16", options=SoftmaxOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxInt16(Kernel):
    """int16 to int16. exponentials: over [-10, 0]; reciprocals: 1 / (1 + x) over [0, 1]."""

    factor: Multiplier
    exponentials: I64
    reciprocals: I64

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SoftmaxOptions,
        rule: Rules,
    ) -> SoftmaxInt16:
        """Fold the scale and beta; fill the tables in the flavour's precision."""
        x, y = operands.input, outputs[0]
        require_zero_point(x, 0, "input")
        require_zero_point(y, 0, "output")
        if not near(require_scale(y, "output"), 1 / 32768):
            raise ModelError(f"output {y.name!r} has scale {y.step}; it must be 1/32768")
        real, tables = np.dtype(rule.precision).type, np.dtype(rule.tables).type
        product = real(scale_of_input(x, "input")) * real(np.float32(options.beta))
        return cls(
            Multiplier.of(float(product) / (10.0 / 65535.0)),
            interpolation_table(
                in_float64(np.exp), tables(10.0) / 65535, 32767, tables(2.0) / 65535, 0, tables
            ),
            interpolation_table(
                lambda value: tables(1) / (tables(1) + value),
                tables(1.0) / 65535,
                -32768,
                tables(2.0) / 65535,
                0,
                tables,
            ),
        )

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        for x, y in rows_of(operands.input, outputs[0]):
            wide = x.astype(np.int64)
            difference = rescale(wide - wide.max(axis=-1, keepdims=True), self.factor)
            exponentials = interpolate(
                np.clip(difference + 32767, -32768, 32767), self.exponentials
            )
            total = exponentials.sum(axis=-1, dtype=np.int64, keepdims=True)
            zeros = q31.leading_zeros(total)
            fraction = ((total << (zeros - 1)) + (1 << 13)) >> 14
            inverse = interpolate(
                np.clip(fraction - (1 << 15) - (1 << 16), -32768, 32767), self.reciprocals
            )
            right = 31 - zeros
            y[...] = np.clip(
                (exponentials * inverse + (np.int64(1) << (right - 1))) >> right, 0, 32767
            )


@kernel("SOFTMAX", "float32", "float16", options=SoftmaxOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxFloat(Kernel):
    """float32, the sum taken in order, as in C.

    float16 is widened; the exponentials are rounded to it, but for the sum of them.
    """

    beta: np.float32

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SoftmaxOptions,
        rule: Rules,
    ) -> SoftmaxFloat:
        """Check the output's type."""
        return cls(np.float32(options.beta))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        exp = in_float64(np.exp)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            for codes, y in rows_of(operands.input, outputs[0]):
                x = codes.astype(np.float32)
                largest = np.fmax.reduce(x, axis=-1, keepdims=True)
                values = exp((x - largest) * self.beta)
                total = np.cumsum(values, axis=-1, dtype=np.float32)[..., -1:]
                np.divide(values.astype(y.dtype), total, out=y, casting="same_kind")
