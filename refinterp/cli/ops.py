"""List the operators there are kernels for, and the runtimes they were held against.

For each operator and type: random models run, by LiteRT's reference kernels (its optimised ones
where those lack the operator) and by TFLM, and how many elements of ours differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from refinterp.cli.common import print_document
from refinterp.evidence.matrix import LITERT, LITERT_OPTIMIZED, TFLM, MatrixCell, held, matrix
from refinterp.kernels.registry import load_all
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_answer, print_table, print_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""


def run(options: argparse.Namespace) -> int:
    """Print the list or the document."""
    table: dict[str, list[str]] = {}
    for operator, dtype in sorted(load_all()):
        table.setdefault(operator, []).append(dtype)
    if options.json:
        print_document(
            document(
                operators=[
                    {
                        "op_name": operator,
                        "dtypes": dtypes,
                        "held_against": [
                            _cell(cell)
                            for dtype in dtypes
                            for oracle in (LITERT, LITERT_OPTIMIZED, TFLM)
                            if (cell := matrix().get((operator, dtype, oracle))) and cell.cases
                        ],
                    }
                    for operator, dtypes in table.items()
                ],
                summary={"verdict": _verdict(table)},
            )
        )
        return 0
    print_answer([("verdict", _verdict(table))])
    rows = []
    for operator, dtypes in table.items():
        alike: dict[tuple[str, str], list[str]] = {}
        for dtype in dtypes:
            outcome = _text(held(operator, dtype)), _text(held(operator, dtype, [TFLM]))
            alike.setdefault(outcome, []).append(dtype)
        rows += [(operator, ", ".join(types), *outcome) for outcome, types in alike.items()]
    print_table(
        [Column("operator"), Column("types", fold=True), Column("LiteRT"), Column("TFLM")],
        rows,
    )
    print_text(
        "Legend: ✓ 500: on 500 random models no element differs. -: the runtime does not run it. "
        "optimised: held against LiteRT's optimised kernels, as its reference ones lack it. by: "
        "held against a definition there. died: models that took the runtime down.",
        hang=0,
    )
    return 0


def _verdict(table: Mapping[str, Sequence[str]]) -> str:
    """How many operators there are, and how they compare with the runtimes."""
    cells = [cell for cell in matrix().values() if cell.cases]
    pairs = sum(map(len, table.values()))
    return (
        f"{len(table)} operators, {pairs} with their types, held against LiteRT and TFLM on "
        f"{sum(cell.cases for cell in cells):,} random models: "
        f"{sum(cell.differing for cell in cells):,} of {sum(cell.elements for cell in cells):,} "
        "elements differ"
    )


def _text(cell: MatrixCell) -> str:
    if not cell.cases:
        return "-"
    text = f"{cell.cases} differing: {cell.differing}" if cell.differing else f"✓ {cell.cases}"
    if cell.oracle == LITERT_OPTIMIZED:
        text += " (optimised)"
    if cell.held_against:
        text += f" (by {cell.held_against.split(',')[0]})"
    return text + (f", died {cell.died}" if cell.died else "")


def _cell(cell: MatrixCell) -> dict[str, Any]:
    return {
        "dtype": cell.dtype,
        "runtime": cell.oracle,
        "flavour": cell.flavour,
        "cases": cell.cases,
        "elements": cell.elements,
        "differing": cell.differing,
        "largest": cell.largest,
        "died": cell.died,
        "held_against": cell.held_against or None,
    }
