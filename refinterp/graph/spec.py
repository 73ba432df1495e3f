"""What a kernel may know of a tensor before it sees data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.graph.model import Shape

NO_SCALE: Final = np.empty(0, np.float32)
NO_ZERO: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class TensorSpec:
    """Shape, type and quantization of one operand, and its value when that is known.

    name: the tensor's.
    shape: without the sample axis.
    dtype: schema type name in lower case.
    scale: float32 (channels,), empty if not quantized.
    zero_point: int64 (channels,), likewise.
    quantized_dimension: the axis of `shape` that the channels run along, if there are several.
    data: the value, read-only and of `shape`, when it is known before any run; else None.
    is_variable: whether it keeps its value from one run to the next.
    block_size: elements of the last axis that share a scale, when there are scales for blocks:
        they are then in `scale`, the last axis fastest; else 0.
    """

    name: str
    shape: Shape
    dtype: str
    scale: NDArray[np.float32] = field(default_factory=lambda: NO_SCALE)
    zero_point: NDArray[np.int64] = field(default_factory=lambda: NO_ZERO)
    quantized_dimension: int = 0
    data: NDArray[Any] | None = None
    is_variable: bool = False
    block_size: int = 0

    @classmethod
    def of(
        cls,
        name: str,
        shape: Shape,
        dtype: str,
        scale: float | None = None,
        zero_point: int = 0,
        data: NDArray[Any] | None = None,
    ) -> TensorSpec:
        """Make a spec with at most one scale, as one does at a prompt."""
        scales = NO_SCALE if scale is None else np.array([scale], np.float32)
        zeros = NO_ZERO if scale is None else np.array([zero_point], np.int64)
        return cls(name, tuple(shape), dtype, scales, zeros, data=data)

    @property
    def quantized(self) -> bool:
        """Whether codes stand for reals."""
        return self.scale.size > 0

    @property
    def zero(self) -> int:
        """The per-tensor zero point; 0 for per-channel and unquantized tensors, as in LiteRT."""
        return int(self.zero_point[0]) if self.scale.size == 1 and self.zero_point.size else 0

    @property
    def step(self) -> float:
        """The per-tensor scale as a float64; 0.0 for per-channel and unquantized tensors."""
        return float(self.scale[0]) if self.scale.size == 1 else 0.0

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)
