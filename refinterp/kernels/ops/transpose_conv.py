"""TRANSPOSE_CONV: every input pixel adds its weighted copies of the filter to the output.

Real      y = clamp(sum(w * x) + bias), where output pixel o sums input pixels i and taps t with
          o = i * stride + t - padding
Integer   acc = sum((w - w_zero) * (x - x_zero)) + bias    int32; int16x8: int32 or int64
          y = clip(R_c(acc) + y_zero, y_min, y_max)        R_c: one factor per output channel
Dynamic   float32 x, int8 w: each image of x becomes int8 codes q of scale s and zero point z,
          y = clamp(sum(w * (q - z) * w_scale * s) + bias), in float32
Shapes    shape (4,) int32, constant: y's, w (out, kernel height, kernel width, in), x (batch,
          height, width, in), bias (out,) or omitted, y (batch, height', width', out)
Units     codes, real = scale * (code - zero point); w: zero point 0 but for uint8; bias: scale
          x * w
Raises    ModelError, from prepare only: ranks, channel counts, scales that do not fit together;
          NeedsValue when the output's shape is known only at run time
Source    LiteRT kernels/transpose_conv.cc, internal/reference/transpose_conv.h,
          internal/reference/integer_ops/transpose_conv.h (f67457790); tflite-micro
          micro/kernels/transpose_conv.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8 and int16x8, LiteRT for uint8; float32 within
          rounding of the sum

The pixels are multiplied by the whole filter as one matrix product, exact in floats, and the taps'
results added to the output one strided slice per tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Array, Inputs, Kernel, NeedsValue, kernel
from refinterp.kernels.weighted import (
    accumulator_rounding,
    bias_values,
    clamp,
    largest_code,
    legacy_factors,
    per_sample,
    rescale_factors,
    weight_scales,
)
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import integer_bounds, real_bounds
from refinterp.numerics.dynamic import asymmetric
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.requantize import Requantizer
from refinterp.numerics.window import Window, window

BLOCK = 1 << 17  # elements of products held at once


@dataclass(frozen=True, slots=True)
class TransposeConvOptions:
    """Schema table TransposeConvOptions; declared_shapes: of the output tensor in the file."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    fused_activation_function: str | int = "NONE"
    quantized_bias_type: str | int = "float32"
    declared_shapes: Sequence[Shape] = ()


