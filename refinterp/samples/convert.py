"""From what the user has to what the input takes: quantizing reals, checking codes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec

_SMALL: Final = 1 << 20  # differences of 16-bit codes and such zero points fit a float32


def quantize(values: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Turn reals into codes: round(value / scale) + zero point, halves to even, clipped."""
    dtype = STORAGE[spec.dtype]
    limits = np.iinfo(dtype)
    codes = np.rint(values.astype(np.float64) / spec.step) + spec.zero
    return np.asarray(np.clip(codes, limits.min, limits.max).astype(dtype))


def dequantize(codes: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """Turn codes into reals: float32(scale * (code - zero point)), per tensor, channel or block.

    codes: (…, *shape), with any leading axes. Unquantized integers become their own value.
    """
    if not spec.quantized:
        return np.asarray(codes, np.float32)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):  # inf and NaN stand
        return _reals(codes, spec)


def _reals(codes: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    if spec.scale.size == 1:
        if codes.dtype.itemsize <= 2 and abs(spec.zero) < _SMALL:  # exact in float32 as well
            reals: NDArray[np.float32] = np.subtract(codes, np.float32(spec.zero), dtype=np.float32)
            reals *= np.float32(spec.step)
            return reals
        return np.asarray((codes.astype(np.float64) - spec.zero) * spec.step, np.float32)
    if spec.block_size:
        steps = spec.scale.astype(np.float64).reshape(*spec.shape[:-1], -1)
        return np.asarray(codes * np.repeat(steps, spec.block_size, axis=-1), np.float32)
    shape = [1] * len(spec.shape)
    shape[spec.quantized_dimension] = -1
    zero = spec.zero_point.reshape(shape)
    return np.asarray(
        (codes.astype(np.float64) - zero) * spec.scale.astype(np.float64).reshape(shape),
        np.float32,
    )


def fit_input(values: NDArray[Any], spec: TensorSpec) -> tuple[NDArray[Any], str | None]:
    """Return the array in the input's dtype, and a note if it had to be quantized.

    Floats given to a quantized input are quantized with its scale and zero point; the input's own
    dtype is taken as it is; other integers are taken if they fit. Raises UsageError otherwise.
    """
    dtype = STORAGE[spec.dtype]
    if values.dtype == dtype:
        return values, None
    if dtype.kind == "f" and values.dtype.kind in "fiub":
        return values.astype(dtype), None
    if values.dtype.kind == "f" and spec.quantized and dtype.kind in "iu":
        note = (
            f"input {spec.name!r}: {values.dtype} data quantized to {spec.dtype} with scale "
            f"{spec.step:g} and zero point {spec.zero}"
        )
        return quantize(values, spec), note
    if values.dtype.kind in "iub" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if values.size and (values.min() < limits.min or values.max() > limits.max):
            raise UsageError(
                f"input {spec.name!r} is {spec.dtype}: codes {values.min()}..{values.max()} do not "
                "fit; give float32 to have them quantized"
            )
        return values.astype(dtype), None
    raise UsageError(
        f"input {spec.name!r} is {spec.dtype}; {values.dtype} data cannot be taken for it"
    )
