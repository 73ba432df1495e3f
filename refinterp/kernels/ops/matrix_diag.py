"""MATRIX_DIAG and MATRIX_SET_DIAG: matrices with a given diagonal.

Shapes    MATRIX_DIAG: x (..., n), y (..., n, n): zeros but for the diagonal;
          MATRIX_SET_DIAG: x (..., rows, columns), diagonal (..., min(rows, columns)), y: x's shape
Units     codes are copied, and 0 is the number 0
Raises    ModelError, from prepare only: shapes that do not fit
Source    LiteRT kernels/matrix_diag.cc, matrix_set_diag.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operators
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.data_movement import expect_shapes, operand, same_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, Kernel, NoOptions, kernel
from refinterp.kernels.workspace import Workspace


def diagonal(y: Array) -> Array:
    """Return the diagonals of (..., rows, columns) as a view (count, min(rows, columns))."""
    rows, columns = y.shape[-2:]
    length = min(rows, columns)
    return y.reshape(-1, rows * columns)[:, : length * (columns + 1) : columns + 1][:, :length]


@kernel("MATRIX_DIAG", "float32", "int8", "uint8", "int16", "int32", "int64")
@dataclass(frozen=True, slots=True)
class MatrixDiag(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(inputs: Inputs, options: NoOptions) -> tuple[Shape, ...]:
        """Repeat the last size."""
        shape = operand(inputs, 0, "MATRIX_DIAG").shape
        if not shape:
            raise ModelError("MATRIX_DIAG needs a vector or more, got a scalar")
        return ((*shape, shape[-1]),)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> MatrixDiag:
        """Check the shapes."""
        same_type(operand(inputs, 0, "MATRIX_DIAG"), outputs[0], "MATRIX_DIAG")
        expect_shapes(outputs, cls.output_shapes(inputs, options), "MATRIX_DIAG")
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write zeros, then the diagonals."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        y.fill(0)
        line = np.broadcast_to(x, y.shape[:-1])
        np.copyto(diagonal(y), line.reshape(-1, y.shape[-1]))


@kernel("MATRIX_SET_DIAG", "float32", "int8", "uint8", "int16", "int32", "int64")
@dataclass(frozen=True, slots=True)
class MatrixSetDiag(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(inputs: Inputs, options: NoOptions) -> tuple[Shape, ...]:
        """Return the input's shape."""
        shape = operand(inputs, 0, "MATRIX_SET_DIAG").shape
        line = operand(inputs, 1, "MATRIX_SET_DIAG").shape
        if len(shape) < 2 or line != (*shape[:-2], min(shape[-2:])):
            raise ModelError(
                f"MATRIX_SET_DIAG: a diagonal of {list(line)} does not fit matrices {list(shape)}"
            )
        return (shape,)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: NoOptions, rule: Rules
    ) -> MatrixSetDiag:
        """Check the shapes."""
        for i in (0, 1):
            same_type(operand(inputs, i, "MATRIX_SET_DIAG"), outputs[0], "MATRIX_SET_DIAG")
        expect_shapes(outputs, cls.output_shapes(inputs, options), "MATRIX_SET_DIAG")
        return cls()

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Copy the matrices, then the diagonals over them."""
        x, line, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert line is not None
        np.copyto(y, x)
        whole = np.broadcast_to(line, (len(y), *line.shape[1:]))
        np.copyto(diagonal(y), whole.reshape(-1, line.shape[-1]))
