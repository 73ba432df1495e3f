"""FULLY_CONNECTED: every output unit is a weighted sum of one row of the input.

Real      y = clamp(x @ w.T + bias)
Integer   acc = sum((w - w_zero) * (x - x_zero)) + bias   int32; int16x8: int32 or int64;
                                                          int16: int64
          y = clip(R_c(acc) + y_zero, y_min, y_max)       R_c: one factor, or one per unit
Dynamic   float32 x, integer w: each row of x becomes int8 codes q of scale s and zero point z,
          y = clamp(bias + sum(w * (q - z)) * (s * w_scale)), in float32
Shapes    x (..., depth) of any rank, or whatever shape holds rows of depth elements, w (units,
          depth), bias (units,) or omitted, y (rows, units), or x's shape with units for its last
          size (keep_num_dims)
Units     codes, real = scale * (code - zero point); bias: scale x * w. Weights with one scale
          may have a zero point; with a scale per unit they have none
Raises    ModelError, from prepare only: shapes, counts and scales that do not fit together.
          UnsupportedError: other types of output. Other weights formats:
          fully_connected_formats.py
Source    LiteRT kernels/fully_connected.cc, internal/reference/integer_ops/fully_connected.h
          (f67457790); tflite-micro micro/kernels/fully_connected_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF, which scales by a float64 factor, and TFLM, which scales by a
          fixed-point multiplier, for int8 and int16x8, LiteRT for uint8 to uint8 or int16; float32
          within rounding of the sum
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.kernels.fully_connected_formats import (
    FullyConnectedBlockwise,
    FullyConnectedShuffled,
)
from refinterp.kernels.registry import Array, Inputs, Kernel, Steady, kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
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
from refinterp.numerics.dynamic import DynamicGemm, asymmetric, symmetric
from refinterp.numerics.gemm import ExactGemm
from refinterp.numerics.requantize import Requantizer
from refinterp.numerics.tape import NOW, Do, put

BLOCK = 1 << 17  # elements of one block of converted input: 512 KiB of float32


@dataclass(frozen=True, slots=True)
class FullyConnectedOptions:
    """Schema table FullyConnectedOptions."""

    fused_activation_function: str | int = "NONE"
    weights_format: str | int = "DEFAULT"
    keep_num_dims: bool = False
    asymmetric_quantize_inputs: bool = False
    quantized_bias_type: str | int = "float32"


def fully_connected_output_shapes(
    inputs: Inputs, options: FullyConnectedOptions
) -> tuple[Shape, ...]:
    """The output's shape, and that of the shuffled data some weights have as a second output.

    inputs: data, weights and, possibly, bias.
    """
    x, w = inputs[0], inputs[1]
    if x is None or w is None:
        raise ModelError("FULLY_CONNECTED needs an input and weights")
    if len(w.shape) != 2 or w.shape[1] == 0:
        raise ModelError(
            f"FULLY_CONNECTED needs weights of shape [units, depth], got {list(w.shape)}"
        )
    units, depth = w.shape
    if options.keep_num_dims:
        if not x.shape or x.shape[-1] != depth:
            raise ModelError(
                f"FULLY_CONNECTED: the last size of the input {list(x.shape)} must be the weights' "
                f"depth {depth} to keep its dimensions"
            )
        return ((*x.shape[:-1], units), x.shape)
    if x.size % depth:
        raise ModelError(
            f"FULLY_CONNECTED: an input of {x.size} elements does not hold rows of {depth}"
        )
    return ((x.size // depth, units), x.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Weights and bias, ready to multiply: weights (depth, units), bias (units,)."""

    gemm: ExactGemm
    requantizer: Requantizer

    def settle(self, elements: int) -> Folded:
        """Rescale in the form that pays for so many sums."""
        requantizer = self.requantizer.settle(elements, self.gemm.output_dtype)
        return replace(self, requantizer=requantizer)


@kernel(
    "FULLY_CONNECTED",
    "int8",
    "int8x4",
    "int8x2",
    "int16x8",
    "int16x4",
    "int16x2",
    "int16",
    "uint8",
    options=FullyConnectedOptions,
    weights=1,
)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedInteger(Steady):
    """The integer kernel. folded is None when weights or bias are only known at run time."""

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
    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedInteger | FullyConnectedShuffled:
        """Fold scales, zero points and bias; see the module's docstring."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        if options.weights_format != "DEFAULT":
            return FullyConnectedShuffled.of(inputs, y, options.fused_activation_function)
        bias = inputs[2] if len(inputs) > 2 else None
        assert x is not None
        assert w is not None
        fully_connected_output_shapes(inputs, options)
        units = w.shape[0]
        if y.dtype != x.dtype and (x.dtype, y.dtype) != ("uint8", "int16"):
            raise UnsupportedError(f"FULLY_CONNECTED from {x.dtype} to {y.dtype} is not supported")
        y_min, y_max = integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)
        self = cls(
            x.zero,
            largest_code(x.dtype),
            w.zero,
            _factors(x, w, y),
            y.zero,
            y_min,
            y_max,
            _rounding(x, w, bias, options, rule),
            rule.plain,
            None,
        )
        if w.data is None or (bias is not None and bias.data is None):
            return self
        return replace(self, folded=self.fold(w.data, bias_values(bias, units)))

    def fold(self, w: Array, bias: NDArray[np.int64]) -> Folded:
        """Lay out w (units, depth) and bias (units,)."""
        matrix = w.T.astype(np.int32) - self.w_zero
        gemm = ExactGemm.prepare(matrix, self.x_max)
        constant = bias - self.x_zero * matrix.sum(axis=0, dtype=np.int64)
        requantizer = Requantizer.prepare(
            self.factors,
            constant,
            self.y_zero,
            self.y_min,
            self.y_max,
            rounding=self.rounding,
            bound=gemm.bound,
            plain=self.plain,
        )
        return Folded(gemm, requantizer)

    def settle(self, outputs: Sequence[Array], runs: int) -> FullyConnectedInteger:
        """Rescale in the form that pays for so many runs."""
        if self.folded is None:
            return self
        return replace(self, folded=self.folded.settle(outputs[0].size * runs))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, ..., units)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        if self.folded is not None:
            _run(self.folded, x, y, w.shape[-1], work)
            return
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            values = np.zeros(w.shape[1], np.int64)
            if own_bias is not None:
                values += own_bias.reshape(-1)
            folded = self.fold(own_w[0], values).settle(own_y.size)
            _run(folded, own_x, own_y, w.shape[-1], work)

    def record(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace, do: Do
    ) -> bool:
        """Name the calls that write y; False when they depend on the weights' values."""
        x, w = inputs[0], inputs[1]
        if self.folded is not None and x is not None and w is not None:
            _run(self.folded, x, outputs[0], w.shape[-1], work, do)
        return self.folded is not None


