"""How many bytes tensors may take, so that an absurd size ends in an error and not in no memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from refinterp.errors import ModelError
from refinterp.graph.model import STORAGE, Shape
from refinterp.graph.spec import TensorSpec

MOST_BYTES: Final = 2**32
"""Of one tensor: what 32 bits can address."""

MOST_ALTOGETHER: Final = 2**36
"""Of all that a subgraph computes."""


def require_room(name: str, dtype: str, shape: Shape, size: int) -> None:
    """Raise ModelError, naming the tensor, when its size in bytes is above `MOST_BYTES`."""
    if size > MOST_BYTES:
        raise ModelError(
            f"tensor {name!r}: found {size:,} bytes, {dtype} of shape {list(shape)}; allowed: "
            f"{MOST_BYTES:,} bytes"
        )


def require_room_of(spec: TensorSpec) -> None:
    """The same of one sample of a tensor."""
    require_room(spec.name, spec.dtype, spec.shape, _size(spec))


def require_room_for_all(specs: Sequence[TensorSpec], unknown: Collection[int]) -> None:
    """The same of each tensor that a subgraph computes or is given, and of all together.

    unknown: tensors whose shapes only a run tells.
    """
    computed = [spec for i, spec in enumerate(specs) if spec.data is None and i not in unknown]
    sizes = [_size(spec) for spec in computed]
    if max(sizes, default=0) > MOST_BYTES:
        for spec in computed:
            require_room_of(spec)
    together = sum(sizes)
    if together > MOST_ALTOGETHER:
        raise ModelError(
            f"found {together:,} bytes in {len(computed)} tensors; allowed: {MOST_ALTOGETHER:,}"
        )


def _size(spec: TensorSpec) -> int:
    return spec.size * STORAGE[spec.dtype].itemsize if spec.dtype in STORAGE else 0
