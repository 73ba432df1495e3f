"""What the reducing operators share: which axes go, what shape is left, and the kernels.

`plain_reduction`, `ordered_reduction` and `code_sums` each register an operator for some types.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, NeedsValue
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.requantize import Requantizer
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
    def of(cls, operands: Reduced[TensorSpec], options: ReducerOptions) -> Reduction:
        """Read the axes: negative ones count from the end, repeats count once.

        A scalar has none, whatever they say. Raises NeedsValue when they are known only at run
        time, ModelError for an axis the input does not have.
        """
        x, axis = operands.input, operands.axes
        if axis.data is None and axis.size:
            raise NeedsValue(axis)
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


def reduced_shapes(operands: Reduced[TensorSpec], options: ReducerOptions) -> tuple[Shape, ...]:
    """The output's shape."""
    return (Reduction.of(operands, options).output_shape,)


@dataclass(frozen=True, slots=True, eq=False)
class PlainReduction(Kernel):
    """A prepared kernel: elements folded in their own type, where the order makes no difference."""

    reduction: Reduction
    function: np.ufunc

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        found = self.function.reduce(x, axis=self.reduction.array_axes, dtype=x.dtype)
        y[...] = np.asarray(found).reshape(len(x), *y.shape[1:])


def plain_reduction(operator: str, function: np.ufunc, *dtypes: str) -> None:
    """Register an operator for integers, whose results wrap, or truth values."""

    @kernel(operator, *dtypes, options=ReducerOptions)
    class Registered(Kernel):
        output_shapes = staticmethod(reduced_shapes)

        @classmethod
        def prepare(
            cls,
            operands: Reduced[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: ReducerOptions,
            rule: Rules,
        ) -> PlainReduction:
            return PlainReduction(Reduction.of(operands, options), function)


@dataclass(frozen=True, slots=True, eq=False)
class OrderedReduction(Kernel):
    """A prepared kernel: numbers folded one after the other; a mean is then divided.

    of_nothing: the result where there is no element.
    """

    reduction: Reduction
    function: np.ufunc
    of_nothing: float
    mean: bool

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        if x.size == 0:
            y.fill(self.of_nothing)
            return
        found = self.reduction.ordered(self.function, x, work)
        if self.mean:
            found = found / np.float32(self.reduction.count)
        y[...] = found.reshape(len(x), *y.shape[1:])


def ordered_reduction(
    operator: str, function: np.ufunc, of_nothing: float, *, mean: bool = False
) -> None:
    """Register an operator for float32, whose results depend on the order of the elements."""

    @kernel(operator, "float32", options=ReducerOptions)
    class Registered(Kernel):
        output_shapes = staticmethod(reduced_shapes)

        @classmethod
        def prepare(
            cls,
            operands: Reduced[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: ReducerOptions,
            rule: Rules,
        ) -> OrderedReduction:
            return OrderedReduction(Reduction.of(operands, options), function, of_nothing, mean)


def divided(multiplier: Multiplier, count: int) -> Multiplier:
    """Fold a division by `count` into a multiplier, as QuantizedMeanOrSum does."""
    exponent = int(multiplier.exponent)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    mantissa = (int(multiplier.mantissa) << shift) // count
    return Multiplier(np.asarray([mantissa], np.int64), np.asarray([exponent - shift], np.int64))


def code_requantizer(
    x: TensorSpec, y: TensorSpec, reduction: Reduction, plain: bool, *, mean: bool
) -> Requantizer:
    """Turn sums of codes of x into codes of y: their mean, or the sum itself."""
    for role, spec in (("input", x), ("output", y)):
        if spec.scale.size != 1:
            raise ModelError(f"{role} {spec.name!r} needs exactly one scale, has {spec.scale.size}")
    with np.errstate(divide="ignore", over="ignore"):
        factor = np.float64(x.step) / np.float64(y.step)
    if not np.isfinite(factor):
        raise ModelError(
            f"input {x.name!r} has scale {x.step}, output {y.name!r} {y.step}; "
            "both must be positive and finite"
        )
    count = reduction.count
    multiplier = Multiplier.of([factor])
    if mean and count:
        multiplier = divided(Multiplier.of(factor), count)
    low, high = INTEGER_RANGE[x.dtype]
    y_low, y_high = INTEGER_RANGE[y.dtype]
    return Requantizer.prepare(
        np.array([factor / (count or 1) if mean else factor], np.float64),
        np.array([-x.zero * count], np.int64),
        y.zero,
        y_low,
        y_high,
        rounding="double",
        bound=np.array([float(max(-low, high) * count)]),
        plain=plain,
        multiplier=multiplier,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CodeSums(Kernel):
    """A prepared kernel: sums of codes, held in `dtype`, turned into codes."""

    reduction: Reduction
    dtype: Any
    requantizer: Requantizer

    settles: ClassVar[bool] = True

    def settle(self, outputs: Sequence[Array], runs: int) -> CodeSums:
        """Rescale in the form that pays for so many runs."""
        elements = outputs[0].size * runs
        return replace(self, requantizer=self.requantizer.settle(elements, self.dtype, runs))

    def eval(self, operands: Reduced[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y; of no elements it is 0."""
        x, y = operands.input, outputs[0]
        if x.size == 0:
            y.fill(0)
            return
        sums = self.reduction.sums(x, self.dtype, work)
        self.requantizer(sums.reshape(-1, 1), y.reshape(-1, 1))


def code_sums(operator: str, *, mean: bool) -> None:
    """Register an operator for codes: their sum, or their mean."""

    @kernel(operator, "int8", "uint8", "int16", options=ReducerOptions)
    class Registered(Kernel):
        output_shapes = staticmethod(reduced_shapes)

        @classmethod
        def prepare(
            cls,
            operands: Reduced[TensorSpec],
            outputs: Sequence[TensorSpec],
            options: ReducerOptions,
            rule: Rules,
        ) -> CodeSums:
            x = operands.input
            reduction = Reduction.of(operands, options)
            requantizer = code_requantizer(x, outputs[0], reduction, rule.plain, mean=mean)
            dtype = np.int64 if rule.plain else reduction.sum_type(x)
            return CodeSums(reduction, dtype, requantizer)
