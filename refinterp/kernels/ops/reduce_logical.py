"""REDUCE_ANY and REDUCE_ALL: whether one or every element over some axes is true.

Real      y = any(x), y = all(x)
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); of no elements any is false and all is true
Units     bool
Raises    ModelError, from prepare only: an axis x does not have; NeedsValue when the axes are
          known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (ReduceGeneric; f67457790);
          tflite-micro micro/kernels/reduce_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.reduction import ReducerOptions, Reduction, reduced_shapes
from refinterp.kernels.registry import Array, Inputs, Kernel, kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class _Logical(Kernel):
    reduction: Reduction
    function: Any

    output_shapes = staticmethod(reduced_shapes)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        found = self.function.reduce(x, axis=self.reduction.array_axes)
        y[...] = np.asarray(found).reshape(len(x), *y.shape[1:])


@kernel("REDUCE_ANY", "bool", options=ReducerOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ReduceAny(_Logical):
    """Whether any element is true."""

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> ReduceAny:
        """Read the axes."""
        return cls(Reduction.of(inputs, options), np.logical_or)


@kernel("REDUCE_ALL", "bool", options=ReducerOptions)
@dataclass(frozen=True, slots=True, eq=False)
class ReduceAll(_Logical):
    """Whether every element is true."""

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> ReduceAll:
        """Read the axes."""
        return cls(Reduction.of(inputs, options), np.logical_and)
