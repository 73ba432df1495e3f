"""The scale of weights that operators on reals multiply with."""

from __future__ import annotations

import numpy as np

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec


def product_scale(weights: TensorSpec) -> np.float32 | None:
    """The scale of int8 weights, None for float32 ones; raises ModelError where it is missing."""
    if weights.dtype == "float32":
        return None
    if weights.dtype != "int8" or not weights.quantized:
        scaled = "with" if weights.quantized else "without"
        raise ModelError(
            f"weights {weights.name!r} are {weights.dtype} {scaled} a scale; allowed: float32, or "
            "int8 with a scale"
        )
    return np.float32(weights.scale[0])
