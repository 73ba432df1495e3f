"""What may be written into a tensor, and what shape it may be given."""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import PACKED_BITS, STORAGE, Shape, Tensor, code_limits
from refinterp.interpreter.litert_errors import ResizeError

Array = NDArray[Any]

_TYPE_NAMES: Final = {"O": "STRING", "S": "STRING", "U": "STRING"}  # by the kind of a NumPy type


def check_strict(tensor: Tensor, index: int, shape: Shape, now: Shape) -> None:
    """Raise ResizeError unless a shape differs only in sizes that the signature leaves open."""
    signature = tensor.shape_signature or now
    if len(shape) != len(signature):
        raise ResizeError(
            f"tensor {index} ({tensor.name!r}) has {len(signature)} dimensions, not "
            f"{len(shape)}; strict resizing cannot change that"
        )
    for axis, (fixed, size) in enumerate(zip(signature, shape, strict=True)):
        if fixed not in (-1, size):
            raise ResizeError(
                f"Attempting to resize dimension {axis} of tensor {index} with value "
                f"{fixed} to {size}. ResizeInputTensorStrict only allows mutating unknown "
                "dimensions identified by -1."
            )


def check_value(array: Array, tensor: Tensor, index: int, shape: Shape, fixed: bool) -> None:
    """Raise UsageError unless an array can be written into a tensor of a shape.

    fixed: the tensor is a constant.
    """
    _check_type(array, tensor, index)
    if array.ndim != len(shape):
        raise UsageError(
            f"Cannot set tensor: Dimension mismatch. Got {array.ndim} but expected "
            f"{len(shape)} for input {index}. Its shape is {list(shape)}, not "
            f"{list(array.shape)}"
        )
    for axis, (size, expected) in enumerate(zip(array.shape, shape, strict=True)):
        if size != expected:
            raise UsageError(
                f"Cannot set tensor: Dimension mismatch. Got {size} but expected {expected} "
                f"for dimension {axis} of input {index}. To run other shapes call "
                "resize_tensor_input() and allocate_tensors() first"
            )
    if fixed:
        raise UsageError(
            f"Cannot set tensor: tensor {index} ({tensor.name!r}) is a constant of the model, "
            "and its value is folded into the operators; change the model instead"
        )


def _check_type(array: Array, tensor: Tensor, index: int) -> None:
    """Raise UsageError unless an array's type is the tensor's."""
    dtype = str(tensor.dtype)
    if tensor.dtype not in STORAGE:
        raise UsageError(f"Cannot set tensor: type {dtype} of input {index} is not computed")
    expected = STORAGE[dtype]
    if array.dtype.newbyteorder("=") != expected:
        got = _TYPE_NAMES.get(array.dtype.kind, array.dtype.name.upper())
        hint = "values are not converted"
        if expected.kind in "iu" and array.dtype.kind == "f":
            hint = "reals are not quantized for you: set round(real / scale) + zero_point"
        raise UsageError(
            f"Cannot set tensor: Got value of type {got} but expected type {dtype.upper()} for "
            f"input {index}, name: {tensor.name} ({hint})"
        )
    if dtype in PACKED_BITS and array.size:
        low, high = code_limits(dtype)
        if int(array.min()) < low or int(array.max()) > high:
            raise UsageError(
                f"Cannot set tensor: Values for {dtype.upper()} input must be between {low} and "
                f"{high}."
            )
