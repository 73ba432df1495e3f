"""RANGE: numbers from a start towards a limit, in steps.

Shapes    start, limit, delta: scalars of one type; y: (ceil(|limit - start| / |delta|),)
Raises    ModelError, from prepare only: a step of 0, or one that leads away from the limit
Source    LiteRT kernels/range.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; float32 adds one step after the other, as the C code does
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Span
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes, value
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("RANGE", "float32", "int32", "int64")
@dataclass(frozen=True, slots=True)
class Range(Kernel):
    """No fields: the numbers come with the run, and their count with the shape."""

    @staticmethod
    def output_shapes(operands: Span[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Count the steps, in the operands' own type."""
        if any(spec.size == 0 for spec in operands):
            raise ModelError("RANGE: start, limit and delta must be one number each")
        start, limit, delta = (value(spec, "RANGE").reshape(-1)[0] for spec in operands)
        if delta == 0 or (limit - start) * np.sign(delta) < 0:
            raise ModelError(f"RANGE: steps of {delta} do not lead from {start} to {limit}")
        if operands.start.dtype == "float32":
            return ((int(np.ceil(np.abs((limit - start) / delta))),),)
        return ((-(-abs(int(limit) - int(start)) // abs(int(delta))),),)

    @classmethod
    def prepare(
        cls,
        operands: Span[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Range:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "RANGE")
        return cls()

    def eval(self, operands: Span[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Add up the steps."""
        start, delta, y = operands.start, operands.delta, outputs[0]
        if y.shape[1]:
            y[:, 1:] = delta.reshape(-1, 1)
            y[:, 0] = start.reshape(-1)
            np.add.accumulate(y, axis=1, out=y)