@dataclass(frozen=True, slots=True)
class Scatter:
    """Where the taps of a pixel go. rows, columns: the window of the convolution undone."""

    rows: Window
    columns: Window
    height: int
    width: int

    @classmethod
    def of(cls, inputs: Inputs, options: TransposeConvOptions, rule: Rules) -> Scatter:
        """Place the filter on the output; raises ModelError for shapes that cannot be."""
        given, w, x = inputs[:3]
        (shape,) = transpose_conv_output_shapes(inputs, options)
        assert given is not None
        assert given.data is not None
        assert w is not None
        assert x is not None
        if len(x.shape) != 4 or len(w.shape) != 4 or x.shape[3] != w.shape[3]:
            raise ModelError(
                "TRANSPOSE_CONV needs a 4-D input and filter of as many channels, got "
                f"{list(x.shape)} and {list(w.shape)}"
            )
        written = given.data.reshape(-1).tolist()
        if not _follows(shape, w, x) or (rule.path != "wide" and not _follows(written, w, x)):
            raise ModelError(
                f"TRANSPOSE_CONV: an output of shape {written} does not follow from an input "
                f"{list(x.shape)} and a filter {list(w.shape)}: batch or channels differ"
            )
        rows = window(
            options.padding, shape[1], w.shape[1], options.stride_h, where="TRANSPOSE_CONV height"
        )
        columns = window(
            options.padding, shape[2], w.shape[2], options.stride_w, where="TRANSPOSE_CONV width"
        )
        return cls(rows, columns, shape[1], shape[2])

    def add(self, x: NDArray[Any], weights: NDArray[Any], out: NDArray[Any]) -> None:
        """Add the copies of every pixel: x (n, height, width, in), weights (in, kernel height *
        kernel width * out), out (n, height', width', out), all of one float type.
        """
        count, height, width, depth = x.shape
        lines = max(1, BLOCK // max(1, width * weights.shape[1]))
        taps = (self.rows.kernel, self.columns.kernel, out.shape[3])
        for image in range(count):
            for top in range(0, height, lines):
                part = x[image, top : top + lines]
                products = part.reshape(-1, depth) @ weights
                self._spread(products.reshape(len(part), width, *taps), top, out[image])

    def _spread(self, products: NDArray[Any], top: int, out: NDArray[Any]) -> None:
        for row in range(self.rows.kernel):
            to_rows, from_rows = _slices(self.rows, row, top, len(products), self.height)
            for column in range(self.columns.kernel):
                to_columns, from_columns = _slices(
                    self.columns, column, 0, products.shape[1], self.width
                )
                out[to_rows, to_columns] += products[from_rows, from_columns, row, column]


def _slices(w: Window, tap: int, first: int, count: int, extent: int) -> tuple[slice, slice]:
    """Which output positions one tap of input positions first.. reaches, and from which ones."""
    start = first * w.stride + tap - w.before
    low = max(0, -(start // w.stride)) if start < 0 else 0
    high = max(low, min(count, -(-(extent - start) // w.stride)))
    begin = start + low * w.stride
    return slice(begin, begin + (high - low) * w.stride, w.stride), slice(low, high)


def transpose_conv_output_shapes(
    inputs: Inputs, options: TransposeConvOptions
) -> tuple[Shape, ...]:
    """The output's shape, which the first input is; then come filter, data and, possibly, bias."""
    shape, w, x = inputs[:3]
    if shape is None or w is None or x is None:
        raise ModelError("TRANSPOSE_CONV needs an output shape, a filter and an input")
    if shape.data is None:
        raise NeedsValue(0)
    written = tuple(int(size) for size in shape.data.reshape(-1))
    declared = [tuple(sizes) for sizes in options.declared_shapes]
    if not _follows(written, w, x) and declared and _follows(declared[0], w, x):
        return (declared[0],)  # TFLM never looks at the first input
    if len(written) != 4 or min(written) < 0:
        raise ModelError(f"TRANSPOSE_CONV: the output shape {list(written)} must be four sizes")
    return (written,)


def _follows(shape: Sequence[int], w: TensorSpec, x: TensorSpec) -> bool:
    """Whether an output's batch and channels are those of data and filter."""
    return (
        len(shape) == len(w.shape) == len(x.shape) == 4
        and min(shape) >= 0
        and (shape[0], shape[3]) == (x.shape[0], w.shape[0])
    )


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Filter (in, kernel height * kernel width * out) and bias, ready to multiply."""

    weights: NDArray[Any]
    requantizer: Requantizer

    def settle(self, elements: int) -> Folded:
        """Rescale in the form that pays for so many sums."""
        requantizer = self.requantizer.settle(elements, self.weights.dtype)
        return replace(self, requantizer=requantizer)


def _matrix(w: Array, dtype: Any) -> NDArray[Any]:
    """Lay out w (out, height, width, in) as (in, height * width * out)."""
    return np.ascontiguousarray(w.transpose(3, 1, 2, 0).reshape(w.shape[3], -1), dtype)


@kernel(
    "TRANSPOSE_CONV",
    "int8",
    "int16x8",
    "uint8",
    options=TransposeConvOptions,
    data=2,
    weights=1,
)
@dataclass(frozen=True, slots=True, eq=False)
class TransposeConvInteger(Kernel):
    """The integer kernel. folded is None when filter or bias are only known at run time."""

    place: Scatter
    x_zero: int
    x_max: int
    w_zero: int
    factors: NDArray[np.float64]
    y_zero: int
    y_min: int
    y_max: int
    rounding: str
    plain: bool
    folded: Folded | None

    settles: ClassVar[bool] = True
    output_shapes = staticmethod(transpose_conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: TransposeConvOptions,
        rule: Rules,
    ) -> TransposeConvInteger:
        """Fold scales, zero points and bias; see the module's docstring."""
        place = Scatter.of(inputs, options, rule)
        _, w, x = inputs[:3]
        bias, y = inputs[3] if len(inputs) > 3 else None, outputs[0]
        assert w is not None
        assert x is not None
        channels, legacy = w.shape[0], x.dtype == "uint8"
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        self = cls(
            place,
            x.zero,
            largest_code(x.dtype) + abs(x.zero),
            w.zero if legacy else 0,
            (legacy_factors if legacy else rescale_factors)(x, w, y, channels),
            y.zero,
            y_min,
            y_max,
            accumulator_rounding(x, bias, options.quantized_bias_type, rule),
            rule.plain,
            None,
        )
        if w.data is None or (bias is not None and bias.data is None):
            return self
        return replace(self, folded=self.fold(w.data, bias_values(bias, channels)))

    def fold(self, w: Array, bias: NDArray[np.int64]) -> Folded:
        """Lay out w (out, height, width, in) and bias (out,)."""
        w = w.astype(np.int32) - self.w_zero
        bound = np.abs(w.astype(np.float64)).sum(axis=(1, 2, 3), dtype=np.float64) * self.x_max
        exact = bound.max(initial=0) < FLOAT32_EXACT
        dtype = np.int64 if self.plain else np.float32 if exact else np.float64
        requantizer = Requantizer.prepare(
            self.factors,
            bias,
            self.y_zero,
            self.y_min,
            self.y_max,
            rounding=self.rounding,
            bound=bound,
            plain=self.plain,
        )
        return Folded(_matrix(w, dtype), requantizer)

    def settle(self, outputs: Sequence[Array], runs: int) -> TransposeConvInteger:
        """Rescale in the form that pays for so many runs."""
        if self.folded is None:
            return self
        return replace(self, folded=self.folded.settle(outputs[0].size * runs))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        _, w, x = inputs[:3]
        bias, y = inputs[3] if len(inputs) > 3 else None, outputs[0]
        assert w is not None
        assert x is not None
        if self.folded is not None:
            self._run(self.folded, x, y, work)
            return
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            values = np.zeros(w.shape[1], np.int64) if own_bias is None else own_bias[0]
            folded = self.fold(own_w[0], values.astype(np.int64)).settle(own_y.size)
            self._run(folded, own_x, own_y, work)

    def _run(self, folded: Folded, x: Array, y: Array, work: Workspace) -> None:
        dtype = folded.weights.dtype
        steps = work.take(x.shape, dtype)
        np.subtract(x, self.x_zero, out=steps, dtype=dtype, casting="unsafe")
        sums = work.take(y.shape, dtype)
        sums.fill(0)
        images = sums.reshape(-1, *y.shape[2:])
        self.place.add(steps.reshape(-1, *x.shape[2:]), folded.weights, images)
        channels = y.shape[-1]
        folded.requantizer(sums.reshape(-1, channels), y.reshape(-1, channels))


@kernel("TRANSPOSE_CONV", "float32", "float32x8", options=TransposeConvOptions, data=2, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class TransposeConvFloat(Kernel):
    """The float32 kernel, and that of int8 weights, whose scales are then given: (1,) or (out,).

    weights is None when the filter is only known at run time.
    """

    place: Scatter
    low: float
    high: float
    scales: NDArray[np.float32] | None
    weights: NDArray[np.float32] | None

    output_shapes = staticmethod(transpose_conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: TransposeConvOptions,
        rule: Rules,
    ) -> TransposeConvFloat:
        """Lay out the filter once."""
        place = Scatter.of(inputs, options, rule)
        w = inputs[1]
        assert w is not None
        low, high = real_bounds(options.fused_activation_function)
        scales = weight_scales(w, w.shape[0]) if w.dtype == "int8" else None
        weights = None if w.data is None else _matrix(w.data, np.float32)
        return cls(place, low, high, scales, weights)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        _, w, x = inputs[:3]
        bias, y = inputs[3] if len(inputs) > 3 else None, outputs[0]
        assert w is not None
        assert x is not None
        if x.size == 0 or y.size == 0:
            return
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            weights = _matrix(own_w[0], np.float32) if self.weights is None else self.weights
            own_y.fill(0)
            images, out = own_x.reshape(-1, *x.shape[2:]), own_y.reshape(-1, *y.shape[2:])
            if self.scales is None:
                self.place.add(images, weights, out)
            else:
                rows = asymmetric(images.reshape(len(images), -1))
                self.place.add(
                    (rows.codes - rows.zero[:, None]).reshape(images.shape), weights, out
                )
                out *= self.scales
                out *= rows.scale[:, None, None, None]
            if own_bias is not None:
                own_y += own_bias[0]
            clamp(own_y, self.low, self.high)
