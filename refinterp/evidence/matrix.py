"""What every kernel was held against: results of `python -m conformance.operators.matrix`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

LITERT, LITERT_OPTIMIZED, TFLM = (
    "runtime:litert-reference",
    "runtime:litert-optimized",
    "runtime:tflm",
)


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One operator and dtype key against one installed runtime, on random models.

    operator: its name.
    dtype: the key of the kernel registry.
    oracle: the runtime.
    flavour: of ours, that was held against it.
    cases: models it ran.
    elements: of their tensors, compared.
    differing: of these, ours against the runtime's.
    largest: the largest difference, in codes, or for floats relative to the tensor's largest
        magnitude.
    died: models on which its process ended.
    held_against: the oracle that stands in where the runtime has no right result
        (docs/known-differences.md), else "".
    """

    operator: str
    dtype: str
    oracle: str
    flavour: str
    cases: int
    elements: int
    differing: int
    largest: float
    died: int
    held_against: str


_DEFAULTS: Final[dict[str, Any]] = {
    "operator": "", "dtype": "", "oracle": "", "flavour": "", "cases": 0, "elements": 0,
    "differing": 0, "largest": 0.0, "died": 0, "held_against": "",
}  # fmt: skip
"""The fields of a cell, and what a row that leaves one out means."""


@cache
def matrix() -> dict[tuple[str, str, str], MatrixCell]:
    """All cells by (operator, dtype key, runtime); empty if no results are packaged."""
    file = resources.files("refinterp").joinpath("evidence/operator_matrix.json")
    if not file.is_file():
        return {}
    rows = json.loads(file.read_text("utf-8"))["rows"]
    cells = (
        MatrixCell(**{name: row.get(name, default) for name, default in _DEFAULTS.items()})
        for row in rows
    )
    return {(cell.operator, cell.dtype, cell.oracle): cell for cell in cells}


def held(
    operator: str, dtype: str, oracles: Iterable[str] = (LITERT, LITERT_OPTIMIZED)
) -> MatrixCell:
    """The cell of the first of these runtimes that runs the operator and type.

    Where none does, it has no cases.
    """
    oracles = tuple(oracles)
    for oracle in oracles:
        cell = matrix().get((operator, dtype, oracle))
        if cell is not None and cell.cases:
            return cell
    return MatrixCell(operator, dtype, oracles[0], "", 0, 0, 0, 0.0, 0, "")


def runs(operator: str, dtype: str, oracles: Iterable[str]) -> bool | None:
    """Whether an installed runtime runs an operator and type; None if that was never tried."""
    oracles = tuple(oracles)
    if not any((operator, dtype, oracle) in matrix() for oracle in oracles):
        return None
    return held(operator, dtype, oracles).cases > 0
