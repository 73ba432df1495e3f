"""CIRCULAR_BUFFER: the last inputs in a row, and a run that ends here except every few times.

Integer   y = the slots of the last run, one step further, with x as the last slot
Shapes    x (1, 1, a, b) → y (1, slots, a, b) as the file has it
Units     codes; input and output are quantized alike. The slots start at the zero point. In
          invocation cycles_max, 2 * cycles_max, … the run goes on; in the others it ends after this
          operator, and what comes later keeps its values. Without cycles_max: 1 for 5, 13 or 25
          slots, else 2
Raises    ModelError, from prepare only: types and shapes that do not fit together
Source    tflite-micro micro/kernels/circular_buffer.cc, circular_buffer_common.cc (90b983c2b)
Exact to  TFLM, except that it gives one layer of one old model, known by its place, a cycle of 1
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
from refinterp.kernels.contract import Array, ControlKernel, EndRun, Machine
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs, kernel

_EVERY_TIME = (5, 13, 25)


@dataclass(frozen=True, slots=True)
class CircularBufferOptions:
    """Custom options of CIRCULAR_BUFFER."""

    cycles_max: int = 0


@kernel("CIRCULAR_BUFFER", "int8", options=CircularBufferOptions)
@dataclass(frozen=True, slots=True)
class CircularBuffer(ControlKernel):
    """shape: of the output; zero: what it starts with."""

    shape: Shape
    zero: int
    cycles: int
    remembers: ClassVar[bool] = True

    @staticmethod
    def calls(
        options: CircularBufferOptions, operands: Unary[TensorSpec]
    ) -> Sequence[tuple[int, Inputs]]:
        """No subgraph."""
        return []

    @staticmethod
    def control_shapes(
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        called: Sequence[Sequence[Shape | None]],
    ) -> Sequence[Shape | None]:
        """The file's shape."""
        return [spec.shape for spec in outputs]

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: CircularBufferOptions,
        rule: Rules,
    ) -> CircularBuffer:
        """Check the shapes and choose the cycle."""
        x = operands.input
        y = outputs[0]
        if y.dtype != "int8":
            raise ModelError("CIRCULAR_BUFFER takes one int8 input and gives an int8 output")
        if (
            len(x.shape) != 4
            or len(y.shape) != 4
            or x.shape[:2] != (1, 1)
            or y.shape[0] != 1
            or y.shape[1] < 1
            or x.shape[2:] != y.shape[2:]
        ):
            raise ModelError(
                f"CIRCULAR_BUFFER from {list(x.shape)} to {list(y.shape)}; [1, 1, a, b] to "
                "[1, slots, a, b] is needed"
            )
        cycles = options.cycles_max
        if cycles <= 0:
            cycles = 1 if y.shape[1] in _EVERY_TIME else 2
        if not -128 <= y.zero <= 127:
            raise ModelError(
                f"CIRCULAR_BUFFER: output {y.name!r} has zero point {y.zero}; allowed: -128 to 127"
            )
        return cls(y.shape, y.zero, cycles)

    def state(self) -> Sequence[Array]:
        """The slots, and in how many runs the run goes on."""
        return [np.full(self.shape, self.zero, np.int8), np.array([self.cycles], np.int64)]

    def control(self, operands: Unary[Array], machine: Machine) -> Sequence[Array]:
        """Move on by a slot; end the run when it is not time yet."""
        x = operands.input
        slots, waiting = operands.state
        slots[:, :-1] = slots[:, 1:].copy()
        slots[:, -1:] = x
        waiting -= 1
        if waiting[0] > 0:
            raise EndRun([slots])
        waiting[...] = self.cycles
        return [slots]
