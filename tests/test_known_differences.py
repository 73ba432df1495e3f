"""The known differences are what their page says: the oracle is wrong, and we are right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.cases import load_all
from conformance.known_differences import (
    PAGE,
    ROWS,
    KnownDifference,
    Runtimes,
    page,
    try_out,
    whole_cells,
)
from refinterp.runtimes import unavailable


@pytest.fixture(scope="module")
def runtimes() -> Iterator[Runtimes]:
    """The installed runtimes, each started when a row asks for it."""
    with Runtimes() as found:
        yield found


def name(row: KnownDifference) -> str:
    return f"{row.operator}-{row.dtype}-{row.oracle.split(':')[1]}"


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_the_defect_shows_and_we_agree_with_the_second_oracle(
    row: KnownDifference, runtimes: Runtimes
) -> None:
    """Drawn models show the runtime's defect; not one element of ours differs from the second."""
    for runtime in filter(None, (row.oracle, row.second)):
        if reason := unavailable(runtime):
            pytest.skip(reason)
    evidence = try_out(row, runtimes, 2 if row.dies else 12)
    assert evidence.died if row.dies else evidence.wrong
    assert evidence.held
    assert evidence.elements
    assert evidence.differing == 0


def test_every_row_is_of_an_operator_that_is_drawn() -> None:
    """Rows name cells of the operator matrix, and no cell has two rows for all its models."""
    assert {(row.operator, row.dtype) for row in ROWS} <= load_all().keys()
    assert len(whole_cells()) == sum(row.whole for row in ROWS)


def test_the_page_is_generated() -> None:
    """`docs/known-differences.md` is what the rows make of it."""
    assert PAGE.read_text("utf-8") == page()
