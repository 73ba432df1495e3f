"""UNIQUE: the values of a vector, each once, in the order in which they first appear.

Shapes    x (n,), whose value decides; values (count,); y (n,): for each element of x, which of the
          values it is, int32 or int64
Units     codes are compared and copied as they are
Raises    ModelError, from prepare only: another index type than idx_out_type says
Source    LiteRT kernels/unique.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import expect_shapes, per_sample, value
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True)
class UniqueOptions:
    """Schema table UniqueOptions."""

    idx_out_type: str | int = "int32"


@kernel("UNIQUE", "float32", "int8", "uint8", "int16", "int32", "int64", options=UniqueOptions)
@dataclass(frozen=True, slots=True)
class Unique(Kernel):
    """No fields: the elements come with the run, and their count with the shape."""

    @staticmethod
    def output_shapes(operands: Unary[TensorSpec], options: UniqueOptions) -> tuple[Shape, ...]:
        """Count the values."""
        x = operands.input
        return ((np.unique(value(operands.input, "UNIQUE")).size,), x.shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: UniqueOptions,
        rule: Rules,
    ) -> Unique:
        """Check the outputs."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "UNIQUE")
        if outputs[1].dtype != options.idx_out_type:
            raise ModelError(
                f"UNIQUE: indices are {outputs[1].dtype} and idx_out_type {options.idx_out_type}; "
                "both must be int32 or both int64"
            )
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Sort the values by where they first appear."""
        x = operands.input
        for part, values, y in per_sample(len(outputs[0]), x, *outputs):
            _, first, which = np.unique(part, return_index=True, return_inverse=True)
            order = np.argsort(first)
            rank = np.empty_like(order)
            rank[order] = np.arange(order.size, dtype=np.int64)
            np.copyto(values, part[first[order]])
            np.copyto(y, rank[which.reshape(-1)], casting="same_kind")
