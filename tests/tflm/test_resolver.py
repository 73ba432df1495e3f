"""The resolver's methods, held against the list of TFLM's header.

`resolver_methods.csv`: what `micro_mutable_op_resolver.h` of commit 90b983c2b registers, by method.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from refinterp.tflm.footprint import operators
from refinterp.tflm.resolver import adder

with (Path(__file__).parent / "resolver_methods.csv").open(encoding="utf-8") as file:
    METHODS = {row["operator"]: row["method"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("operator", METHODS)
def test_every_method_of_the_header(operator):
    """The name that the rule gives is the header's."""
    assert adder(operator) == METHODS[operator]


def test_every_operator_with_a_footprint_has_a_method():
    """What the ledger takes for an operator of TFLM can be registered, and the other way round."""
    assert set(operators()) == set(METHODS)
