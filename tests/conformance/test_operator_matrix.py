"""The operator matrix speaks of the present kernels, of all of them, and a sample still holds."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import pytest

from conformance.operators.cases import load_all as load_generators
from conformance.operators.known_differences import whole_cells
from conformance.operators.known_proof import Runtimes
from conformance.operators.matrix import PAGE, RESULTS, cells, page, read_rows, sources_of
from conformance.operators.run import run_cell
from refinterp.kernels.registry import load_all
from refinterp.runtimes import unavailable

UNDRAWN = {
    ("STABLEHLO_COMPOSITE", "*"): "runs its decomposition; drawn on float32 and int8",
    ("WHILE", "*"): "carries any type through; drawn on int32 and uint32",
    ("VAR_HANDLE", "none"): "drawn with READ_VARIABLE and ASSIGN_VARIABLE",
    ("READ_VARIABLE", "resource"): "drawn with ASSIGN_VARIABLE",
    ("READ_VARIABLE", "int32"): "a handle that is stored as a number, as some converters do",
    ("ASSIGN_VARIABLE", "int32"): "a handle that is stored as a number, as some converters do",
    ("CALL_ONCE", "none"): "has no operands; drawn with resource variables",
}
"""Kernels without cells of their own, and why."""

UNHELD: dict[tuple[str, str], str] = {}
"""Cells whose models no installed runtime takes, and why the kernel is there nonetheless."""


@pytest.fixture(scope="module")
def runtimes() -> Iterator[Runtimes]:
    """The installed runtimes."""
    with Runtimes() as found:
        yield found


def test_every_kernel_is_drawn() -> None:
    """A registered kernel has a generator of cases, or a reason why it has none."""
    undrawn = load_all().keys() - load_generators().keys()
    assert {k for k in undrawn if k not in UNDRAWN and (k[0], "*") not in UNDRAWN} == set()
    assert {k for k in UNDRAWN if k[1] != "*"} <= undrawn


def test_every_cell_has_a_current_row() -> None:
    """No cell is missing or left over, and each row's hash is that of the sources it speaks of."""
    rows = {(row["operator"], row["dtype"], row["oracle"]): row for row in read_rows()}
    assert rows.keys() == set(cells())
    stale = [cell for cell, row in rows.items() if row["sources"] != sources_of(*cell[:2])]
    assert not stale, f"{len(stale)} stale: run python -m conformance.operators.matrix"


def test_no_element_differs_and_every_cell_is_held() -> None:
    """Each operator and type was held against at least one runtime, with no element differing."""
    rows = read_rows()
    assert [row for row in rows if row["differing"]] == []
    ran = {(row["operator"], row["dtype"]) for row in rows if row["cases"]}
    assert {(row["operator"], row["dtype"]) for row in rows} - ran == UNHELD.keys()
    whole = {(r["operator"], r["dtype"], r["oracle"]) for r in rows if r["held_against"]}
    assert whole == whole_cells().keys()


def test_the_page_is_generated() -> None:
    """`docs/operators.md` is what the results make of it."""
    assert PAGE.read_text("utf-8") == page(json.loads(RESULTS.read_text("utf-8")))


def _in_sample(cell: tuple[str, str, str]) -> bool:
    """One cell in twelve, the same ones every time."""
    return zlib.crc32("/".join(cell).encode()) % 12 == 0


@pytest.mark.parametrize(
    "cell", [c for c in cells() if _in_sample(c) and "optimized" not in c[2]], ids="-".join
)
def test_a_sample_of_cells(cell: tuple[str, str, str], runtimes: Runtimes) -> None:
    """A few cases of some cells, on another seed than the matrix's, show no difference."""
    if reason := unavailable(cell[2]):
        pytest.skip(reason)
    tally = run_cell(*cell, 5, 7, runtimes)
    assert tally.differing == 0, tally.failures
