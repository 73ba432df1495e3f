"""Checks that tflite-micro's signal operators share."""

from __future__ import annotations

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec


def require(spec: TensorSpec, dtype: str, rank: int | None = None) -> TensorSpec:
    """Check an operand's type and rank; raises ModelError."""
    if spec.dtype != dtype or (rank is not None and len(spec.shape) != rank):
        wanted = "" if rank is None else f" of rank {rank}"
        raise ModelError(
            f"{spec.name!r} is {spec.dtype} of shape {list(spec.shape)}; {dtype}{wanted} is needed"
        )
    return spec


def count(name: str, value: int, low: int = 1, high: int = 1 << 24) -> int:
    """Check an option that counts; raises ModelError."""
    if not low <= value <= high:
        raise ModelError(f"option {name} is {value}; allowed: {low}..{high}")
    return value
