"""SignalDelay, SignalFramer, SignalStacker: cutting up a signal.

Delay        each row delay_length samples late
Framer       frames of frame_size every frame_step samples; prefill: as if zeros came before
Stacker      left context, one and right context feature vectors in a row, every stacker_step of
             them; the first one is repeated for its missing left context
Shapes       Framer: x (..., n) → (..., n / frame_step, frame_size) and whether all frames are
             there; Stacker: (channels,) → as the file has it, and whether it is there
Units        codes carry no scale. All remember; samples run in order. A frame that is not there
             yet shows what it showed before, zeros at first, as in a memory of its own
Raises       ModelError, from prepare only: sizes, options out of range
Source       tflite-micro signal/micro/kernels: delay.cc, framer.cc, stacker.cc (90b983c2b)
Exact to     TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.signal_checks import count
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DelayOptions:
    """Custom options of SignalDelay."""

    delay_length: int = 0


@kernel("SignalDelay", "int16", options=DelayOptions)
@dataclass(frozen=True, slots=True)
class SignalDelay(Kernel):
    """Rows that come late."""

    rows: int
    length: int
    remembers: ClassVar[bool] = True

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: DelayOptions) -> tuple[Shape, ...]:
        """As the input."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: DelayOptions,
        rule: Rules,
    ) -> SignalDelay:
        """Count the rows."""
        x = operands.input
        return cls(_rows(x), count("delay_length", options.delay_length, 0))

    def state(self) -> Sequence[Array]:
        """What is on its way, (rows, delay_length)."""
        return [np.zeros((self.rows, self.length), np.int16)]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y and the state."""
        x, (state,) = operands.input, operands.state
        y = outputs[0]
        size = x.shape[-1]
        for index in range(len(y)):
            own = x[min(index, len(x) - 1)].reshape(self.rows, size)
            line = np.concatenate([state[0], own], axis=1)
            y[index].reshape(self.rows, size)[...] = line[:, :size]
            state[0] = line[:, size:]


@dataclass(frozen=True, slots=True)
class FramerOptions:
    """Custom options of SignalFramer."""

    frame_size: int = 0
    frame_step: int = 0
    prefill: bool = False


@kernel("SignalFramer", "int16", options=FramerOptions)
@dataclass(frozen=True, slots=True)
class SignalFramer(Kernel):
    """Frames that may overlap."""

    rows: int
    frames: int
    size: int
    step: int
    filled: int
    remembers: ClassVar[bool] = True

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: FramerOptions) -> tuple[Shape, ...]:
        """The frames, and one bool."""
        x = operands.input
        step = count("frame_step", options.frame_step)
        if x.shape[-1] == 0 or x.shape[-1] % step:
            raise ModelError(
                f"rows of shape {list(x.shape)}; the last size must be a multiple of frame_step "
                f"{step}"
            )
        return ((*x.shape[:-1], x.shape[-1] // step, options.frame_size), ())

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: FramerOptions,
        rule: Rules,
    ) -> SignalFramer:
        """Count rows and frames."""
        x = operands.input
        size = count("frame_size", options.frame_size)
        step = options.frame_step
        if options.prefill and size < step:
            raise ModelError(f"frame_size {size} is below frame_step {step}: nothing to prefill")
        filled = size - step if options.prefill else 0
        return cls(_rows(x), x.shape[-1] // step, size, step, filled)

    def state(self) -> Sequence[Array]:
        """Samples that are held, how many, and the frames shown last."""
        capacity = -(-self.size // self.step) * self.step
        return [
            np.zeros((self.rows, capacity), np.int16),
            np.array([self.filled], np.int64),
            np.zeros((self.rows, self.frames, self.size), np.int16),
        ]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the frames, whether they are there, and the state."""
        x, (held, number, last) = operands.input, operands.state
        y, valid = outputs
        for index in range(len(y)):
            own = x[min(index, len(x) - 1)].reshape(self.rows, -1)
            have = int(number[0, 0])
            line = np.concatenate([held[0, :, :have], own], axis=1)
            start = 0
            complete = True
            for frame in range(self.frames):
                have += self.step
                if have < self.size:
                    complete = False
                    continue
                last[0, :, frame] = line[:, start : start + self.size]
                start, have = start + self.step, have - self.step
            held[0, :, :have] = line[:, start:]
            number[0, 0] = have
            y[index] = last[0].reshape(y.shape[1:])
            valid[index] = complete


@dataclass(frozen=True, slots=True)
class StackerOptions:
    """Custom options of SignalStacker."""

    num_channels: int = 0
    stacker_left_context: int = 0
    stacker_right_context: int = 0
    stacker_step: int = 0


@kernel("SignalStacker", "int16", options=StackerOptions)
@dataclass(frozen=True, slots=True)
class SignalStacker(Kernel):
    """Feature vectors with their context."""

    channels: int
    left: int
    context: int
    step: int
    remembers: ClassVar[bool] = True

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: StackerOptions) -> tuple[Shape, ...]:
        """All vectors in a row, and one bool."""
        vectors = options.stacker_left_context + options.stacker_right_context + 1
        return ((max(options.num_channels, 0) * max(vectors, 0),), ())

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: StackerOptions,
        rule: Rules,
    ) -> SignalStacker:
        """Check the sizes."""
        x = operands.input
        channels = count("num_channels", options.num_channels, 1, x.size)
        left = count("stacker_left_context", options.stacker_left_context, 0)
        right = count("stacker_right_context", options.stacker_right_context, 0)
        context = left + right + 1
        return cls(channels, left, context, count("stacker_step", options.stacker_step, 1, context))

    def state(self) -> Sequence[Array]:
        """Vectors that are held, how many, whether one ever came, and the row shown last."""
        return [
            np.zeros((self.context, self.channels), np.int16),
            np.zeros(2, np.int64),
            np.zeros(self.context * self.channels, np.int16),
        ]

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the row, whether it is there, and the state."""
        x, (held, numbers, last) = operands.input, operands.state
        y, valid = outputs
        for index in range(len(y)):
            own = x[min(index, len(x) - 1), : self.channels]
            have, seen = (int(number) for number in numbers[0])
            times = 1 if seen else 1 + self.left
            held[0, have : have + times] = own
            have += times
            complete = have >= self.context
            if complete:
                last[0] = held[0].reshape(-1)
                have -= self.step
                held[0, :have] = held[0, self.step :].copy()
            numbers[0] = have, 1
            y[index] = last[0]
            valid[index] = complete


def _rows(x: TensorSpec) -> int:
    if not x.shape or not x.size:
        raise ModelError(f"{x.name!r} has shape {list(x.shape)}; rows of samples are needed")
    return x.size // x.shape[-1]
