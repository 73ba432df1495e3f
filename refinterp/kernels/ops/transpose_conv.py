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
Raises    ModelError, from prepare only: channel counts, scales that do not fit together;
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

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import TransposedWeighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, NeedsValue
from refinterp.kernels.convolution import ConvolutionOptions, quantized_images, windows
from refinterp.kernels.data_movement import integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import accumulator_rounding, clamp, weight_scales
from refinterp.kernels.weighted_kernel import Folded, Scaling, WeightedKernel
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.tape import NOW, Do
from refinterp.numerics.window import Window

BLOCK = 1 << 17  # elements of products held at once


@dataclass(frozen=True, slots=True)
class TransposeConvOptions(ConvolutionOptions):
    """Schema table TransposeConvOptions; declared_shapes: of the output tensor in the file."""

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
    def of(
        cls, operands: TransposedWeighted[TensorSpec], options: TransposeConvOptions, rule: Rules
    ) -> Scatter:
        """Place the filter on the output; raises ModelError for shapes that cannot be."""
        x, w = operands.input, operands.filter
        (shape,) = transpose_conv_output_shapes(operands, options)
        if x.shape[3] != w.shape[3] or not x.shape[3]:
            raise ModelError(
                "TRANSPOSE_CONV needs an input and a filter of as many channels, 1 or more, got "
                f"{list(x.shape)} and {list(w.shape)}"
            )
        written = integers(operands.output_shape, "TRANSPOSE_CONV")
        if not _follows(shape, w, x) or (rule.path != "wide" and not _follows(written, w, x)):
            raise ModelError(
                f"TRANSPOSE_CONV: an output of shape {written} does not follow from an input "
                f"{list(x.shape)} and a filter {list(w.shape)}: batch or channels differ"
            )
        rows, columns = windows(shape[1:3], w.shape[1:3], options, "TRANSPOSE_CONV")
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
    operands: TransposedWeighted[TensorSpec], options: TransposeConvOptions
) -> tuple[Shape, ...]:
    """The output's shape, which the first operand is; raises NeedsValue when it is unknown."""
    x, w, shape = operands.input, operands.filter, operands.output_shape
    if shape.data is None:
        raise NeedsValue(shape)
    written = tuple(int(size) for size in shape.data.reshape(-1))
    declared = [tuple(sizes) for sizes in options.declared_shapes]
    if not _follows(written, w, x) and declared and _follows(declared[0], w, x):
        return (declared[0],)  # TFLM never looks at the first input
    if len(written) != 4 or min(written) < 0:
        raise ModelError(f"TRANSPOSE_CONV: the output shape {list(written)} must be four sizes")
    return (written,)


def _follows(shape: Sequence[int], w: TensorSpec, x: TensorSpec) -> bool:
    """Whether an output's batch and channels are those of data and filter."""
    return len(shape) == 4 and min(shape) >= 0 and (shape[0], shape[3]) == (x.shape[0], w.shape[0])


def _matrix(w: Array, dtype: Any) -> NDArray[Any]:
    """Lay out w (out, height, width, in) as (in, height * width * out)."""
    return np.ascontiguousarray(
        w.transpose(3, 1, 2, 0).reshape(w.shape[3], math.prod(w.shape[:3])), dtype
    )


