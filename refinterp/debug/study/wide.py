"""Tensors in 16 bits, with a zero point of 0, as int16 kernels read and write them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.graph.constants import with_constant
from refinterp.graph.model import STORAGE, Buffer, Quantization, Tensor
from refinterp.graph.spec import TensorSpec
from refinterp.samples.convert import dequantize

_WIDE: Final = 32767


def wide_tensor(tensor: Tensor, spec: TensorSpec, fixed: tuple[float, int] | None) -> Tensor:
    """The tensor with 16-bit codes for at least the same reals, zero at 0."""
    if spec.scale.size != 1:
        raise UnsupportedError(f"{spec.name!r} has a scale per channel: no 16-bit form")
    if fixed is None:
        limits = np.iinfo(STORAGE[spec.dtype])
        reach = max(int(limits.max) - spec.zero, spec.zero - int(limits.min))
        fixed = spec.step * reach / _WIDE, 0
    scale, zero = fixed
    own = Quantization(np.array([scale], np.float32), np.array([zero], np.int64))
    return with_constant(tensor, 0, "int16", own)


def wide_constant(tensor: Tensor, spec: TensorSpec) -> tuple[Tensor, Buffer]:
    """A constant's tensor with 16-bit codes, and these."""
    made = wide_tensor(tensor, spec, None)
    assert made.quantization is not None
    assert spec.data is not None
    codes = np.rint(dequantize(spec.data, spec) / made.quantization.scale[0])
    return made, _bytes(codes, np.int16)


def wide_bias(reals: NDArray[Any], scale: NDArray[np.float64]) -> tuple[Quantization, Buffer]:
    """The grid and the 64-bit codes of a bias; scale: of the data times that of the weights."""
    own = Quantization(scale.astype(np.float32), np.zeros(scale.size, np.int64))
    return own, _bytes(np.rint(reals.astype(np.float64) / scale), np.int64)


def _bytes(codes: NDArray[np.float64], dtype: type[Any]) -> Buffer:
    limits = np.iinfo(dtype)
    if dtype is np.int16:
        codes = np.clip(codes, -_WIDE, limits.max)
    raw = codes.astype(dtype).reshape(-1).view(np.uint8)
    raw.flags.writeable = False
    return Buffer(raw)
