"""CONV_3D: every output channel is a weighted sum of a box of the input.

Real      y = clamp(sum(w * x) + bias)
Shapes    x (batch, depth, height, width, in), w (kernel depth, kernel height, kernel width, in,
          out), bias (out,) or omitted, y (batch, depth', height', width', out)
Raises    ModelError, from prepare only: channel counts, strides that do not fit together
Source    LiteRT kernels/conv3d.cc, internal/reference/conv3d.h (f67457790)
Exact to  LiteRT BUILTIN_REF within rounding of the sum; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape
from refinterp.graph.operands import Weighted
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.volumes import Box, Conv3DOptions, check_volumes
from refinterp.kernels.weighted import clamp, per_sample
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import real_bounds


def conv_3d_output_shapes(
    operands: Weighted[TensorSpec], options: Conv3DOptions
) -> tuple[Shape, ...]:
    """The output's shape; `inputs` are data, filter and, possibly, bias."""
    x, w = operands.input, operands.filter
    check_volumes(x, w, 3, "CONV_3D")
    box = Box.of(x.shape[1:4], w.shape[:3], options, "CONV_3D")
    return ((x.shape[0], *box.shape, w.shape[4]),)


@kernel("CONV_3D", "float32", options=Conv3DOptions)
@dataclass(frozen=True, slots=True)
class Conv3D(Kernel):
    """The float32 kernel."""

    box: Box
    low: float
    high: float

    output_shapes = staticmethod(conv_3d_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: Weighted[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: Conv3DOptions,
        rule: Rules,
    ) -> Conv3D:
        """Place the filter."""
        conv_3d_output_shapes(operands, options)
        x, w = operands.input, operands.filter
        box = Box.of(x.shape[1:4], w.shape[:3], options, "CONV_3D")
        return cls(box, *real_bounds(options.fused_activation_function))

    def eval(self, operands: Weighted[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y (S, batch, depth', height', width', out)."""
        x, w = operands.input, operands.filter
        bias, y = operands.bias, outputs[0]
        for own_x, own_w, own_bias, own_y in per_sample(x, w, bias, y):
            images = own_x.reshape(len(own_x) * x.shape[1], *x.shape[2:])
            sums = np.zeros((len(images), *y.shape[2:]), np.float32)
            self._add(images, own_w[0], sums)
            if own_bias is not None:
                sums += own_bias[0].reshape(-1)
            clamp(sums, self.low, self.high)
            own_y[...] = sums.reshape(len(own_x), *y.shape[1:])

    def _add(self, x: NDArray[np.float32], w: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        for tap, elements, at in self.box.taps():
            y[(slice(None), *at)] += x[(slice(None), *elements)] @ w[tap]
