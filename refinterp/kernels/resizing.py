"""What the operators that resize images share."""

from __future__ import annotations

from dataclasses import dataclass

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import Resized
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.data_movement import integers


@dataclass(frozen=True, slots=True)
class ResizeOptions:
    """Schema tables ResizeNearestNeighborOptions and ResizeBilinearOptions."""

    align_corners: bool = False
    half_pixel_centers: bool = False


def resized(operands: Resized[TensorSpec], where: str) -> Shape:
    """Return the output's shape."""
    x = operands.input
    size = integers(operands.size, where)
    if len(size) != 2:
        raise ModelError(f"{where}: size {size} must have 2 elements, height and width")
    if min(size) < 1 or (0 in x.shape[1:3] and 0 not in (x.shape[0], x.shape[3])):
        raise ModelError(f"{where}: cannot resize {list(x.shape)} to {size}")
    return (x.shape[0], *size, x.shape[3])
