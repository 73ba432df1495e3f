"""CONV_3D_TRANSPOSE: every input element adds its weighted copies of the filter to the output.

Real      y = clamp(sum(w * x) + bias), where along each axis output o sums inputs i and taps t
          with o = i * stride + t * dilation - padding
Shapes    shape (5,) int32: y's, w (kernel depth, kernel height, kernel width, out, in), x (batch,
          depth, height, width, in), bias (out,) or omitted, y (batch, depth', height', width', out)
Raises    ModelError, from prepare only: shapes that do not follow from each other;
          NeedsValue when the output's shape is known only at run time
Source    LiteRT kernels/conv3d_transpose.cc, internal/reference/conv3d_transpose.h (f67457790)
Exact to  LiteRT BUILTIN_REF within rounding of the sum; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import TransposedWeighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.data_movement import integers
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.volumes import Box, Conv3DOptions, check_volumes
from refinterp.kernels.weighted import clamp, per_sample
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds

_WHERE = "CONV_3D_TRANSPOSE"


def conv_3d_transpose_output_shapes(
    operands: TransposedWeighted[TensorSpec], options: Conv3DOptions
) -> tuple[Shape, ...]:
    """The output's shape, which the first input is; then come filter, data and, possibly, bias."""
    w, x = operands.filter, operands.input
    check_volumes(x, w, 4, _WHERE)
    shape = tuple(integers(operands.output_shape, _WHERE))
    if len(shape) != 5 or min(shape) < 0 or (shape[0], shape[4]) != (x.shape[0], w.shape[3]):
        raise ModelError(
            f"{_WHERE}: an output of shape {list(shape)} does not follow from an input "
            f"{list(x.shape)} and a filter {list(w.shape)}"
        )
    return (shape,)


@kernel("CONV_3D_TRANSPOSE", "float32", options=Conv3DOptions)
@dataclass(frozen=True, slots=True)
class Conv3DTranspose(Kernel):
    """The float32 kernel. box: the windows of the convolution undone, over the output."""

    box: Box
    low: float
    high: float

    output_shapes = staticmethod(conv_3d_transpose_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: TransposedWeighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Conv3DOptions,
        rule: Rules,
    ) -> Conv3DTranspose:
        """Place the filter on the output."""
        (shape,) = conv_3d_transpose_output_shapes(operands, options)
        w, x = operands.filter, operands.input
        box = Box.of(shape[1:4], w.shape[:3], options, _WHERE)
        if box.shape != x.shape[1:4]:
            raise ModelError(
                f"{_WHERE}: a convolution of an output {list(shape)} gives {list(box.shape)}, but "
                f"the input is {list(x.shape)}"
            )
        return cls(box, *real_bounds(options.fused_activation_function))

    def eval(
        self, operands: TransposedWeighted[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, depth', height', width', out)."""
        w, x = operands.filter, operands.input
        bias, y = operands.bias, outputs[0]
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            images = own_x.reshape(len(own_x) * x.shape[1], *x.shape[2:])
            sums = np.zeros((len(images), *y.shape[2:]), np.float32)
            for tap, elements, at in self.box.taps():
                sums[(slice(None), *elements)] += images[(slice(None), *at)] @ own_w[0][tap].T
            if own_bias is not None:
                sums += own_bias[0]
            clamp(sums, self.low, self.high)
            own_y[...] = sums.reshape(len(own_x), *y.shape[1:])
