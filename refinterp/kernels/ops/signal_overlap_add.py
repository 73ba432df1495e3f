"""SignalOverlapAdd: frames added up frame_step apart, saturating in int16.

Shapes      (..., frames, frame_size) → (..., frames * frame_step)
Units       codes carry no scale. What is not complete yet is kept; samples run in order
Raises      ModelError, from prepare only: sizes, options out of range
Source      tflite-micro signal/micro/kernels/overlap_add.cc (90b983c2b)
Exact to    TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OverlapAddOptions:
    """Custom options of SignalOverlapAdd; T is a tensor type's number."""

    frame_step: int = 0
    T: int = 7


@kernel("SignalOverlapAdd", "int16", "float32", options=OverlapAddOptions)
@dataclass(frozen=True, slots=True)
class SignalOverlapAdd(Kernel):
    """Frames back to a signal."""

    rows: int
    size: int
    step: int
    dtype: str
    remembers: ClassVar[bool] = True

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: OverlapAddOptions) -> tuple[Shape, ...]:
        """frame_step samples of each frame."""
        x = operands.input
        return ((*x.shape[:-2], x.shape[-2] * max(options.frame_step, 0)),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: OverlapAddOptions,
        rule: Rules,
    ) -> SignalOverlapAdd:
        """Count the rows."""
        x = operands.input
        size = count("frame size", x.shape[-1])
        step = count("frame_step", options.frame_step, 1, size)
        return cls(x.size // max(size * x.shape[-2], 1), size, step, x.dtype)

    def state(self) -> Sequence[Array]:
        """What later frames add to, (rows, frame_size)."""
        return [np.zeros((self.rows, self.size), STORAGE[self.dtype])]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the state."""
        x, (state,) = operands.input, operands.state
        y, count = outputs[0], x.shape[-2]
        for index in range(len(y)):
            frames = x[min(index, len(x) - 1)].reshape(self.rows, count, self.size)
            out = y[index].reshape(self.rows, count, self.step)
            for number in range(count):
                if self.dtype == "float32":
                    total = state[0] + frames[:, number]
                else:
                    wide = state[0].astype(np.int32) + frames[:, number]
                    total = np.clip(wide, -32768, 32767).astype(np.int16)
                out[:, number] = total[:, : self.step]
                state[0, :, : self.size - self.step] = total[:, self.step :]
                state[0, :, self.size - self.step :] = 0
