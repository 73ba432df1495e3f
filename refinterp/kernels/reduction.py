"""What the reducing operators share: which axes go, what shape is left, and exact sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import Array, Inputs, NeedsValue
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.sums import middle_sums


@dataclass(frozen=True, slots=True)
class ReducerOptions:
    """Schema table ReducerOptions."""

    keep_dims: bool = False


@dataclass(frozen=True, slots=True)
class Reduction:
    """Which axes of an input are reduced. axes: ascending, each once, in [0, rank)."""

    shape: Shape
    axes: tuple[int, ...]
    keep_dims: bool

    @classmethod
    def of(cls, inputs: Inputs, options: ReducerOptions) -> Reduction:
        """Read the axes, the second input: negative ones count from the end, repeats count once.

        A scalar has none, whatever they say. Raises NeedsValue when they are known only at run
        time, ModelError for an axis the input does not have.
        """
        x = inputs[0]
        axis = inputs[1] if len(inputs) > 1 else None
        if x is None or axis is None:
            raise ModelError("a reduction needs an input and the axes to reduce")
        if axis.data is None and axis.size:
            raise NeedsValue(1)
        rank = len(x.shape)
        values = [] if axis.data is None else axis.data.reshape(-1).tolist()
        given = values if rank else []
        for value in given:
            if not -rank <= value < rank:
                raise ModelError(
                    f"axis {value} does not exist in {x.name!r} of shape {list(x.shape)}; "
                    f"allowed: {-rank} to {rank - 1}"
                )
        return cls(x.shape, tuple(sorted({value % rank for value in given})), options.keep_dims)

    @property
    def count(self) -> int:
        """Elements that are reduced to one."""
        return math.prod(self.shape[axis] for axis in self.axes)

    @property
    def output_shape(self) -> Shape:
        """The input's shape without the reduced axes, or with 1 in their place."""
        if self.keep_dims:
            return tuple(1 if i in self.axes else n for i, n in enumerate(self.shape))
        return tuple(n for i, n in enumerate(self.shape) if i not in self.axes)

    @property
    def array_axes(self) -> tuple[int, ...]:
        """The axes of an array that has a sample axis in front."""
        return tuple(axis + 1 for axis in self.axes)

    def rows(self, x: Array) -> Array:
        """View (or copy) x (S, *shape) as (S, kept, reduced), both in the order of the shape."""
        kept = [i + 1 for i in range(len(self.shape)) if i not in self.axes]
        size = math.prod(self.shape[i - 1] for i in kept)
        return x.transpose(0, *kept, *self.array_axes).reshape(len(x), size, self.count)

    def sum_type(self, x: TensorSpec) -> Any:
        """A float type in which every sum of codes of x's type is exact."""
        low, high = INTEGER_RANGE[x.dtype]
        return np.float32 if max(-low, high) * self.count < FLOAT32_EXACT else np.float64

    def sums(self, x: Array, dtype: Any, work: Workspace) -> NDArray[Any]:
        """Add codes up, exactly, in `dtype`; in the order of the kept elements."""
        span = self._neighbours()
        if span is not None and np.dtype(dtype).kind == "f":
            first, last = (math.prod(self.shape[: span[0]]), math.prod(self.shape[span[1] :]))
            total = work.take((len(x) * first, last), dtype)
            middle_sums(x.reshape(len(total), self.count, last), total, work.take)
            return total
        converted = work.take(x.shape, dtype)
        converted[...] = x
        return np.asarray(np.add.reduce(converted, axis=self.array_axes, dtype=dtype))

    def _neighbours(self) -> tuple[int, int] | None:
        """The reduced axes as a range, if they are next to each other and others follow."""
        if not self.axes or self.axes[-1] - self.axes[0] != len(self.axes) - 1:
            return None
        end = self.axes[-1] + 1
        return (self.axes[0], end) if end < len(self.shape) else None

    def ordered(self, function: np.ufunc, x: Array, work: Workspace) -> NDArray[Any]:
        """Fold numbers one after the other in the order of the shape: (S, kept)."""
        rows = self.rows(x)
        steps = work.take(rows.shape, x.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            function.accumulate(rows, axis=2, out=steps)
        return steps[..., -1]


def reduced_shapes(inputs: Inputs, options: ReducerOptions) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are data and axes."""
    return (Reduction.of(inputs, options).output_shape,)
