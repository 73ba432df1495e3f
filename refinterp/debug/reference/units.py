"""What shares a range where an operator quantizes its data at run time: an image, or a row.

Convolutions quantize each image by its own range, the others each row of what they multiply; around
zero in -127..127, or with a zero point in -128..127, see `numerics.dynamic`. So one large value
makes the step of all that share its range larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.reference.shadow import is_code
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec
from refinterp.numerics.dynamic import asymmetric, symmetric
from refinterp.run.program import Step

_IMAGE_RANK: Final = 4


@dataclass(frozen=True, slots=True)
class Units:
    """What shares a range. tensor: the data; size: elements of a unit; features: of the last axis.

    symmetric: codes around zero, without a zero point.
    """

    tensor: int
    images: bool
    size: int
    features: int
    symmetric: bool

    @classmethod
    def of(cls, step: Step, specs: Sequence[TensorSpec], weights: int) -> Units | None:
        """How a step quantizes its data; None where it computes with the reals.

        weights: the place of the constant that is stored in fewer bits.
        """
        entry, stored = step.entry, specs[step.inputs[weights]]
        if entry.weights != weights or not is_code(stored) or step.inputs[entry.data] == OPTIONAL:
            return None
        tensor = step.inputs[entry.data]
        shape = specs[tensor].shape
        if specs[tensor].dtype != "float32" or not shape:
            return None
        filters = facts(step.name).filter_axis is not None
        images = filters and len(stored.shape) == _IMAGE_RANK
        size = math.prod(shape[1:]) if images else (stored if filters else specs[tensor]).shape[-1]
        features = shape[-1] if images else size
        zeros = None if step.kernel is None else step.kernel.zero_points()
        return None if zeros is None else cls(tensor, images, size, features, not zeros)

    def codes(self, values: NDArray[Any]) -> tuple[NDArray[Any], Any]:
        """Rows of one sample of the data, and these quantized as the kernel does."""
        rows = values.reshape(-1, self.size).astype(np.float32, copy=False)
        return rows, (symmetric if self.symmetric else asymmetric)(rows)
