"""MEAN: the average over some axes.

Real      y = sum(x) / n
Integer   int8, uint8, int16: y = clip(R(sum(x) - n * x_zero) + y_zero); R's multiplier is that of
          x_scale / y_scale, divided by n: mantissa' = (mantissa << s) / n, cut, and exponent' =
          exponent - s with s = floor(log2(n)), at most 32 and at most 31 + exponent
          int32, int64: y = sum(x) / n, cut towards zero, the sum in int64
Shapes    x of any rank, axes (k,) or () constant, y: x's shape without the axes, or with 1 in
          their place (keep_dims); no axes at all leave every element to itself
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: an axis x does not have, missing scales; NeedsValue when
          the axes are known only at run time
Source    LiteRT kernels/reduce.cc, internal/reference/reduce.h (QuantizedMeanOrSum, Mean;
          f67457790); tflite-micro micro/kernels/reduce_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM; float32 sums are added in their order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.elementwise import require_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.reduction import ReducerOptions, Reduction, reduced_shapes
from refinterp.kernels.registry import Array, Inputs, Kernel, kernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.numerics.requantize import Requantizer


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


@kernel("MEAN", "int8", "uint8", "int16", options=ReducerOptions)
@dataclass(frozen=True, slots=True, eq=False)
class MeanInteger(Kernel):
    """dtype: what the sums are held in."""

    reduction: Reduction
    dtype: Any
    requantizer: Requantizer

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> MeanInteger:
        """Fold scales, zero points and the number of elements."""
        x = inputs[0]
        reduction = Reduction.of(inputs, options)
        assert x is not None
        requantizer = code_requantizer(x, outputs[0], reduction, rule.plain, mean=True)
        return cls(reduction, np.int64 if rule.plain else reduction.sum_type(x), requantizer)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y; of no elements it is 0."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.size == 0:
            y.fill(0)
            return
        sums = self.reduction.sums(x, self.dtype, work)
        self.requantizer(sums.reshape(-1, 1), y.reshape(-1, 1))


@kernel("MEAN", "float32", options=ReducerOptions)
@dataclass(frozen=True, slots=True)
class MeanFloat(Kernel):
    """The float32 kernel: sums in the order of the elements, then one division."""

    reduction: Reduction

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> MeanFloat:
        """Read the axes."""
        require_type(outputs[0], "float32", role="output")
        return cls(Reduction.of(inputs, options))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y; of no elements it is NaN."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.size == 0:
            y.fill(np.nan)
            return
        sums = self.reduction.ordered(np.add, x, work)
        np.divide(sums, np.float32(self.reduction.count), out=y.reshape(sums.shape))


@kernel("MEAN", "int32", "int64", options=ReducerOptions)
@dataclass(frozen=True, slots=True)
class MeanWhole(Kernel):
    """Plain integers without scales."""

    reduction: Reduction

    output_shapes = staticmethod(reduced_shapes)

    @classmethod
    def prepare(
        cls, inputs: Inputs, outputs: Sequence[TensorSpec], options: ReducerOptions, rule: Rules
    ) -> MeanWhole:
        """Read the axes."""
        return cls(Reduction.of(inputs, options))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y; of no elements it is 0."""
        x, y = inputs[0], outputs[0]
        assert x is not None
        if x.size == 0:
            y.fill(0)
            return
        sums = np.add.reduce(x, axis=self.reduction.array_axes, dtype=np.int64)
        quotient: NDArray[np.int64] = np.floor_divide(sums, self.reduction.count)
        quotient += (quotient < 0) & (quotient * self.reduction.count != sums)
        y[...] = quotient.reshape(y.shape)
