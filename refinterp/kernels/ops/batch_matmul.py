"""BATCH_MATMUL: matrix products, one for each index of the leading dimensions.

Real      y = x @ w
Integer   acc = sum((x - x_zero) * (w - w_zero)), y = clip(R(acc) + y_zero); int8: acc int32; int16,
          int16x8: acc int64, zero points 0; int8 to int32: y = sum(x * w), the codes as they are
          several scales of w: LiteRT finds none for the whole and takes 0, so y is its zero point;
          TFLM (path "first-scale") takes the first for all
Dynamic   float32 x, int8 w: each row of x becomes int8 codes q of scale s and zero point z,
          y = (s * w_scale) * sum(w * (q - z)), in float32; w may have a scale for each column
Shapes    x (..., rows, depth), w (..., depth, columns), y (..., rows, columns); the leading
          dimensions broadcast by NumPy rules. adj_x, adj_y: the last two of x, w are exchanged
Units     codes, real = scale * (code - zero point)
Raises    ModelError, from prepare only: shapes that do not multiply, missing scales;
          UnsupportedError: other output types
Source    LiteRT kernels/batch_matmul.cc, internal/reference/batch_matmul.h (f67457790);
          tflite-micro micro/kernels/batch_matmul_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF and TFLM for int8 and int16; float32 within rounding of the sum
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.matrix_batches import Batches
from refinterp.kernels.registry import kernel
from refinterp.kernels.weighted import largest_code
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.dynamic import asymmetric, symmetric
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.requantize import Requantizer


@dataclass(frozen=True, slots=True)
class BatchMatMulOptions:
    """Schema table BatchMatMulOptions."""

    adj_x: bool = False
    adj_y: bool = False
    asymmetric_quantize_inputs: bool = False


def _turned(shape: Shape, adjoint: bool) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if adjoint else shape


def batch_matmul_output_shapes(
    operands: Binary[TensorSpec], options: BatchMatMulOptions
) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are the two factors."""
    x, w = operands.left, operands.right
    left, right = _turned(x.shape, options.adj_x), _turned(w.shape, options.adj_y)
    try:
        lead = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        lead = None
    if lead is None or left[-1] != right[-2]:
        raise ModelError(
            f"operands left {x.name!r} and right {w.name!r}: found {list(left)} and {list(right)}; "
            "allowed: leading sizes that broadcast, and as many columns as the other has rows"
        )
    return ((*lead, left[-2], right[-1]),)


def _operand(array: Array, rank: int, adjoint: bool) -> Array:
    """View (S, ...) with `rank` dimensions behind the sample axis, the last two turned or not."""
    view = array.reshape(len(array), *(1,) * (rank + 1 - array.ndim), *array.shape[1:])
    return view.swapaxes(-1, -2) if adjoint else view


@kernel("BATCH_MATMUL", "int8", "int16", "int16x8", options=BatchMatMulOptions)
@dataclass(frozen=True, slots=True, eq=False)
class BatchMatMulInteger(Kernel):
    """dtype: what products and sums are held in. requantizer: None for int32 output."""

    adj_x: bool
    adj_y: bool
    x_zero: int
    w_zero: int
    dtype: Any
    requantizer: Requantizer | None

    settles: ClassVar[bool] = True
    output_shapes = staticmethod(batch_matmul_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BatchMatMulOptions,
        rule: Rules,
    ) -> BatchMatMulInteger:
        """Fold the scales, and find a type that holds the sums."""
        batch_matmul_output_shapes(operands, options)
        x, w, y = operands.left, operands.right, outputs[0]
        if y.dtype not in (x.dtype, "int32") or (y.dtype, x.dtype) == ("int32", "int16"):
            raise UnsupportedError(f"BATCH_MATMUL from {x.dtype} to {y.dtype} is not supported")
        raw = y.dtype == "int32"
        if rule.path == "first-scale" and w.scale.size > 1:
            w = replace(w, scale=w.scale[:1], zero_point=w.zero_point[:1])
        x_zero, w_zero = (0, 0) if raw else (x.zero, w.zero)
        depth = x.shape[-2] if options.adj_x else x.shape[-1]
        largest = (largest_code(x.dtype) + abs(x_zero)) * (largest_code(w.dtype) + abs(w_zero))
        bound = float(depth * largest)
        dtype = np.int64 if rule.plain else np.float32 if bound < FLOAT32_EXACT else np.float64
        if raw:
            return cls(options.adj_x, options.adj_y, 0, 0, dtype, None)
        for role, spec in (("operand left", x), ("operand right", w), ("result output", y)):
            if spec is w and w.scale.size > 1:
                continue
            if spec.scale.size != 1 or not (spec.step > 0 or (spec.step == 0 and spec is not y)):
                raise ModelError(f"{role} {spec.name!r} needs exactly one positive scale")
        product: Any = x.step * w.step
        if rule.precision == "float32":
            product = np.float64(np.float32(x.step) * np.float32(w.step))
        low, high = INTEGER_RANGE[y.dtype]
        requantizer = Requantizer.prepare(
            np.array([product / y.step], np.float64),
            np.zeros(1, np.int64),
            y.zero,
            low,
            high,
            rounding="double" if x.dtype == "int8" else "int64",
            bound=np.array([bound], np.float64),
            plain=rule.plain,
        )
        return cls(options.adj_x, options.adj_y, x_zero, w_zero, dtype, requantizer)

    def settle(self, outputs: Sequence[Array], runs: int) -> BatchMatMulInteger:
        """Rescale in the form that pays for so many runs."""
        if self.requantizer is None:
            return self
        elements = outputs[0].size * runs
        return replace(self, requantizer=self.requantizer.settle(elements, self.dtype, runs))

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, ..., rows, columns)."""
        x, w, y = operands.left, operands.right, outputs[0]
        factors = []
        for array, zero in ((x, self.x_zero), (w, self.w_zero)):
            steps = work.take(array.shape, self.dtype)
            np.subtract(array, zero, out=steps, dtype=self.dtype, casting="unsafe")
            factors.append(steps)
        sums = work.take(y.shape, self.dtype)
        rank = y.ndim - 1
        np.matmul(
            _operand(factors[0], rank, self.adj_x),
            _operand(factors[1], rank, self.adj_y),
            out=sums,
        )
        if self.requantizer is None:
            np.copyto(y, sums.astype(np.int64, copy=False), casting="unsafe")
        elif y.size:
            self.requantizer(sums.reshape(-1, 1), y.reshape(-1, 1))


@kernel("BATCH_MATMUL", "float32", options=BatchMatMulOptions)
@dataclass(frozen=True, slots=True)
class BatchMatMulFloat(Kernel):
    """The float32 kernel."""

    adj_x: bool
    adj_y: bool

    output_shapes = staticmethod(batch_matmul_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BatchMatMulOptions,
        rule: Rules,
    ) -> BatchMatMulFloat:
        """Check the shapes."""
        batch_matmul_output_shapes(operands, options)
        return cls(options.adj_x, options.adj_y)

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, ..., rows, columns)."""
        x, w, y = operands.left, operands.right, outputs[0]
        rank = y.ndim - 1
        np.matmul(_operand(x, rank, self.adj_x), _operand(w, rank, self.adj_y), out=y)


