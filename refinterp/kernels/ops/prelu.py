"""PRELU: y = x where x >= 0, alpha * x below, with an alpha per element.

Real      y = x if x >= 0 else alpha * x
Integer   y = clip(R(x - x_zero) + y_zero), R the factor scale x / scale y; below the zero point
          y = clip(R((x - x_zero) * (alpha - alpha_zero)) + y_zero), that times scale alpha
Shapes    alpha broadcasts to x; y as x
Units     codes, real = scale * (code - zero point); with int16 x, alpha is int8
Raises    ModelError, from prepare only: types or shapes that do not fit, missing scales
Source    LiteRT kernels/activations.cc, internal/reference/prelu.h (f67457790); tflite-micro
          micro/kernels/prelu_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (factors in float32) and TFLM (float64)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Sloped
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape, require_scale, scale_of_input
from refinterp.kernels.contract import Kernel, NoOptions
from refinterp.kernels.elementwise import PairMap, PlainPair
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale

I64 = NDArray[np.int64]


def prelu_shapes(operands: Sloped[TensorSpec], options: Any) -> tuple[Shape, ...]:
    """The output has the input's shape; raises ModelError if alpha would enlarge it."""
    x, alpha = operands.input, operands.alpha
    if common_shape(operands, options) != (x.shape,):
        raise ModelError(
            f"alpha {alpha.name!r} of shape {list(alpha.shape)} must broadcast to the input's "
            f"{list(x.shape)}"
        )
    return (x.shape,)


@kernel("PRELU", "float32")
class PreluFloat(Kernel):
    """Prepares a function of two reals."""

    output_shapes = staticmethod(prelu_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Sloped[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> PlainPair:
        """Prepare the kernel."""
        return PlainPair(lambda x, alpha: np.where(x >= 0, x, x * alpha))


@kernel("PRELU", "int8", "uint8", "int16x8")
class PreluInteger(Kernel):
    """Prepares a map of pairs of codes."""

    output_shapes = staticmethod(prelu_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Sloped[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> PairMap:
        """Fold the scales in the flavour's precision."""
        x, alpha, y = operands.input, operands.alpha, outputs[0]
        real = np.dtype(rule.precision).type
        x_scale, y_scale = real(scale_of_input(x, "input")), real(require_scale(y, "output"))
        above = Multiplier.of(x_scale / y_scale)
        below = Multiplier.of(x_scale * real(scale_of_input(alpha, "alpha")) / y_scale)
        low, high = INTEGER_RANGE[y.dtype]

        def exact(codes: I64, slopes: I64) -> I64:
            centred = codes - x.zero
            product = rescale(centred * (slopes - alpha.zero), below)
            value: I64 = np.where(centred >= 0, rescale(centred, above), product) + y.zero
            return np.clip(value, low, high)

        return PairMap.of(exact, (x, alpha), y, rule)
