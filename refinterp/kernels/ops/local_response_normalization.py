"""LOCAL_RESPONSE_NORMALIZATION: elements divided by the size of their neighbours' channels.

Real      y = x * (bias + alpha * sum(x ** 2)) ** -beta, the sum over channels c - radius up to, but
          not including, c + radius
Shapes    x, y: (batch, height, width, channels)
Source    LiteRT kernels/local_response_norm.cc, internal/reference/reference_ops.h (f67457790)
Exact to  LiteRT BUILTIN_REF within an ulp of powf; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class LocalResponseNormalizationOptions:
    """Schema table LocalResponseNormalizationOptions."""

    radius: int = 0
    bias: float = 0.0
    alpha: float = 0.0
    beta: float = 0.0


@kernel("LOCAL_RESPONSE_NORMALIZATION", "float32", options=LocalResponseNormalizationOptions)
@dataclass(frozen=True, slots=True)
class LocalResponseNormalization(Kernel):
    """The float32 kernel."""

    radius: int
    bias: np.float32
    alpha: np.float32
    beta: np.float32

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: LocalResponseNormalizationOptions,
        rule: Rules,
    ) -> LocalResponseNormalization:
        """Round the numbers to float32."""
        numbers = (options.bias, options.alpha, options.beta)
        return cls(options.radius, *(np.float32(number) for number in numbers))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y; the squares are added from the first channel on."""
        x, y = operands.input, outputs[0]
        depth = x.shape[-1]
        with np.errstate(all="ignore"):
            squares, sums = x * x, np.zeros(x.shape, np.float32)
            for offset in range(max(-self.radius, 1 - depth), min(self.radius, depth)):
                low, high = max(0, -offset), min(depth, depth - offset)
                sums[..., low:high] += squares[..., low + offset : high + offset]
            base = (self.bias + self.alpha * sums).astype(np.float64)
            factor = np.power(base, -np.float64(self.beta)).astype(np.float32)
            np.multiply(x, factor, out=y)
