"""All rows of the known differences, and which of them concern an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from refinterp.kernels.registry import find
from refinterp.verdicts.differences import cmsis_nn, esp_nn, litert, sparse, tflm, xnnpack
from refinterp.verdicts.differences.difference import ANY, Difference
from refinterp.verdicts.libraries import OWN, taken_from
from refinterp.verdicts.node import Node
from refinterp.verdicts.verdict import Verdict

ROWS: Final[tuple[Difference, ...]] = (
    *litert.ROWS,
    *xnnpack.ROWS,
    *tflm.ROWS,
    *sparse.ROWS,
    *cmsis_nn.ROWS,
    *esp_nn.ROWS,
)
"""All known differences; where several concern an operator, the first is told."""


def dtype_of(node: Node) -> str | None:
    """The registry's dtype key of an operator, None if there is no kernel for its operands."""
    entry = find(node.name, node.inputs)
    return entry.dtype if entry else None


def rows_of(node: Node, runtime: str) -> Iterator[Difference]:
    """The rows that concern an operator in a runtime, those that show always first.

    A kernel library is TFLM where the operator is none of its own.
    """
    rows = _rows_for(node.name, runtime)
    if not rows:
        return
    dtype = dtype_of(node)
    own = taken_from(node.name, dtype, runtime)
    found = [
        row
        for row in rows
        if (dtype in row.dtypes or ANY in row.dtypes)
        and (runtime in row.runtimes or own in row.runtimes)
        and row.concerns(node)
    ]
    yield from sorted(found, key=lambda row: bool(row.sometimes))


def differences(node: Node, runtime: str) -> Iterator[Verdict]:
    """Yield a verdict for each row that concerns this operator."""
    for row in rows_of(node, runtime):
        yield Verdict(
            runtime,
            node.subgraph,
            node.index,
            node.name,
            "runs" if row.sometimes else row.kind,
            row.sentence,
            "known difference",
            "invoke",
            row.id,
        )


@cache
def _by_operator() -> Mapping[str, tuple[Difference, ...]]:
    names = {row.operator for row in ROWS}
    return MappingProxyType(
        {name: tuple(row for row in ROWS if row.operator == name) for name in names}
    )


@cache
def _rows_for(operator: str, runtime: str) -> tuple[Difference, ...]:
    """The rows that may concern an operator in a runtime."""
    rows = (*_by_operator().get(operator, ()), *_by_operator().get(ANY, ()))
    return tuple(row for row in rows if runtime in row.runtimes or runtime in OWN)


@cache
def by_id() -> Mapping[str, Difference]:
    """Rows by their id."""
    return MappingProxyType({row.id: row for row in ROWS})
