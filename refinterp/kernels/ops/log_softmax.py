"""LOG_SOFTMAX: y = x - log(sum(exp(x))) along the last axis.

Real      y = (x - max) - log(sum(exp(x - max)))
Integer   d = x - max in Q5; e = exp(d) as Q0, summed in Q12; l = log of the sum in Q5
          (numerics.q31); y = D((d - l) >> 22) + type maximum, clipped; where d is so low that
          d - l leaves Q5, the type minimum
Shapes    y as x, at least one axis
Units     codes, real = scale * (code - zero point); y: scale 1/16, zero point the type's maximum
Raises    ModelError, from prepare only: other output scales, an input scale so small that C aborts
Source    LiteRT kernels/activations.cc, internal/reference/log_softmax.h (f67457790); tflite-micro
          micro/kernels/log_softmax.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; float32 within an ulp of expf and logf
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, require_zero_point
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.flavours import Rules
from refinterp.kernels.last_axis import exponent_factor, rows_of, softmax_shapes
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import q31
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import (
    INT32_MIN,
    Multiplier,
    rescale,
    rounding_divide_by_pot,
    wrap32,
)
from refinterp.numerics.tables import in_float64

I64 = NDArray[np.int64]


@kernel("LOG_SOFTMAX", "int8", "uint8")
@dataclass(frozen=True, slots=True, eq=False)
class LogSoftmaxByte(Kernel):
    """The 8-bit kernel.

    scaled, exponentials: by how far a code is below its row's largest, (256,): in Q5, and exp of it
    in Q12, 0 where too far. lowest: the lowest difference that counts. inverse: from Q5 back.
    """

    scaled: I64
    exponentials: I64
    lowest: int
    inverse: Multiplier
    y_min: int
    y_max: int

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> LogSoftmaxByte:
        """Fold the scale; work out all 256 exponentials."""
        x, y = operands.input, outputs[0]
        low, high = INTEGER_RANGE[y.dtype]
        require_zero_point(y, high, "output")
        if require_scale(y, "output") != 1 / 16:
            raise ModelError(f"output {y.name!r} has scale {y.step}; it must be 1/16")
        factor, lowest = exponent_factor(require_scale(x, "input"), 1.0, x.name)
        inverse = Multiplier.of(2.0 ** (31 - int(factor.exponent)) / float(factor.mantissa))
        difference = -np.arange(256, dtype=np.int64)
        scaled = rescale(difference, factor)
        exponentials = rounding_divide_by_pot(q31.exp_of_negative(scaled, 5), 12)
        exponentials[difference < lowest] = 0
        return cls(scaled, exponentials, lowest, inverse, low, high)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        for x, y in rows_of(operands.input, outputs[0]):
            wide = x.astype(np.int64)
            below = wide.max(axis=-1, keepdims=True) - wide
            total = wrap32(self.exponentials[below].sum(axis=-1, dtype=np.int64, keepdims=True))
            log = q31.log(total & 0xFFFFFFFF, 12, 5)
            least = np.maximum(self.lowest - 1, rescale(log + INT32_MIN, self.inverse))
            code = rounding_divide_by_pot(wrap32(self.scaled[below] - log), 22) + self.y_max
            y[...] = np.where(-below > least, np.clip(code, self.y_min, self.y_max), self.y_min)


@kernel("LOG_SOFTMAX", "float32")
class LogSoftmaxFloat(Kernel):
    """float32, the sum taken in order, as in C."""

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> LogSoftmaxFloat:
        """Check the output's type."""
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        exp, log = in_float64(np.exp), in_float64(np.log)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            for x, y in rows_of(operands.input, outputs[0]):
                centred = x - np.fmax.reduce(x, axis=-1, keepdims=True)
                total = np.cumsum(exp(centred), axis=-1, dtype=np.float32)[..., -1:]
                np.subtract(centred, log(total), out=y)
