"""The table of what operators are, and operands by name."""

from __future__ import annotations

import ast
import re
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


def test_keys_of_two_types_name_weights():
    """An operator has kernels for data and weights of two types only where its row has weights."""
    mixed = {operator for operator, key in load_all() if re.fullmatch(r"[a-z]+\d+x[uf]?\d+", key)}
    assert len(mixed) > 10
    assert {operator for operator in mixed if not OPERATORS[operator].weights} == set()


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
    assert set(row.one_shape) <= operand_names
    assert {row.along} <= {*operand_names, ""}
    assert {row.data, row.weights} <= {*row.operands.names, ""}
    for rule in row.types.values():
        if not isinstance(rule, tuple):
            assert (rule if isinstance(rule, str) else rule.operand) in operand_names


def test_flavours_differ_in_operators_there_are():
    """A rule under a name that is no operator's would be read by nobody."""
    for table in _DIFFERENCES.values():
        assert set(table) <= set(OPERATORS)


ROOT = Path(refinterp.__file__).parents[1]
TABLES = (
    "refinterp/graph/operators.py",
    "refinterp/kernels/",
    "refinterp/tflm/kernels/",
    "refinterp/explain/definitions/",
    # what runtimes have and refuse, a rule for each operator
    "refinterp/verdicts/litert/",
    "refinterp/verdicts/tflm/",
    "refinterp/verdicts/inventory.py",
    "refinterp/verdicts/libraries.py",
    "refinterp/verdicts/older/table.py",
    *(
        f"refinterp/verdicts/differences/{one}.py"
        for one in ("cmsis_nn", "esp_nn", "litert", "tflm", "xnnpack")
    ),
    # models made to hold operators against runtimes, and proofs of differences, one for each
    "conformance/operators/cases/",
    "conformance/operators/known_",
    "conformance/speed/scaling.py",
)
ACTIVATIONS = {"RELU", "RELU6", "RELU_N1_TO_1", "TANH"}
ALLOWED = {
    # fused activations, which the schema calls as it calls operators
    "refinterp/numerics/activation.py": ACTIVATIONS,
    "refinterp/numerics/recurrent.py": ACTIVATIONS,
    "refinterp/explain/clamping.py": ACTIVATIONS,
    "refinterp/debug/reference/weighted.py": ACTIVATIONS,
    "refinterp/verdicts/checks.py": ACTIVATIONS,
    "refinterp/fit/dead_channels.py": ACTIVATIONS,
    "conformance/operators/draw.py": ACTIVATIONS,
    "conformance/faults/weight_injections.py": ACTIVATIONS,
    # which kernels of a MicroPython module an operator becomes
    "refinterp/export/micropython/lowering/families.py": set(OPERATORS),
    # sentences about one operator each
    "refinterp/debug/faults/fixed_grids.py": {
        "SOFTMAX",
        "LOGISTIC",
        "LOG_SOFTMAX",
        "TANH",
        "L2_NORMALIZATION",
    },
    # a rule that two operators share
    "refinterp/verdicts/common.py": {"DEPTH_TO_SPACE"},
    # an operator with rows of its own
    "refinterp/verdicts/differences/sparse.py": {"FULLY_CONNECTED"},
    # what six libraries' kernels take and refuse, as it was measured
    "refinterp/tflm/distributions.py": set(OPERATORS),
    # what a writer of models has to emit
    "refinterp/debug/study/mixed.py": {"QUANTIZE", "DEQUANTIZE"},
    "conformance/models/dynamic_range.py": {"DEQUANTIZE"},
    "conformance/faults/heads.py": {
        "CONCATENATION",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "QUANTIZE",
        "SOFTMAX",
        "TANH",
    },
    # which of the operators of a few networks faults are planted at
    "conformance/faults/hybrid_injections.py": {"AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "RELU"},
    "conformance/faults/join_injections.py": {"ADD", "CONCATENATION"},
    # sets of operators that binaries are built with, whose size is measured
    "conformance/code_size/errors.py": set(OPERATORS),
    # operators by a part of their names: those that divide
    "conformance/refusals/edits.py": {"DIV"},
    # a loop's results are the last turn's, which runtimes keep elsewhere
    "conformance/operators/compare.py": {"WHILE"},
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
    for folder in ("refinterp", "conformance"):
        for path in (ROOT / folder).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            if not where.startswith(TABLES):
                found[where] = _names(path)
    assert {
        where: names for where, names in found.items() if names - ALLOWED.get(where, set())
    } == {}
    assert {where for where in ALLOWED if not found[where]} == set()


def test_no_operators_by_how_their_names_begin():
    """Nor by the beginning of a name, which the test above would not see."""
    told = {}
    for path in (ROOT / "refinterp").rglob("*.py"):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(TABLES):
            starts = {s for s in _starts(path) if any(name.startswith(s) for name in OPERATORS)}
            if starts - BEGINNINGS.get(where, set()):
                told[where] = starts
    assert told == {}


BEGINNINGS: dict[str, set[str]] = {}
"""Files that may ask how an operator's name begins, and with what."""


def _starts(path):
    """Upper-case literals that a file hands to startswith, itself or by the name of a constant."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    constants[target.id] = node.value
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "startswith":
            for one in node.args:
                value = constants.get(one.id) if isinstance(one, ast.Name) else one
                leaves = ast.walk(value) if value is not None else ()
                texts = [leaf.value for leaf in leaves if isinstance(leaf, ast.Constant)]
                yield from (text for text in texts if isinstance(text, str) and text.isupper())


def test_beginnings_are_found_by_name(tmp_path):
    """The search sees through a constant of the file."""
    path = tmp_path / "one.py"
    path.write_text('_SOME: tuple = ("CALL", "HASHTABLE")\nx.startswith(_SOME)\n', "utf-8")
    assert set(_starts(path)) == {"CALL", "HASHTABLE"}
