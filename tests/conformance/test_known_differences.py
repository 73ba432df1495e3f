"""The known differences are what their page says: the oracle is wrong, and we are right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.operators.cases import load_all
from conformance.operators.known_differences import PAGE, page, whole_cells
from conformance.operators.known_proof import Proof, Runtimes, try_out
from conformance.operators.known_proofs import PROOFS
from refinterp.runtimes import unavailable
from refinterp.verdicts.differences.difference import ANY
from refinterp.verdicts.differences.table import ROWS, by_id


@pytest.fixture(scope="module")
def runtimes() -> Iterator[Runtimes]:
    """The installed runtimes, each started when a row asks for it."""
    with Runtimes() as found:
        yield found


def name(proof: Proof) -> str:
    operator, dtype, oracle = proof.cell
    return f"{proof.row}-{operator}-{dtype}-{oracle.split(':')[1]}"


@pytest.mark.parametrize("proof", PROOFS, ids=name)
def test_the_defect_shows_and_we_agree_with_the_second_oracle(
    proof: Proof, runtimes: Runtimes
) -> None:
    """Drawn models show the runtime's defect; not one element of ours differs from the second."""
    for runtime in filter(None, (proof.oracle, proof.second)):
        if reason := unavailable(runtime):
            pytest.skip(reason)
    evidence = try_out(proof, runtimes, 2 if proof.known.kind == "aborts" else 12)
    assert evidence.concerned == evidence.cases
    assert evidence.shows(proof.known.kind)
    if proof.known.kind == "refuses":
        assert evidence.refused + evidence.died == evidence.cases
    assert evidence.held
    assert evidence.elements
    assert evidence.differing == 0


def test_every_row_about_an_installed_runtime_has_a_proof() -> None:
    """One for each runtime at least; what was measured elsewhere says where."""
    for row in ROWS:
        proven = {proof.oracle.split(":")[1] for proof in PROOFS if proof.row == row.id}
        assert row.origin or proven, row.id
        assert proven <= set(row.runtimes), row.id


def test_every_proof_is_of_an_operator_that_is_drawn() -> None:
    """Proofs name cells of the operator matrix, and no cell has two rows for all its models."""
    cells = {proof.cell[:2] for proof in PROOFS}
    assert cells <= load_all().keys()
    for proof in PROOFS:
        assert ANY in proof.known.dtypes or proof.dtype in proof.known.dtypes
    assert len(whole_cells()) == len({p.cell[:2] for p in PROOFS if p.known.whole})


def test_rows_have_names_of_their_own() -> None:
    """An id is one row's, and what an anchor may be."""
    assert len(by_id()) == len(ROWS)
    assert all(row.id == row.id.lower().replace(" ", "-") for row in ROWS)


def test_the_page_is_generated() -> None:
    """`docs/known-differences.md` is what the rows make of it."""
    assert PAGE.read_text("utf-8") == page()
