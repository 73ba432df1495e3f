"""L2_NORMALIZATION: y = x / sqrt(sum(x ** 2)) along the last axis.

Real      y = x / max(sqrt(sum(x ** 2)), 1e-6)
Integer   s = sum((x - x_zero) ** 2); y = clip(R((x - x_zero) * 128 / sqrt(s)) + y_zero), with the
          inverse square root from numerics.q31
Shapes    y as x, at least one axis
Units     codes, real = scale * (code - zero point); y: scale 1/128, zero point 0 (int8) or 128
Raises    ModelError, from prepare only: another output scale or zero point; UnsupportedError: a
          fused activation
Source    LiteRT kernels/l2norm.cc, internal/reference/l2normalization.h and integer_ops/ the same
          (f67457790); tflite-micro micro/kernels/l2norm.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM, float32 too
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import require_scale, require_zero_point
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.last_axis import rows_of, softmax_shapes
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import q31
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32


@dataclass(frozen=True, slots=True)
class L2NormOptions:
    """Schema table L2NormOptions."""

    fused_activation_function: str | int = "NONE"

    def require_none(self) -> None:
        """Raise UnsupportedError for a fused activation, which no runtime applies."""
        if self.fused_activation_function != "NONE":
            raise UnsupportedError(
                f"fused activation {self.fused_activation_function} is not supported; allowed: NONE"
            )


@kernel("L2_NORMALIZATION", "int8", "uint8", options=L2NormOptions)
@dataclass(frozen=True, slots=True, eq=False)
class L2NormByte(Kernel):
    """The 8-bit kernel. fine: bits codes are shifted by before rescaling, rather than after."""

    x_zero: int
    y_zero: int
    fine: int
    y_min: int
    y_max: int

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: L2NormOptions,
        rule: Rules,
    ) -> L2NormByte:
        """Check the output's quantization."""
        x, y = operands.input, outputs[0]
        options.require_none()
        require_zero_point(y, 0 if y.dtype == "int8" else 128, "output")
        if require_scale(y, "output") != 1 / 128:
            raise ModelError(f"output {y.name!r} has scale {y.step}; it must be 1/128")
        return cls(x.zero, y.zero, 0 if y.dtype == "int8" else 7, *INTEGER_RANGE[y.dtype])

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        for x, y in rows_of(operands.input, outputs[0]):
            centred = x.astype(np.int64) - self.x_zero
            total = wrap32((centred * centred).sum(axis=-1, dtype=np.int64, keepdims=True))
            mantissa, exponent = q31.inverse_square_root(total)
            factor = Multiplier(mantissa, exponent + 7 - self.fine)
            code = rescale(centred << self.fine, factor) + self.y_zero
            y[...] = np.clip(code, self.y_min, self.y_max)


@kernel("L2_NORMALIZATION", "float32", options=L2NormOptions)
class L2NormFloat(Kernel):
    """float32, the sum taken in order, as in C."""

    output_shapes = staticmethod(softmax_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: L2NormOptions,
        rule: Rules,
    ) -> L2NormFloat:
        """Check the output's type."""
        options.require_none()
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        with np.errstate(over="ignore", invalid="ignore"):
            for x, y in rows_of(operands.input, outputs[0]):
                total = np.cumsum(x * x, axis=-1, dtype=np.float32)[..., -1:]
                np.divide(x, np.maximum(np.sqrt(total), np.float32(1e-6)), out=y)
