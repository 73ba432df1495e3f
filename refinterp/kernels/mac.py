"""What the multiply-accumulate operators share: the factors that turn a sum into a code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec
from refinterp.numerics.fixedpoint import INT32_MAX, INT32_MIN


def rescale_factors(
    x: TensorSpec, weights: TensorSpec, y: TensorSpec, channels: int
) -> NDArray[np.float64]:
    """Return input scale * weight scale / output scale in float64, (channels,).

    A single weight scale is repeated. Source: LiteRT kernels/kernel_util.cc,
    PopulateConvolutionQuantizationParams. Raises ModelError for missing or ill-counted scales.
    """
    for role, spec in (("input", x), ("output", y)):
        if spec.scale.size != 1:
            raise ModelError(f"{role} {spec.name!r} needs exactly one scale, has {spec.scale.size}")
    if weights.scale.size not in (1, channels):
        raise ModelError(
            f"weights {weights.name!r} have {weights.scale.size} scales; "
            f"allowed: 1, or {channels} (one per output channel)"
        )
    scales = np.broadcast_to(weights.scale.astype(np.float64), (channels,))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.asarray(x.step * scales / y.step)


def constant(spec: TensorSpec | None, role: str) -> NDArray[Any]:
    """Return the value of an operand that has to be known before the run."""
    if spec is None or spec.data is None:
        name = spec.name if spec else "an omitted input"
        raise ModelError(f"{role} {name!r} must be a constant")
    return spec.data


def bias_values(bias: TensorSpec | None, channels: int) -> NDArray[np.int64]:
    """Return the bias as int64 (channels,), zeros when there is none."""
    if bias is None:
        return np.zeros(channels, np.int64)
    values = constant(bias, "bias").reshape(-1)
    if values.size != channels:
        raise ModelError(f"bias {bias.name!r} has {values.size} values for {channels} channels")
    return values.astype(np.int64)


def fits_int32(bound: NDArray[np.float64], bias: NDArray[np.int64]) -> bool:
    """Whether no sum of products and bias can leave int32."""
    largest = float((bound + np.abs(bias)).max(initial=0.0))
    return -largest > INT32_MIN and largest <= INT32_MAX
