"""Where a runtime is wrong: that it is, and that what refinterp computes instead is right.

    python -m conformance.operators.known_differences        writes docs/known-differences.md

What is known is data of the package (`refinterp.verdicts.differences`). Here each row is tried out
(`known_proofs`): models drawn for it, run by the runtime named, show the defect, and our results on
the same models are equal to those of a second oracle: another runtime, the same runtime on a model
that means the same, or a definition in `conformance.operators.definitions`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from conformance.operators.known_proof import LITERT, TFLM, Proof, short
from conformance.operators.known_proofs import PROOFS
from refinterp.graph.model import Model
from refinterp.verdicts.differences.difference import ANY, Difference
from refinterp.verdicts.differences.table import ROWS, dtype_of, rows_of
from refinterp.verdicts.node import Node

PAGE = Path(__file__).resolve().parents[2] / "docs" / "known-differences.md"


@cache
def whole_cells() -> Mapping[tuple[str, str, str], Proof]:
    """(operator, dtype key, oracle) → the row that says why another oracle is asked."""
    return MappingProxyType(
        {p.cell: p for p in PROOFS if p.known.whole and p.oracle in (LITERT, TFLM)}
    )


def row_of(model: Model, oracle: str) -> Proof | None:
    """How to hold a one-operator model that is a known difference, if it is one."""
    if len(model.subgraphs) > 1 or len(model.subgraphs[0].operators) != 1:
        return None
    node = Node(model, 0, 0)
    rows = [row for row in rows_of(node, short(oracle)) if not row.sometimes]
    for proof in PROOFS:
        if proof.known in rows and (proof.dtype, proof.oracle) == (dtype_of(node), oracle):
            return proof
    return None


# The page ------------------------------------------------------------------------------------


def page(rows: Sequence[Difference] = ROWS) -> str:
    """The page, from the rows and their proofs alone."""
    lines = [
        "# Known differences",
        "",
        "Written by `python -m conformance.operators.known_differences`; do not edit.",
        "",
        "Models on which a runtime is wrong: it reads or writes out of bounds, aborts, or does",
        "what nobody can have meant. refinterp computes what is meant. `inspect`, `lint`, `arena`",
        "and `run --flavour` tell of the rows that concern the model at hand. Each row names the",
        "second oracle against which our results are equal (integers bit for bit, floats within",
        "the bound of their operator); `tests/conformance/test_known_differences.py` draws such",
        "models, shows the defect and the equality. *whole*: all models of the operator and type",
        "are concerned, and [the operator matrix](operators.md) holds them against the second",
        "oracle.",
        "",
        "What is said of `tflm` is true of CMSIS-NN's and ESP-NN's builds too, where the operator",
        "is none that they have a kernel of their own for. What runtimes refuse, and the models on",
        "which our table of that is wrong, are on a page of [refusals](refusals.md).",
        "",
        "| operator | type | runtime | | row |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_where(row))} | {row.kind} | [{row.id}](#{row.id}) |" for row in rows]
    for row in rows:
        lines += _entry(row)
    return "\n".join(lines) + "\n"


def _where(row: Difference) -> tuple[str, str, str]:
    """Operator, types and runtimes, in words."""
    operator = "any" if row.operator == ANY else row.operator
    dtypes = "any" if ANY in row.dtypes else ", ".join(row.dtypes)
    return operator, dtypes, ", ".join(row.runtimes)


def _entry(row: Difference) -> list[str]:
    """One row's own section, whose heading is its anchor."""
    operator, dtypes, runtimes = _where(row)
    whole = " (*whole*)" if row.whole else ""
    lines = [
        "",
        f"## {row.id}",
        "",
        f"{operator} ({dtypes}) in {runtimes}",
        "",
        f"- Models: {row.models}{whole}",
        f"- What it does: {row.defect}",
    ]
    if row.sometimes:
        lines.append(f"- When: {row.sometimes}")
    lines.append(f"- What to do: {row.remedy}")
    against = dict.fromkeys(proof.against for proof in PROOFS if proof.row == row.id)
    if against:
        lines.append(f"- Held against: {'; '.join(against)}")
    if row.origin:
        lines.append(f"- Measured: {row.origin}")
    return lines


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