def _factors(x: TensorSpec, w: TensorSpec, y: TensorSpec) -> NDArray[np.float64]:
    """The factors per unit; int16 by int16 with one scale rounds the product of two to float32."""
    units = w.shape[0]
    if w.dtype == "int16" and w.scale.size == 1:
        return legacy_factors(x, w, y, units)
    return rescale_factors(x, w, y, units)


def _rounding(
    x: TensorSpec,
    w: TensorSpec,
    bias: TensorSpec | None,
    options: FullyConnectedOptions,
    rule: Rules,
) -> str:
    """The rescaling rule; int16 by int16 has a kernel of its own, with 64-bit sums."""
    if w.dtype == "int16":
        return "int64"
    return accumulator_rounding(x, bias, options.quantized_bias_type, rule)


def _run(folded: Folded, x: Array, y: Array, depth: int, work: Workspace, do: Do = NOW) -> None:
    rows = x.reshape(-1, depth)
    codes = y.reshape(-1, y.shape[-1])
    gemm = folded.gemm
    step = max(1, BLOCK // depth)
    block = work.take((min(step, len(rows)), depth), gemm.input_dtype)
    sums = work.take((len(block), codes.shape[1]), gemm.output_dtype)
    scratch = work.take((folded.requantizer.scratch_size(len(block)),), np.float64)
    for start in range(0, len(rows), step):
        own = rows[start : start + step]
        converted = block[: len(own)]
        do(put, converted, own)
        acc = sums[: len(own)]
        gemm(converted, acc, do)
        folded.requantizer(acc, codes[start : start + step], scratch, do)


@kernel("FULLY_CONNECTED", "float32", options=FullyConnectedOptions, weights=1)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedFloat(Kernel):
    """The float32 kernel."""

    low: float
    high: float

    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedFloat:
        """Check the shapes and read the activation."""
        fully_connected_output_shapes(inputs, options)
        w, bias = inputs[1], inputs[2] if len(inputs) > 2 else None
        assert w is not None
        if bias is not None and bias.size != w.shape[0]:
            raise ModelError(f"bias {bias.name!r} has {bias.size} values for {w.shape[0]} units")
        return cls(*real_bounds(options.fused_activation_function))

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, ..., units)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            rows = own_y.reshape(-1, y.shape[-1])
            np.matmul(own_x.reshape(-1, w.shape[-1]), own_w[0].T, out=rows)
            if own_bias is not None:
                rows += own_bias.reshape(-1)
            clamp(rows, self.low, self.high)


@kernel(
    "FULLY_CONNECTED",
    "float32x8",
    "float32x4",
    "float32x2",
    options=FullyConnectedOptions,
    weights=1,
)
@dataclass(frozen=True, slots=True, eq=False)
class FullyConnectedDynamic(Kernel):
    """Dynamic range: float32 data quantized row by row. gemm is None for weights fed at run time.

    scales: float32 (), or (units,) of the weights.
    """

    low: float
    high: float
    asymmetric: bool
    scales: NDArray[np.float32]
    gemm: DynamicGemm | None

    output_shapes = staticmethod(fully_connected_output_shapes)

    @classmethod
    def prepare(
        cls,
        inputs: Inputs,
        outputs: Sequence[TensorSpec],
        options: FullyConnectedOptions,
        rule: Rules,
    ) -> FullyConnectedDynamic | FullyConnectedBlockwise:
        """Lay out the weights."""
        fully_connected_output_shapes(inputs, options)
        w = inputs[1]
        assert w is not None
        if w.block_size:
            return FullyConnectedBlockwise.of(w)
        scales = weight_scales(w, w.shape[0])
        low, high = real_bounds(options.fused_activation_function)
        gemm = None if w.data is None else DynamicGemm.prepare(w.data.T, sse=True)
        return cls(low, high, options.asymmetric_quantize_inputs, scales, gemm)

    def eval(
        self, inputs: Sequence[Array | None], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, ..., units)."""
        x, w, y = inputs[0], inputs[1], outputs[0]
        assert x is not None
        assert w is not None
        bias = inputs[2] if len(inputs) > 2 else None
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            gemm = self.gemm or DynamicGemm.prepare(own_w[0].T, sse=True)
            rows = (asymmetric if self.asymmetric else symmetric)(own_x.reshape(-1, w.shape[-1]))
            sums = gemm(rows.codes, rows.zero)
            out = own_y.reshape(sums.shape)
            np.multiply(sums, rows.scale[:, None] * self.scales, out=out)
            if own_bias is not None:
                out += own_bias.reshape(-1)
            np.clip(out, self.low, self.high, out=out)


register_uint8_weights("FULLY_CONNECTED")
