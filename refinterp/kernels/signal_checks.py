"""A check that tflite-micro's signal operators share."""

from __future__ import annotations

from refinterp.errors import ModelError


def count(name: str, value: int, low: int = 1, high: int = 1 << 24) -> int:
    """Check an option that counts; raises ModelError."""
    if not low <= value <= high:
        raise ModelError(f"option {name} is {value}; allowed: {low}..{high}")
    return value
