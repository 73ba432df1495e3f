"""DILATE: the elements spread out, with one value between them.

Shapes    x: at least a vector; factors: int32 (rank,), at least 1; value: one element;
          y: (size - 1) * factor + 1 along each axis
Units     codes are copied
Raises    ModelError, from prepare only: factors that are not positive or not one per axis
Source    LiteRT kernels/dilate.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Dilated
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel, NoOptions
from refinterp.kernels.data_movement import BYTES, expect_shapes, integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@kernel("DILATE", *BYTES)
@dataclass(frozen=True, slots=True)
class Dilate(Kernel):
    """places: where x's elements lie in y, sample axis included."""

    places: tuple[slice, ...]

    @staticmethod
    def output_shapes(operands: Dilated[TensorSpec], options: NoOptions) -> tuple[Shape, ...]:
        """Spread the sizes."""
        shape, factors = operands.input.shape, integers(operands.dilations, "DILATE")
        fit = bool(shape) and len(factors) == len(shape) and min(factors) >= 1
        sizes = tuple((n - 1) * step + 1 for n, step in zip(shape, factors, strict=False))
        if not fit or min(sizes) < 0:
            allowed = (
                f"for each axis of the input, of shape {list(shape)}, a factor of 1 or more, and 1 "
                "where the axis has no elements"
            )
            raise misfit(operands, "dilations", f"{factors}", allowed)
        return (sizes,)

    @classmethod
    def prepare(
        cls,
        operands: Dilated[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: NoOptions,
        rule: Rules,
    ) -> Dilate:
        """Place the elements."""
        expect_shapes(outputs, cls.output_shapes(operands, options), "DILATE")
        if operands.value.size != 1:
            raise ModelError("DILATE: the value between the elements must be one element")
        steps = integers(operands.dilations, "DILATE")
        return cls((slice(None), *(slice(None, None, step) for step in steps)))

    def eval(self, operands: Dilated[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Fill, then copy the elements to their places."""
        x, value, y = operands.input, operands.value, outputs[0]
        np.copyto(y, value.reshape(-1, *(1,) * (y.ndim - 1)))
        np.copyto(y[self.places], x)
