"""SignalEnergy: real**2 + imaginary**2 of the frequencies start_index..end_index - 1; 0 else.

Shapes      x (2 * n,), y (n,); an odd number at the end is no pair, and is not read
Units       int16 parts to uint32 without a scale; arithmetic wraps as C's does
Raises      ModelError, from prepare only: sizes, options out of range
Source      tflite-micro signal/micro/kernels and signal/src (90b983c2b)
Exact to    TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class EnergyOptions:
    """Custom options of SignalEnergy."""

    start_index: int = 0
    end_index: int = 0


@kernel("SignalEnergy", "int16", options=EnergyOptions)
@dataclass(frozen=True, slots=True)
class SignalEnergy(Kernel):
    """Squared magnitudes."""

    start: int
    end: int

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: EnergyOptions) -> tuple[Shape, ...]:
        """One number of each complex one."""
        return ((operands.input.size // 2,),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: EnergyOptions,
        rule: Rules,
    ) -> SignalEnergy:
        """Check the range of frequencies."""
        x = operands.input
        start = count("start_index", options.start_index, 0, x.size // 2)
        return cls(start, count("end_index", options.end_index, 0, x.size // 2))

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        pairs = x[:, : 2 * y.shape[1]].astype(np.int64)
        y[...] = 0
        some = slice(self.start, self.end)
        y[:, some] = (np.square(pairs[:, 0::2]) + np.square(pairs[:, 1::2]))[:, some]
