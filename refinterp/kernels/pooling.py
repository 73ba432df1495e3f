"""What the pools share: where the window goes, and how its elements are reduced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.elementwise import require_type
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import Inputs
from refinterp.numerics.activation import integer_bounds
from refinterp.numerics.frames import Block, FrameGrid
from refinterp.numerics.window import Window, window

_SAME_SCALE = 1e-6  # what TFLM takes for equal scales


@dataclass(frozen=True, slots=True)
class Pool2DOptions:
    """Schema table Pool2DOptions."""

    padding: str | int = "SAME"
    stride_w: int = 0
    stride_h: int = 0
    filter_width: int = 0
    filter_height: int = 0
    fused_activation_function: str | int = "NONE"


def grid(x: TensorSpec | None, options: Pool2DOptions) -> FrameGrid:
    """Place the window on the input; raises ModelError for shapes that cannot be."""
    if x is None or len(x.shape) != 4:
        raise ModelError(f"pooling needs a 4-D input, got {list(x.shape) if x else 'none'}")
    height = window(
        options.padding, x.shape[1], options.filter_height, options.stride_h, where="pool height"
    )
    width = window(
        options.padding, x.shape[2], options.filter_width, options.stride_w, where="pool width"
    )
    if height.size < 1 or width.size < 1:
        raise ModelError(
            f"pooling windows of {options.filter_height}x{options.filter_width} do not fit an "
            f"input of shape {list(x.shape)}"
        )
    return FrameGrid(height, width, x.shape[3])


def pool_output_shapes(inputs: Inputs, options: Pool2DOptions) -> tuple[Shape, ...]:
    """The output's shape; `inputs` is the data alone."""
    place = grid(inputs[0], options)
    x = inputs[0]
    assert x is not None
    return ((x.shape[0], place.rows.size, place.columns.size, x.shape[3]),)


def _check_same_codes(x: TensorSpec, y: TensorSpec) -> None:
    if abs(x.step - y.step) > _SAME_SCALE or x.zero != y.zero:
        raise ModelError(
            f"pooling cannot rescale: input {x.name!r} has scale {x.step} and zero point {x.zero}, "
            f"output {y.name!r} {y.step} and {y.zero}; they must be the same"
        )


def inside(w: Window, extent: int) -> NDArray[np.int64]:
    """Count, per output position, the window's elements inside the image: (size,)."""
    start = np.arange(w.size, dtype=np.int64) * w.stride - w.before
    return np.asarray(np.minimum(start + w.kernel, extent) - np.maximum(start, 0))


def code_bounds(
    inputs: Inputs, y: TensorSpec, options: Pool2DOptions, rule: Rules
) -> tuple[int, int]:
    """The codes of the fused activation; TFLM (path "same-scale") refuses to rescale."""
    x = inputs[0]
    assert x is not None
    require_type(y, x.dtype, role="output")
    if rule.path == "same-scale":
        _check_same_codes(x, y)
    return integer_bounds(options.fused_activation_function, y.dtype, y.step, y.zero)


def reduce_windows(function: np.ufunc, block: Block, out: NDArray[Any]) -> None:
    """Reduce every window of a block to out (images, lines, columns, channels)."""
    for index, taps in enumerate(block.phases):
        if index == 0:
            function.reduce(taps, axis=(1, 2), out=out)
        else:
            function(out, function.reduce(taps, axis=(1, 2)), out=out)
