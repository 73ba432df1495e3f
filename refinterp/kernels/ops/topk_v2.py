"""TOPK_V2: the k largest elements of each row, in descending order, and where they lie.

Shapes    x (..., n), at least a vector; k: one int16 or int32, at most n; values and indices
          (..., max(k, 0)), the indices int16 or int32
Units     codes are compared and copied as they are
Raises    ModelError, from prepare only: a k beyond the row
Source    LiteRT kernels/topk_v2.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; of equal elements the first comes first, NaN comes last. TFLM has no
          such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Top
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import expect_shapes, integer
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("TOPK_V2", "float32", "int8", "uint8", "int16", "int32", "int64")
@dataclass(frozen=True, slots=True)
class TopKV2(Kernel):
    """k: how many."""

    k: int

    @staticmethod
    def output_shapes(operands: Top[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Shorten the rows."""
        shape, k = operands.input.shape, max(integer(operands.k, "TOPK_V2"), 0)
        if not shape or k > shape[-1]:
            raise ModelError(f"TOPK_V2: {k} elements of rows of an input of {list(shape)}")
        return ((*shape[:-1], k),) * 2

    @classmethod
    def prepare(
        cls,
        operands: Top[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> TopKV2:
        """Prepare the kernel."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "TOPK_V2")
        if outputs[1].dtype not in ("int16", "int32"):
            raise ModelError(f"TOPK_V2: indices are {outputs[1].dtype}; allowed: int16, int32")
        return cls(outputs[0].shape[-1])

    def eval(self, operands: Top[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Sort the reversed rows upwards and read the end backwards, so that ties keep order."""
        x = operands.input
        reverse = x[..., ::-1]
        rising = np.argsort(reverse, axis=-1, kind="stable")
        if x.dtype.kind == "f":  # NumPy puts NaN last, where the largest are
            unfit = np.take_along_axis(np.isnan(reverse), rising, -1)
            order = np.argsort(~unfit, axis=-1, kind="stable")
            rising = np.take_along_axis(rising, order, -1)
        best = x.shape[-1] - 1 - rising[..., ::-1][..., : self.k]
        np.copyto(outputs[0], np.take_along_axis(x, best, -1))
        np.copyto(outputs[1], best, casting="same_kind")
