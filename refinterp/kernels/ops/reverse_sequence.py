"""REVERSE_SEQUENCE: the first elements of each sequence, as many as it has, in reverse order.

Shapes    x: any; lengths: int32 or int64 (batch,); y: x's shape
Units     unchanged
Raises    ModelError; from prepare: axes that do not exist or are the same; from eval: a length
          beyond the axis, on which LiteRT fails the run (or, after the first, reads out of bounds)
Source    LiteRT kernels/reverse_sequence.cc, internal/reference/reference_ops.h (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Sequences
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "REVERSE_SEQUENCE"


@dataclass(frozen=True, slots=True)
class ReverseSequenceOptions:
    """Schema table ReverseSequenceOptions."""

    seq_dim: int = 0
    batch_dim: int = 0


@kernel(
    "REVERSE_SEQUENCE",
    "float32",
    "uint8",
    "int16",
    "int32",
    "int64",
    options=ReverseSequenceOptions,
)
@dataclass(frozen=True, slots=True)
class ReverseSequence(Kernel):
    """sequence, batch: axes, counted with the sample axis. size: of the sequence axis."""

    checks_data: ClassVar[bool] = True

    sequence: int
    batch: int
    size: int

    @staticmethod
    def output_shapes(
        operands: Sequences[TensorSpec], options: ReverseSequenceOptions
    ) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (operands.input.shape,)

    @classmethod
    def prepare(
        cls,
        operands: Sequences[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: ReverseSequenceOptions,
        rule: Rules,
    ) -> ReverseSequence:
        """Check the axes."""
        x, lengths = operands.input, operands.lengths
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        sequence, batch = options.seq_dim, options.batch_dim
        if not (0 <= sequence < len(x.shape) and 0 <= batch < len(x.shape)) or sequence == batch:
            raise ModelError(
                f"{_WHERE}: seq_dim {sequence} and batch_dim {batch} must be two axes of "
                f"{list(x.shape)}"
            )
        if lengths.shape != (x.shape[batch],):
            allowed = f"{[x.shape[batch]]}, one for each index of axis {batch} of the input"
            raise misfit(operands, "lengths", f"shape {list(lengths.shape)}", allowed)
        return cls(sequence + 1, batch + 1, x.shape[sequence])

    def eval(self, operands: Sequences[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take along the axis: element length - 1 - i for i below the length, else i."""
        x, lengths, y = operands.input, operands.lengths, outputs[0]
        if lengths.size and lengths.max() > self.size:
            raise ModelError(f"{_WHERE}: length {lengths.max()} for an axis of {self.size}")
        place = np.arange(self.size, dtype=np.int64)
        own = lengths.astype(np.int64)[..., None]
        index = np.where(place < own, own - 1 - place, place)  # (S, batch, sequence)
        shape = [1] * y.ndim
        shape[0], shape[self.batch], shape[self.sequence] = index.shape
        if self.batch > self.sequence:
            index = index.swapaxes(1, 2)
        np.copyto(y, np.take_along_axis(x, index.reshape(shape), self.sequence))