@kernel(
    "TRANSPOSE_CONV",
    "int8",
    "int16x8",
    "uint8",
    options=TransposeConvOptions,
)
@dataclass(frozen=True, slots=True, eq=False)
class TransposeConvInteger(WeightedKernel[Folded[NDArray[Any]]]):
    """The integer kernel; its filter is laid out as (in, kernel height * kernel width * out)."""

    settles: ClassVar[bool] = True

    place: Scatter
    scaling: Scaling

    output_shapes = staticmethod(transpose_conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: TransposedWeighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: TransposeConvOptions,
        rule: Rules,
    ) -> TransposeConvInteger:
        """Fold scales, zero points and bias; see the module's docstring."""
        place = Scatter.of(operands, options, rule)
        x, w, bias = operands.input, operands.filter, operands.bias
        channels = w.shape[0]
        scaling = Scaling.of(
            (x, w, outputs[0]),
            channels,
            options.fused_activation_function,
            accumulator_rounding(x, bias, options.quantized_bias_type, rule),
            plain=rule.plain,
        )
        return cls(place, scaling).folded(w, bias, channels)

    def lay_out(self, w: Array, bias: Array | None) -> Folded[NDArray[Any]]:
        """Lay out w (out, height, width, in) and bias (out,)."""
        scaling = self.scaling
        centred = scaling.centred(w)
        x_max = scaling.x_max + abs(scaling.x_zero)
        bound = np.abs(centred.astype(np.float64)).sum(axis=(1, 2, 3), dtype=np.float64) * x_max
        exact = bound.max(initial=0) < FLOAT32_EXACT
        dtype = np.int64 if scaling.plain else np.float32 if exact else np.float64
        requantizer = scaling.requantizer(scaling.bias(bias), bound)
        return Folded(_matrix(centred, dtype), requantizer, dtype)

    def settled(
        self, layout: Folded[NDArray[Any]], elements: int, runs: int
    ) -> Folded[NDArray[Any]]:
        """Rescale in the form that pays."""
        return layout.settle(elements, runs)

    def run(
        self,
        layout: Folded[NDArray[Any]],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        dtype = layout.dtype
        steps = work.take(x.shape, dtype)
        np.subtract(x, self.scaling.x_zero, out=steps, dtype=dtype, casting="unsafe")
        sums = work.take(y.shape, dtype)
        sums.fill(0)
        images = sums.reshape(len(y) * y.shape[1], *y.shape[2:])
        self.place.add(steps.reshape(len(x) * x.shape[1], *x.shape[2:]), layout.weights, images)
        channels = y.shape[-1]
        layout.requantizer(sums.reshape(-1, channels), y.reshape(-1, channels))


@kernel("TRANSPOSE_CONV", "float32", "float32x8", options=TransposeConvOptions)
@dataclass(frozen=True, slots=True, eq=False)
class TransposeConvFloat(WeightedKernel[NDArray[np.float32]]):
    """The float32 kernel, and that of int8 weights, whose scales are then given: (1,) or (out,)."""

    place: Scatter
    low: float
    high: float
    scales: NDArray[np.float32] | None

    output_shapes = staticmethod(transpose_conv_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: TransposedWeighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: TransposeConvOptions,
        rule: Rules,
    ) -> TransposeConvFloat:
        """Lay out the filter once."""
        place = Scatter.of(operands, options, rule)
        w = operands.filter
        low, high = real_bounds(options.fused_activation_function)
        scales = weight_scales(w, w.shape[0]) if w.dtype == "int8" else None
        return cls(place, low, high, scales).laid_out(w)

    def zero_points(self) -> bool | None:
        """Always, where the weights are codes."""
        return None if self.scales is None else True

    def lay_out(self, w: Array, bias: Array | None) -> NDArray[np.float32]:
        """Lay out w (out, height, width, in)."""
        return _matrix(w, np.float32)

    def run(
        self,
        layout: NDArray[np.float32],
        x: Array,
        bias: Array | None,
        y: Array,
        work: Workspace,
        do: Do = NOW,
    ) -> None:
        """Write y (S, batch, height', width', out)."""
        y.fill(0)
        images = x.reshape(len(x) * x.shape[1], *x.shape[2:])
        out = y.reshape(len(y) * y.shape[1], *y.shape[2:])
        if self.scales is None:
            self.place.add(images, layout, out)
        elif images.size:
            codes, scale = quantized_images(images)
            self.place.add(codes, layout, out)
            out *= self.scales
            out *= scale[:, None, None, None]
        if bias is not None:
            out += bias
        clamp(out, self.low, self.high)
