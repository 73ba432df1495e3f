"""A filter that is multiplied with: folded once if it is constant, else sample by sample.

`WeightedKernel` is the one place that knows which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.operands import TransposedWeighted, Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel, Steady
from refinterp.kernels.weighted import (
    bias_values,
    largest_code,
    legacy_factors,
    per_sample,
    rescale_factors,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds
from refinterp.numerics.fixedpoint import Rounding
from refinterp.numerics.gemm import ExactGemm
from refinterp.numerics.requantize import FLOAT32_PAYS, Requantizer
from refinterp.numerics.tape import NOW, Do

Factors = Callable[[TensorSpec, TensorSpec, TensorSpec, int], NDArray[np.float64]]
"""Data, filter, result and the number of channels → the factor of each channel."""


def convolution_factors(
    x: TensorSpec, w: TensorSpec, y: TensorSpec, channels: int
) -> NDArray[np.float64]:
    """The factors of a convolution, (channels,); those on uint8 codes are rounded early."""
    return (legacy_factors if x.dtype == "uint8" else rescale_factors)(x, w, y, channels)


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What an integer kernel knows before its filter: the scales, limits and rounding.

    x_zero: zero point of the data
    x_max: largest magnitude of a code of the data
    w_zero: zero point of the filter
    factors: float64 (channels,), from sums to codes of the result
    y_zero: zero point of the result
    y_min, y_max: codes between which the activation leaves the result
    rounding: the rule by which sums are rescaled
    plain: whether the plain definition is asked for
    """

    x_zero: int
    x_max: int
    w_zero: int
    factors: NDArray[np.float64]
    y_zero: int
    y_min: int
    y_max: int
    rounding: Rounding
    plain: bool

    @classmethod
    def of(
        cls,
        specs: tuple[TensorSpec, TensorSpec, TensorSpec],
        channels: int,
        activation: str | int,
        rounding: Rounding,
        *,
        plain: bool,
        factors: Factors = convolution_factors,
        w_zero: int | None = None,
    ) -> Scaling:
        """Read the specs (data, filter, result); raises ModelError.

        w_zero: by default that of a filter of uint8 codes; others have none in a convolution.
        """
        x, w, y = specs
        if w_zero is None:
            w_zero = w.zero if x.dtype == "uint8" else 0
        y_min, y_max = integer_bounds(activation, y.dtype, y.step, y.zero)
        scale, x_max = factors(x, w, y, channels), largest_code(x.dtype)
        return cls(x.zero, x_max, w_zero, scale, y.zero, y_min, y_max, rounding, plain)

    def centred(self, w: NDArray[Any]) -> NDArray[Any]:
        """Take the zero point off a filter; without one it stays as it is."""
        return w.astype(np.int32) - self.w_zero if self.w_zero else w

    def bias(self, values: NDArray[Any] | None) -> NDArray[np.int64]:
        """A bias as it is added to sums: zeros where there is none."""
        if values is None:
            return np.zeros(len(self.factors), np.int64)
        return values.astype(np.int64, copy=False)

    def requantizer(
        self, constant: NDArray[np.int64], bound: NDArray[np.float64], own: slice = slice(None)
    ) -> Requantizer:
        """Turn sums of some channels, to which a constant is to be added, into codes.

        constant: (channels,), or several times that for sums that are worked out side by side.
        bound: the largest magnitude of each sum.
        """
        factors = self.factors[own]
        if len(factors) < len(constant):
            factors = np.tile(factors, len(constant) // len(factors))
        return Requantizer.prepare(
            factors,
            constant,
            self.y_zero,
            self.y_min,
            self.y_max,
            rounding=self.rounding,
            bound=bound,
            plain=self.plain,
        )


W = TypeVar("W")
L = TypeVar("L")


@dataclass(frozen=True, slots=True, eq=False)
class Folded(Generic[W]):
    """A filter as it is multiplied, and what turns its sums into codes, the bias included.

    dtype: what the sums are held in.
    """

    weights: W
    requantizer: Requantizer
    dtype: Any

    def settle(self, elements: int, runs: int) -> Folded[W]:
        """Rescale in the form that pays for so many sums in so many runs."""
        requantizer = self.requantizer.settle(elements, self.dtype, runs)
        if requantizer is self.requantizer:
            return self
        return Folded(self.weights, requantizer, self.dtype)


def settled_gemm(layout: Folded[ExactGemm], elements: int, runs: int) -> Folded[ExactGemm]:
    """A matrix, and what turns its sums into codes, in the form that pays for so many sums."""
    gemm = layout.weights.settle(elements // max(1, layout.weights.sums.size))
    requantizer = layout.requantizer
    if gemm.x_max and (runs > 1 or elements >= FLOAT32_PAYS * gemm.sums.size):
        gemm = gemm.tightened()
        requantizer = requantizer.bounded(gemm.bound)
    requantizer = requantizer.settle(elements, layout.dtype, runs)
    if gemm is layout.weights and requantizer is layout.requantizer:
        return layout
    return Folded(gemm, requantizer, layout.dtype)


K = TypeVar("K", bound="WeightedKernel[Any]")


@dataclass(frozen=True, slots=True, eq=False)
class WeightedKernel(Kernel, Generic[L]):
    """A kernel that multiplies data with a filter.

    layout: the filter as it is multiplied, and a bias that is folded into it; None where these are
    only known at run time.
    """

    layout: L | None = field(default=None, kw_only=True)

    def lay_out(self, w: Array, bias: Array | None) -> L:
        """Lay out a filter, and fold the bias (channels,) in where it belongs to the layout."""
        raise NotImplementedError

    def run(
        self, layout: L, x: Array, bias: Array | None, y: Array, work: Workspace, do: Do = NOW
    ) -> None:
        """Write y: of all samples, with one filter and one bias (channels,)."""
        raise NotImplementedError

    def settled(self, layout: L, elements: int, runs: int) -> L:
        """The layout in the form that pays for so many sums in so many runs."""
        return layout

    def settle(self: K, outputs: Sequence[Array], runs: int) -> K:
        """The kernel with its layout in the form that pays for so many runs."""
        if self.layout is None:
            return self
        layout = self.settled(self.layout, outputs[0].size * runs, runs)
        return self if layout is self.layout else replace(self, layout=layout)

    def folds(self, layout: L) -> Sequence[Folded[Any]]:
        """What the layout is made of, where it holds what turns sums into codes."""
        return ()

    def refolded(self, folds: Sequence[Folded[Any]]) -> L:
        """The layout that is made of these; only asked for where there are `folds`."""
        raise NotImplementedError

    def rescalings(self, outputs: Sequence[Array]) -> Sequence[tuple[Requantizer, int]]:
        """Those of the layout, if it is known."""
        folds = () if self.layout is None else self.folds(self.layout)
        return [(fold.requantizer, outputs[0].size // len(folds)) for fold in folds]

    def with_rescalings(self: K, settled: Sequence[Requantizer]) -> K:
        """The kernel with these in its layout."""
        if self.layout is None:
            return self
        folds = zip(self.folds(self.layout), settled, strict=True)
        new = [Folded(fold.weights, one, fold.dtype) for fold, one in folds]
        return replace(self, layout=self.refolded(new)) if new else self

    def folded(self: K, w: TensorSpec, bias: TensorSpec | None, channels: int) -> K:
        """The kernel with filter and bias folded, where they are constants."""
        if w.data is None or (bias is not None and bias.data is None):
            return self
        return replace(self, layout=self.lay_out(w.data, bias_values(bias, channels)))

    def laid_out(self: K, w: TensorSpec) -> K:
        """The kernel with its filter laid out, where it is constant; the bias is added later."""
        return self if w.data is None else replace(self, layout=self.lay_out(w.data, None))

    def eval(
        self,
        operands: Weighted[Array] | TransposedWeighted[Array],
        outputs: Sequence[Array],
        work: Workspace,
    ) -> None:
        """Write y (S, ...)."""
        x, w, bias = operands.input, operands.filter, operands.bias
        if self.layout is not None and (bias is None or len(bias) == 1):
            self.run(self.layout, x, None if bias is None else bias.reshape(-1), outputs[0], work)
            return
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, outputs[0]):
            flat = None if own_bias is None else own_bias.reshape(-1)
            layout = self.layout
            if layout is None:
                layout = self.settled(self.lay_out(own_w[0], flat), own_y.size, 1)
            self.run(layout, own_x, flat, own_y, work)


@dataclass(frozen=True, slots=True, eq=False)
class SteadyWeightedKernel(WeightedKernel[L], Steady):
    """A kernel whose calls depend on nothing but its filter and bias."""

    def record(
        self, operands: Weighted[Array], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the filter's values."""
        bias = operands.bias
        if self.layout is None or (bias is not None and len(bias) > 1):
            return False
        flat = None if bias is None else bias.reshape(-1)
        self.run(self.layout, operands.input, flat, outputs[0], work, do)
        return True
