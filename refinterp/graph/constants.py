"""The constant a tensor holds, as an array of its shape."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import PACKED_BITS, STORAGE, Model, Quantization, Tensor, element_bits
from refinterp.graph.sparsity import densify

_LITTLE_ENDIAN: Final = sys.byteorder == "little"  # as the file is


def with_constant(
    tensor: Tensor,
    buffer: int,
    dtype: str | None = None,
    quantization: Quantization | None = None,
) -> Tensor:
    """Return the tensor with another constant: one that fills its whole shape in this buffer.

    dtype, quantization: of the new constant; without a dtype both stay. What the file says of how
    the old one lay there (sparse, in an external file) goes with it.
    """
    if dtype is None:
        dtype, quantization = str(tensor.dtype), tensor.quantization
    return replace(
        tensor,
        dtype=dtype,
        quantization=quantization,
        buffer=buffer,
        sparsity=None,
        external_buffer=0,
    )


def has_constant(model: Model, tensor: Tensor) -> bool:
    """Whether the file gives the tensor its value."""
    return 0 < tensor.buffer < len(model.buffers) and model.buffers[tensor.buffer].data.size > 0


def bytes_needed(tensor: Tensor) -> int | None:
    """Return the bytes of a dense constant, None where shape and type do not tell."""
    if (
        tensor.dtype not in STORAGE
        or tensor.sparsity is not None
        or min(tensor.shape, default=0) < 0
    ):
        return None
    return -(-math.prod(tensor.shape) * element_bits(str(tensor.dtype)) // 8)


def missing_bytes(model: Model, tensor: Tensor) -> int:
    """Return how many bytes a constant is shorter than its shape takes, 0 where it is not."""
    needed = bytes_needed(tensor) if has_constant(model, tensor) else None
    return 0 if needed is None else max(0, needed - model.buffers[tensor.buffer].data.size)


def constant(model: Model, tensor: Tensor) -> NDArray[Any] | None:
    """Return the tensor's constant, read-only and of the tensor's shape, or None if it has none.

    int4, uint4 and int2 are unpacked, lowest bits first, one element per int8 or uint8. Sparse
    constants are spread out. Bytes behind the last element are left out, as runtimes leave them.
    Types NumPy has no storage for (string, bfloat16, …) come as their raw bytes.

    Raises ModelError when the buffer is smaller than shape and type ask for.
    """
    if not has_constant(model, tensor):
        return None
    raw = model.buffers[tensor.buffer].data
    if tensor.dtype not in STORAGE:
        return raw
    dtype = STORAGE[str(tensor.dtype)]
    if tensor.sparsity is not None:
        return _dense(raw, tensor, dtype)
    bits = PACKED_BITS.get(str(tensor.dtype))
    needed = bytes_needed(tensor)
    if needed is not None and raw.size != needed:
        if raw.size < needed:
            raise ModelError(
                f"tensor {tensor.name!r}: its buffer {tensor.buffer} holds {raw.size} bytes, but "
                f"{tensor.dtype} of shape {list(tensor.shape)} takes {needed}"
            )
        raw = raw[:needed]
    count = math.prod(tensor.shape)
    values = unpack(raw, bits, count, signed=dtype.kind == "i") if bits else _typed(raw, dtype)
    array = values.reshape(tensor.shape)
    array.flags.writeable = False
    return array


def _dense(raw: NDArray[np.uint8], tensor: Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Spread a sparse constant out. Raises ModelError when its table or its type cannot be."""
    if tensor.dtype in PACKED_BITS or raw.size % dtype.itemsize:
        raise ModelError(
            f"tensor {tensor.name!r}: {raw.size} bytes are no sparse constant of {tensor.dtype}"
        )
    assert tensor.sparsity is not None
    array = densify(_typed(raw, dtype), tensor.shape, tensor.sparsity, tensor.name)
    array.flags.writeable = False
    return array


def _typed(raw: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[Any]:
    little = dtype if _LITTLE_ENDIAN else dtype.newbyteorder("<")
    view: NDArray[Any] = raw.view(little)
    if not view.flags.aligned:
        view = view.copy()  # NumPy computes slowly, and BLAS not at all, on misaligned arrays
    return view if _LITTLE_ENDIAN else view.astype(dtype)


def unpack(raw: NDArray[np.uint8], bits: int, count: int, *, signed: bool) -> NDArray[Any]:
    """Spread elements of `bits` bits, lowest bits first, into one byte each: (count,)."""
    per_byte = 8 // bits
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    codes = ((raw[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[:count]
    if not signed:
        return codes
    half = 1 << (bits - 1)
    return ((codes ^ half).astype(np.int16) - half).astype(np.int8)


def pack(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Put elements of `bits` bits together, lowest bits first: the inverse of `unpack`.

    values: int8 or uint8 (count,); bits that do not fit are dropped. The last byte is filled with
    zeros.
    """
    per_byte = 8 // bits
    codes = np.zeros((-(-values.size // per_byte), per_byte), np.uint8)
    codes.reshape(-1)[: values.size] = values.view(np.uint8) & ((1 << bits) - 1)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(
        codes << (np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)), axis=1
    )
    return packed