@kernel("BATCH_MATMUL", "float32x8", options=BatchMatMulOptions)
@dataclass(frozen=True, slots=True, eq=False)
class BatchMatMulDynamic(Kernel):
    """Dynamic range: the first factor is quantized row by row.

    w_scale: of the second factor, float32 (1,) or (columns,).
    """

    adj_x: bool
    adj_y: bool
    asymmetric: bool
    w_scale: NDArray[np.float32]
    batches: Batches

    output_shapes = staticmethod(batch_matmul_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Binary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BatchMatMulOptions,
        rule: Rules,
    ) -> BatchMatMulDynamic:
        """Check the shapes and the scale."""
        batch_matmul_output_shapes(operands, options)
        x, w = operands.left, operands.right
        left, right = _turned(x.shape, options.adj_x), _turned(w.shape, options.adj_y)
        if max(len(left), len(right)) > 5:
            raise UnsupportedError("BATCH_MATMUL of float32 by int8 takes up to 5 dimensions")
        batches = Batches.of(left, right, options.adj_x)
        if w.scale.size != 1 and (
            w.scale.size < batches.columns
            or not 0 <= w.quantized_dimension < len(w.shape)
            or w.scale.size != w.shape[w.quantized_dimension]
        ):
            raise ModelError(
                f"operand right {w.name!r}: found {w.scale.size} scales along dimension "
                f"{w.quantized_dimension}; allowed: 1, or {batches.columns}, one for each column"
            )
        if options.asymmetric_quantize_inputs and batches.w_lead[0] != 1:
            raise UnsupportedError(
                "BATCH_MATMUL of float32, quantized with a zero point, by int8 of five dimensions "
                "has no defined result in LiteRT, which sums only the first matrices' weights"
            )
        return cls(
            options.adj_x,
            options.adj_y,
            options.asymmetric_quantize_inputs,
            w.scale[: batches.columns],
            batches,
        )

    def zero_points(self) -> bool:
        """As the options say."""
        return self.asymmetric

    def eval(self, operands: Binary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, ..., rows, columns)."""
        x, w, y = operands.left, operands.right, outputs[0]
        if x.size == 0 or y.size == 0:
            y.fill(0)
            return
        b = self.batches
        left = x.swapaxes(-1, -2) if self.adj_x else x
        right = (w.swapaxes(-1, -2) if self.adj_y else w).astype(np.float64)
        rows = (asymmetric if self.asymmetric else symmetric)(left.reshape(-1, b.depth))
        codes = rows.codes.astype(np.float64).reshape(len(x), *b.x_lead, b.rows, b.depth)
        weights = right.reshape(len(w), *b.w_lead, b.depth, b.columns)
        sums = (codes @ weights).reshape(-1, len(b.x_at), b.rows, b.columns).astype(np.float32)
        zero = rows.zero.reshape(len(x), -1, b.rows, 1)[:, b.x_at]
        scale = rows.scale.reshape(len(x), -1, b.rows, 1)[:, b.x_at] * self.w_scale
        weight_sums = weights.sum(axis=-2, dtype=np.float64)
        weight_sums = weight_sums.reshape(len(w), -1, 1, b.columns)[:, b.w_at]
        sums = np.trunc(sums - weight_sums.astype(np.float32) * zero)
        np.multiply(sums, scale, out=y.reshape(sums.shape))
