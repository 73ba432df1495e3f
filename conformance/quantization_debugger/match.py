"""Which layers of two reports are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def match(
    theirs: Sequence[Row], ours: Sequence[Row]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Match rows that have `tensor_name` and `op_name`: pairs of indices, and what is left of each.

    By equal names; then by names without a last digit, which the debugger takes off its tensors'
    names and a name may have of its own, where the operator is the same and only one fits.
    """
    pairs: dict[int, int] = {}
    for key in (_name, _short):
        for a, row in enumerate(theirs):
            if a in pairs:
                continue
            fits = [
                b
                for b, other in enumerate(ours)
                if b not in pairs.values() and row["op_name"] == other["op_name"]
                if key(row, other)
            ]
            if len(fits) == 1:
                pairs[a] = fits[0]
    taken = set(pairs.values())
    return (
        sorted(pairs.items()),
        [a for a in range(len(theirs)) if a not in pairs],
        [b for b in range(len(ours)) if b not in taken],
    )


def _name(a: Row, b: Row) -> bool:
    return bool(a["tensor_name"] == b["tensor_name"])


def _short(a: Row, b: Row) -> bool:
    name = b["tensor_name"]
    return bool(name[-1:].isdigit() and a["tensor_name"] == name[:-1])
