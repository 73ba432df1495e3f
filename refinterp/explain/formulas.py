"""What derivations yield, and numbers as their formulas show them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from refinterp.explain.operation import ExplainedOperand
from refinterp.explain.steps import Index, Item, Number

T = TypeVar("T")
Part = Generator[Item, None, T]
"""Yields steps and taps, returns a value."""


def number(value: Number) -> str:
    """A number inside a formula: integers in full, floats with six digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def bracketed(value: Number) -> str:
    """A number after an operator: negative ones in brackets."""
    return f"({number(value)})" if value < 0 else number(value)


def broadcast_index(x: ExplainedOperand, at: Index) -> Index:
    """Where an operand that repeats is read for an output index."""
    own = at[len(at) - len(x.shape) :]
    return tuple(0 if size == 1 else i for i, size in zip(own, x.shape, strict=True))
