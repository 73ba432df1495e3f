"""SignalWindow: y = clip16((x * weights) >> shift), weights repeated along x.

Units       codes carry no scale
Raises      ModelError, from prepare only: sizes, options out of range
Source      tflite-micro signal/micro/kernels/window.cc (90b983c2b)
Exact to    TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Tapered
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Custom options of SignalWindow."""

    shift: int = 0


@kernel("SignalWindow", "int16", options=WindowOptions)
@dataclass(frozen=True, slots=True)
class SignalWindow(Kernel):
    """Products with a window."""

    shift: int

    @staticmethod
    def output_shapes(operands: Tapered[TensorSpec], options: WindowOptions) -> tuple[Shape, ...]:
        """As the input."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Tapered[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: WindowOptions,
        rule: Rules,
    ) -> SignalWindow:
        """Check that the window fits in."""
        x, weights = operands.input, operands.weights
        if not weights.size or x.size % weights.size:
            raise ModelError(f"{x.size} samples are no whole number of windows of {weights.size}")
        return cls(count("shift", options.shift, 0, 31))

    def eval(self, operands: Tapered[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, weights = operands.input, operands.weights
        y = outputs[0]
        own = weights.astype(np.int64)[:, None]
        rows = x.reshape(len(x), -1, weights.shape[-1]).astype(np.int64)
        y[...] = np.clip((rows * own) >> self.shift, -32768, 32767).reshape(-1, *y.shape[1:])
