"""What the operators that multiply with weights share: scales, biases, rules of rescaling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.flavours import Rules
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Rounding
from refinterp.numerics.tape import NOW, Do, clip

_LARGEST = float(np.finfo(np.float32).max)


def rescale_factors(
    x: TensorSpec, weights: TensorSpec, y: TensorSpec, channels: int
) -> NDArray[np.float64]:
    """Return input scale * weight scale / output scale in float64, (channels,).

    A single weight scale is repeated. Source: LiteRT kernels/kernel_util.cc,
    PopulateConvolutionQuantizationParams. Raises ModelError for missing or ill-counted scales.
    """
    if x.scale.size != 1 or y.scale.size != 1:
        role, spec = ("output", y) if x.scale.size == 1 else ("input", x)
        raise ModelError(f"{role} {spec.name!r} needs exactly one scale, has {spec.scale.size}")
    if weights.scale.size not in (1, channels):
        raise ModelError(
            f"weights {weights.name!r} have {weights.scale.size} scales; "
            f"allowed: 1, or {channels} (one per output channel)"
        )
    scales = weights.scale.astype(np.float64)
    if scales.size != channels:
        scales = np.full(channels, scales[0], np.float64)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        factors: NDArray[np.float64] = x.step * scales / y.step
    return factors


def legacy_factors(
    x: TensorSpec, weights: TensorSpec, y: TensorSpec, channels: int
) -> NDArray[np.float64]:
    """The factors of older operators, (channels,): input * weight scale is rounded to float32.

    Source: LiteRT kernels/kernel_util.cc, GetQuantizedConvolutionMultipler. Raises ModelError for
    missing scales, and for more than one scale of the weights.
    """
    rescale_factors(x, weights, y, channels)
    if weights.scale.size != 1:
        raise ModelError(f"weights {weights.name!r} have {weights.scale.size} scales; allowed: 1")
    product = np.float32(x.step) * np.float32(weights.step)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.full(channels, np.float64(product) / y.step, np.float64)


def weight_scales(w: TensorSpec, channels: int) -> NDArray[np.float32]:
    """Return the scales of weights whose data are float32: (1,) or (channels,).

    Raises ModelError when there is neither one nor one per channel.
    """
    if w.scale.size not in (1, channels):
        raise ModelError(
            f"weights {w.name!r} have {w.scale.size} scales; allowed: 1, or {channels} (one per "
            "output channel)"
        )
    return w.scale


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


def largest_code(dtype: str) -> int:
    """The largest magnitude of a code of a type."""
    low, high = INTEGER_RANGE[dtype]
    return max(-low, high)


def constant(spec: TensorSpec | None, role: str) -> NDArray[Any]:
    """Return the value of an operand that has to be known before the run.

    One without elements always is.
    """
    if spec is not None and spec.data is None and spec.size == 0:
        return np.zeros(spec.shape, STORAGE[spec.dtype])
    if spec is None or spec.data is None:
        name = spec.name if spec else "an omitted input"
        raise ModelError(f"{role} {name!r} must be a constant")
    return spec.data


def bias_values(bias: TensorSpec | None, channels: int) -> NDArray[np.int64]:
    """Return the bias as int64 (channels,), zeros when there is none."""
    if bias is None:
        return np.zeros(channels, np.int64)
    return constant(bias, "bias").reshape(-1).astype(np.int64)


def accumulator_rounding(
    x: TensorSpec, bias: TensorSpec | None, bias_type: str | int, rule: Rules
) -> Rounding:
    """Name the rescaling rule by the width of the sums, which int16 data decide case by case.

    LiteRT goes by the option `quantized_bias_type`, but for an int32 bias, which it misreads as
    int64 without that option; TFLM by the bias tensor's type, and by the option where there is no
    bias (path "bias-tensor"), or always takes 64 bits (path "wide").
    """
    if x.dtype != "int16":
        return rule.rounding
    if rule.path == "wide":
        return "int64"
    if bias is not None and (rule.path == "bias-tensor" or bias.dtype == "int32"):
        bias_type = bias.dtype
    if bias_type == "int32":
        return rule.rounding
    return "real64" if rule.rounding == "real" else "int64"


def per_sample(
    x: NDArray[Any], w: NDArray[Any], bias: NDArray[Any] | None, y: NDArray[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None, NDArray[Any]]]:
    """Yield (x, w, bias, y) with one filter and one bias each, all with their sample axis.

    A filter and a bias that are the same for all samples, as constants are, come with all of them.
    """
    if len(w) == 1 and (bias is None or len(bias) == 1):
        yield x, w, bias, y
        return
    for i in range(len(y)):
        own_bias = None if bias is None else _of_sample(bias, i)
        yield _of_sample(x, i), _of_sample(w, i), own_bias, y[i : i + 1]


def _of_sample(array: NDArray[Any], index: int) -> NDArray[Any]:
    """One sample, its axis kept; what is the same for all samples is there once."""
    return array[index : index + 1] if len(array) > 1 else array


def clamp(values: NDArray[Any], low: float, high: float, do: Do = NOW) -> None:
    """Apply a float activation's bounds in place.

    Where there is none it is the type's largest finite value, as in LiteRT: an infinite sum comes
    out finite (kernels/kernel_util.h, CalculateActivationRange).
    """
    do(clip, values, np.float32(max(low, -_LARGEST)), np.float32(min(high, _LARGEST)), values)
