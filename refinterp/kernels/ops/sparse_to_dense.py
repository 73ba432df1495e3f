"""SPARSE_TO_DENSE: one value everywhere, and others at coordinates.

Shapes    index: int32 or int64, (n, rank), (n,) for a vector, or a scalar; shape: (rank,);
          values (n,) or one for all; default: one element; y: shape
Units     codes are copied
Raises    ModelError; from prepare: shapes that do not fit; from eval: a coordinate out of range,
          on which LiteRT fails the run
Source    LiteRT kernels/sparse_to_dense.cc, internal/reference/reference_ops.h (f67457790)
Exact to  LiteRT BUILTIN_REF; of values for one place the last stays. TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refinterp.graph.model import Shape
from refinterp.graph.operands import Sparse
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.coordinates import flat
from refinterp.kernels.data_movement import expect_shapes, integers, per_sample
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "SPARSE_TO_DENSE"


@kernel("SPARSE_TO_DENSE", "float32", "int8", "uint8", "int32", "int64")
@dataclass(frozen=True, slots=True)
class SparseToDense(Kernel):
    """sizes: y's shape."""

    checks_data: ClassVar[bool] = True

    sizes: Shape

    @staticmethod
    def output_shapes(operands: Sparse[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Return the shape asked for."""
        shape = tuple(integers(operands.shape, _WHERE))
        index, values = operands.indices, operands.values
        count = index.shape[0] if index.shape else 1
        rank = index.shape[1] if len(index.shape) == 2 else 1
        if any(size < 0 for size in shape):
            raise misfit(operands, "shape", f"{list(shape)}", "sizes of 0 or more")
        if rank != len(shape):
            allowed = f"{len(shape)} numbers for each place, one for each axis of the output"
            raise misfit(operands, "indices", f"shape {list(index.shape)}", allowed)
        if values.shape not in ((), (count,)):
            allowed = f"[] or {[count]}, one for each place"
            raise misfit(operands, "values", f"shape {list(values.shape)}", allowed)
        return (shape,)

    @classmethod
    def prepare(
        cls,
        operands: Sparse[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> SparseToDense:
        """Check the shapes."""
        default = operands.default
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        if default.size != 1:
            raise misfit(operands, "default", f"{default.size} elements", "1")
        return cls(outputs[0].shape)

    def eval(self, operands: Sparse[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write the default, then the values."""
        index, values, default = operands.indices, operands.values, operands.default
        y = outputs[0]
        np.copyto(y, default.reshape(-1, *(1,) * (y.ndim - 1)))
        points = index.reshape(len(index), *index.shape[1:2] or (1,), len(self.sizes))
        places = flat(points, self.sizes, _WHERE)
        for where, what, out in per_sample(len(y), places, values, y.reshape(len(y), -1)):
            out[where] = what
