"""BUCKETIZE: how many of the sorted boundaries are no larger than an element.

Shapes    y: int32, as x
Units     integers are compared as float32, as LiteRT's kernel does
Raises    ModelError, from prepare only: boundaries that are not sorted
Source    LiteRT kernels/bucketize.cc (f67457790)
Exact to  LiteRT BUILTIN_REF; TFLM has no such operator
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.operands import Unary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import same_shape
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.workspace import Workspace


@dataclass(frozen=True, slots=True, eq=False)
class BucketizeOptions:
    """Schema table BucketizeOptions."""

    boundaries: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))


@kernel("BUCKETIZE", "float32", "int32", "int64", options=BucketizeOptions)
@dataclass(frozen=True, slots=True, eq=False)
class Bucketize(Kernel):
    """boundaries: float32, rising."""

    boundaries: NDArray[np.float32]

    output_shapes = staticmethod(same_shape)

    @classmethod
    def prepare(
        cls,
        operands: Unary[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: BucketizeOptions,
        rule: Rules,
    ) -> Bucketize:
        """Check the boundaries."""
        boundaries = np.asarray(options.boundaries, np.float32)
        if np.any(boundaries[1:] < boundaries[:-1]):
            raise ModelError("BUCKETIZE: the boundaries must rise")
        return cls(boundaries)

    def eval(self, operands: Unary[Array], outputs: Sequence[Array], work: Workspace) -> None:
        """Write y."""
        x, y = operands.input, outputs[0]
        y[...] = np.searchsorted(self.boundaries, x.astype(np.float32), side="right")
