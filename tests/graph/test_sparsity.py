"""Sparse constants spread out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.operators.cases.scattering import sparse_table
from refinterp.errors import ModelError
from refinterp.graph.sparsity import densify
from tests.strategies import HypothesisDraw


@st.composite
def matrices(draw: Any) -> tuple[Any, Any, dict[str, Any]]:
    """A matrix, its stored values and its table."""
    d = HypothesisDraw(draw)
    rows, columns = d.integer(1, 5), d.integer(1, 3) * d.integer(1, 4)
    dense = d.rng.integers(-3, 4, (rows, columns)).astype(np.int8)
    return dense, *sparse_table(d, dense)


@given(matrices())
def test_compressed_rows_come_back(made: tuple[Any, Any, dict[str, Any]]) -> None:
    """What is stored of a matrix, with blocks of columns or without, makes that matrix."""
    dense, stored, table = made
    assert densify(stored, dense.shape, table, "w").tolist() == dense.tolist()


def columns_first() -> dict[str, Any]:
    """A 2 x 3 matrix that is stored column by column, rows compressed."""
    return {
        "traversal_order": (1, 0),
        "block_map": (),
        "dim_metadata": (
            {"format": "DENSE", "dense_size": 3},
            {
                "format": "SPARSE_CSR",
                "dense_size": 0,
                "array_segments": ("Uint8Vector", {"values": [0, 1, 1, 3]}),
                "array_indices": ("Uint8Vector", {"values": [1, 0, 1]}),
            },
        ),
    }


def test_axes_in_another_order() -> None:
    """traversal_order says which axis a level belongs to."""
    dense = densify(np.array([5, 6, 7]), (2, 3), columns_first(), "w")
    assert dense.tolist() == [[0, 0, 6], [5, 0, 7]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traversal_order": (0,)}, "does not fit shape"),
        ({"block_map": (5,)}, "does not fit shape"),
        ({"segments": [0, 1, 1, 9]}, "segments point outside"),
        ({"segments": [0, 2, 1, 3]}, "segments point outside"),
        ({"indices": [1, 0, 2]}, "outside"),
        ({"segments": [0, 1, 1, 2]}, "places 2 values"),
    ],
)
def test_a_table_that_lies(change: dict[str, Any], message: str) -> None:
    """Every contradiction is a ModelError that says which."""
    table = columns_first()
    level = table["dim_metadata"][1]
    if "segments" in change:
        level["array_segments"] = ("Uint8Vector", {"values": change.pop("segments")})
    if "indices" in change:
        level["array_indices"] = ("Uint8Vector", {"values": change.pop("indices")})
    with pytest.raises(ModelError, match=message):
        densify(np.array([5, 6, 7]), (2, 3), {**table, **change}, "w")
