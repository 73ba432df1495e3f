"""The grids that definitions of operators give their results, whatever calibration saw."""

from __future__ import annotations

from refinterp.graph.operators import facts
from refinterp.graph.spec import TensorSpec


def fixed_output(name: str, x: TensorSpec, y: TensorSpec) -> tuple[float, int] | None:
    """The scale and zero point an operator's definition gives its output, if it does."""
    fixed = facts(name).fixed
    return fixed.get(f"{x.dtype} to {y.dtype}") or fixed.get(y.dtype)
