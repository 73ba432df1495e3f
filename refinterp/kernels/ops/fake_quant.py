"""FAKE_QUANT: reals rounded to the ones that codes of some bits can stand for.

Real      y = round((clamp(x) - low) / scale) * scale + low, where [low, high] is the range [min,
          max] moved so that 0 is one of its 2 ** bits - 1 steps
Shapes    y as x
Raises    ModelError, from prepare only: a range without 0; UnsupportedError: narrow_range, which
          LiteRT refuses
Source    LiteRT kernels/fake_quant.cc, internal/quantization_util.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.elementwise import map_reals
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.fixedpoint import round_half_away


@dataclass(frozen=True, slots=True)
class FakeQuantOptions:
    """Schema table FakeQuantOptions."""

    min: float = 0.0
    max: float = 0.0
    num_bits: int = 0
    narrow_range: bool = False


@kernel("FAKE_QUANT", "float32", options=FakeQuantOptions)
@dataclass(frozen=True, slots=True)
class FakeQuant(Kernel):
    """The range, moved, and its step; float32 as every step of the computation."""

    low: np.float32
    high: np.float32
    scale: np.float32

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FakeQuantOptions,
        rule: Rules,
    ) -> FakeQuant:
        """Move the range."""
        if options.narrow_range:
            raise UnsupportedError("FAKE_QUANT: narrow_range is not supported, nor is it by LiteRT")
        low, high = np.float32(options.min), np.float32(options.max)
        if not (low <= 0 <= high and low < high) or not 1 <= options.num_bits <= 16:
            raise ModelError(
                f"FAKE_QUANT: range {low:g} to {high:g} in {options.num_bits} bits; it must hold "
                "0, and 1 to 16 bits are possible"
            )
        steps = np.float32(2**options.num_bits - 1)
        scale = (high - low) / steps
        zero = round_half_away(np.clip(-low / scale, np.float32(0), steps)).astype(np.float32)
        return cls((np.float32(0) - zero) * scale, (steps - zero) * scale, scale)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        map_reals(self._nearest, operands.input, outputs[0])

    def _nearest(self, x: Array) -> Array:
        inside = np.minimum(np.maximum(x, self.low), self.high)
        steps = round_half_away((inside - self.low) * (np.float32(1) / self.scale))
        return np.asarray(steps.astype(np.float32) * self.scale + self.low)
