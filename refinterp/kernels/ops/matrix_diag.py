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

from refinterp.graph.model import Shape
from refinterp.graph.operands import Diagonal, Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
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
    def output_shapes(operands: Unary[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Repeat the last size."""
        shape = operands.input.shape
        return ((*shape, shape[-1]),)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> MatrixDiag:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "MATRIX_DIAG")
        return cls()

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write zeros, then the diagonals."""
        x, y = operands.input, outputs[0]
        y.fill(0)
        line = np.broadcast_to(x, y.shape[:-1])
        np.copyto(diagonal(y), line.reshape(-1, y.shape[-1]))


@kernel("MATRIX_SET_DIAG", "float32", "int8", "uint8", "int16", "int32", "int64")
@dataclass(frozen=True, slots=True)
class MatrixSetDiag(Kernel):
    """No fields."""

    @staticmethod
    def output_shapes(operands: Diagonal[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the input's shape."""
        shape = operands.input.shape
        line = operands.diagonal.shape
        wanted = (*shape[:-2], min(shape[-2:]))
        if line != wanted:
            raise misfit(operands, "diagonal", f"shape {list(line)}", f"{list(wanted)}")
        return (shape,)

    @classmethod
    def prepare(
        cls,
        operands: Diagonal[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> MatrixSetDiag:
        """Check the shapes."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "MATRIX_SET_DIAG")
        return cls()

    def eval(self, operands: Diagonal[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Copy the matrices, then the diagonals over them."""
        x, line, y = operands.input, operands.diagonal, outputs[0]
        np.copyto(y, x)
        whole = np.broadcast_to(line, (len(y), *line.shape[1:]))
        np.copyto(diagonal(y), whole.reshape(-1, line.shape[-1]))
