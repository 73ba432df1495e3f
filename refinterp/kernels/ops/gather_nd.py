"""GATHER_ND: elements or slices of the input, picked by coordinates.

Shapes    x: any; index: int16, int32 or int64 (..., n): coordinates on x's first n axes;
          y: (..., *rest of x's shape)
Units     unchanged: neither runtime looks at scales
Raises    ModelError; from prepare: more coordinates than axes; from eval: a coordinate out of
          range, on which LiteRT fails the run
Source    LiteRT kernels/gather_nd.cc, internal/reference/reference_ops.h (f67457790)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from refinterp.graph.model import Shape
from refinterp.graph.operands import Gathered
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.coordinates import flat
from refinterp.kernels.data_movement import expect_shapes, per_sample, take
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace

_WHERE = "GATHER_ND"


@kernel("GATHER_ND", "float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16")
@dataclass(frozen=True, slots=True, eq=False)
class GatherNd(Kernel):
    """sizes: of the axes that coordinates count on. after: elements of one slice."""

    checks_data: ClassVar[bool] = True

    sizes: Shape
    after: int

    @staticmethod
    def output_shapes(operands: Gathered[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Replace the coordinates by what they point at."""
        x, index = operands.input, operands.indices
        if index.shape[-1] > len(x.shape):
            allowed = f"a last size of up to {len(x.shape)}, the axes of the input"
            raise misfit(operands, "indices", f"shape {list(index.shape)}", allowed)
        return ((*index.shape[:-1], *x.shape[index.shape[-1] :]),)

    @classmethod
    def prepare(
        cls,
        operands: Gathered[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> GatherNd:
        """Split x into slices."""
        x, index = operands.input, operands.indices
        expect_shapes(outputs, cls.output_shapes(operands, options), _WHERE)
        count = index.shape[-1]
        return cls(x.shape[:count], math.prod(x.shape[count:]))

    def eval(self, operands: Gathered[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Take slices."""
        x, index = operands.input, operands.indices
        picks = flat(index, self.sizes, _WHERE)
        slices = x.reshape(len(x), math.prod(self.sizes), self.after)
        y = outputs[0].reshape(len(outputs[0]), picks.shape[1], self.after)
        if len(index) == 1:
            take(slices, picks[0], 0, y)
            return
        for part, pick, out in per_sample(len(y), slices, picks, y):
            take(part[None], pick, 0, out[None])
