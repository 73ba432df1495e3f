"""SignalPCAN: each channel of a filter bank by a gain that falls with the noise in it.

Value       gain by a piecewise parabola of the noise, then x**2 / 4 below 2, x - 1 above
Shapes      rank 1 throughout
Units       unsigned integers without a scale; arithmetic wraps as C's does
Raises      ModelError, from prepare only: sizes, options out of range
Source      tflite-micro signal/micro/kernels and signal/src (90b983c2b)
Exact to    TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import GainControlled
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import unsigned

_SNR_BITS = 12
_OUTPUT_BITS = 6
_LOW32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class PcanOptions:
    """Custom options of SignalPCAN."""

    snr_shift: int = 0


@kernel("SignalPCAN", "uint32", options=PcanOptions)
@dataclass(frozen=True, slots=True)
class SignalPcan(Kernel):
    """Per-channel amplitude normalization."""

    shift: int

    @staticmethod
    def output_shapes(
        operands: GainControlled[TensorSpec], options: PcanOptions
    ) -> tuple[Shape, ...]:
        """As the input."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: GainControlled[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: PcanOptions,
        rule: Rules,
    ) -> SignalPcan:
        """Check that the gain table reaches every estimate."""
        x, noise, table = operands.input, operands.noise_estimate, operands.gain_table
        if noise.size != x.size or table.size < 4 * 32 - 6 + 3:
            raise ModelError(
                f"{x.size} channels, {noise.size} noise estimates and a gain table of "
                f"{table.size}; as many estimates as channels and at least 125 gains are needed"
            )
        return cls(count("snr_shift", options.snr_shift, 0, 63))

    def eval(
        self, operands: GainControlled[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y."""
        x, noise, table = operands.input, operands.noise_estimate, operands.gain_table
        gain = _wide_dynamic(noise.astype(np.int64), table[0].astype(np.int64))
        product = x.astype(np.uint64) * (gain & _LOW32).astype(np.uint64)
        ratio = (product >> np.uint64(self.shift)) & np.uint64(_LOW32)
        square = ((ratio * ratio) & np.uint64(_LOW32)) >> np.uint64(
            2 + 2 * _SNR_BITS - _OUTPUT_BITS
        )
        line = (ratio >> np.uint64(_SNR_BITS - _OUTPUT_BITS)).astype(np.int64) - (1 << _OUTPUT_BITS)
        outputs[0][...] = np.where(ratio < 2 << _SNR_BITS, square.astype(np.int64), line & _LOW32)


def _wide_dynamic(x: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    """A piecewise parabola over powers of two: 4 table entries per bit length; int16 result."""
    interval = unsigned.bit_length(x)
    base = 4 * interval - 6
    left, right = np.maximum(11 - interval, 0), np.maximum(interval - 11, 0)
    fraction = ((x << left) >> right) & 0x3FF
    base = np.where(x <= 2, 0, base)
    result = (table[base + 2] * fraction) >> 5
    result = (result + (table[base + 1] << 5)) * fraction
    result = ((((result + 2**31) & _LOW32) - 2**31 + (1 << 14)) >> 15) + table[base]
    result = ((result + 2**15) & 0xFFFF) - 2**15
    return np.where(x <= 2, table[np.minimum(x, 2)], result)
