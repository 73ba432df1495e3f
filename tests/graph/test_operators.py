"""The table of what operators are, and operands by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import refinterp
from refinterp.graph import operands
from refinterp.graph.operands import BidirectionalLstm, Operands, Unary, Variadic, Weighted
from refinterp.graph.operators import OPERATORS
from refinterp.kernels.contract import Kernel
from refinterp.kernels.flavours import _DIFFERENCES
from refinterp.kernels.registry import load_all


def test_one_row_for_each_operator():
    """What has a kernel has a row, and nothing else has."""
    assert set(OPERATORS) == {operator for operator, _ in load_all()}


def test_every_kernel_derives_from_the_base():
    """What a kernel is capable of is said by attributes that it inherits."""
    assert all(issubclass(entry.kernel, Kernel) for entry in load_all().values())


def test_names_by_place():
    """An operand stands at the place of its annotation; one left out, either way, reads as None."""
    full, short, omitted = Weighted("abc"), Weighted("ab"), Weighted(["a", "b", None])
    assert (full.input, full.filter, full.bias) == ("a", "b", "c") == tuple(full)
    assert short.bias is None
    assert omitted.bias is None
    assert (len(short), short[1]) == (2, "b")
    assert Variadic("abc").rest == ("a", "b", "c")
    assert Unary("xyz").state == ("y", "z")


@pytest.mark.parametrize(
    ("signature", "fewest", "most"),
    [(Weighted, 2, 3), (Unary, 1, 1), (Variadic, 0, None), (BidirectionalLstm, 39, 48)],
)
def test_counts(signature, fewest, most):
    """How many there may be follows from which are required."""
    assert (signature.fewest, signature.most()) == (fewest, most)


def test_no_signature_hides_what_a_tuple_has():
    """A name must not be one of tuple's methods."""
    signatures = [
        value
        for value in vars(operands).values()
        if isinstance(value, type) and issubclass(value, Operands)
    ]
    assert len(signatures) > 30
    for signature in signatures:
        assert not {*signature.names, signature.many} & {*dir(tuple), "state", "names", "required"}


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_a_row_names_its_own_operands(operator):
    """What a row says, it says of operands and results that the operator has."""
    row = OPERATORS[operator]
    lists = [row.operands] + ([] if row.few_operands is None else [row.few_operands])
    operand_names = {name for one in lists for name in (*one.names, one.many) if name}
    names = operand_names | set(row.results or ["output"])
    assert set(row.ranks) <= operand_names
    assert set(row.types) <= names
    assert set(row.scaled) <= names
    assert {row.along} <= {*operand_names, ""}
    for rule in row.types.values():
        if not isinstance(rule, tuple):
            assert (rule if isinstance(rule, str) else rule.operand) in operand_names


def test_flavours_differ_in_operators_there_are():
    """A rule under a name that is no operator's would be read by nobody."""
    for table in _DIFFERENCES.values():
        assert set(table) <= set(OPERATORS)


ROOT = Path(refinterp.__file__).parent
TABLES = ("graph/operators.py", "kernels/", "tflm/kernels/", "explain/definitions/", "verdicts/")
ACTIVATIONS = {"RELU", "RELU6", "RELU_N1_TO_1", "TANH"}
ALLOWED = {
    # a column of the table that is arithmetic; its test holds its names against the kernels
    "graph/macs.py": set(OPERATORS),
    # what six libraries' kernels take and refuse, as it was measured
    "tflm/distributions.py": set(OPERATORS),
    # fused activations, which the schema calls as it calls operators
    "numerics/activation.py": ACTIVATIONS,
    "numerics/recurrent.py": ACTIVATIONS,
    "explain/clamping.py": ACTIVATIONS,
    "debug/faults/range_graph.py": ACTIVATIONS,
    "debug/reference/weighted.py": ACTIVATIONS,
    # sentences about one operator each
    "debug/faults/fixed_grids.py": {
        "SOFTMAX",
        "LOGISTIC",
        "LOG_SOFTMAX",
        "TANH",
        "L2_NORMALIZATION",
    },
    # what a writer of models has to emit
    "debug/study/mixed.py": {"QUANTIZE", "DEQUANTIZE"},
}
"""Files that may name operators, and which; each for the reason above it."""


def _names(path):
    """The operators whose names are string literals of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {name for name in OPERATORS if name in literals}


def test_no_other_list_of_operators():
    """Facts about operators stand in the table: nobody else tells operators apart by name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(TABLES):
            found[where] = _names(path)
    assert {
        where: names for where, names in found.items() if names - ALLOWED.get(where, set())
    } == {}
    assert {where for where in ALLOWED if not found[where]} == set()
