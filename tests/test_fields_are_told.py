"""Classes of many fields list them, a line each: what each is, its shape, its unit."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import refinterp

ROOT = Path(refinterp.__file__).parents[1]
MANY = 8
LISTED = re.compile(r"\s*(\w+(?:, \w+)*):")
PLAIN = (
    "refinterp/graph/operands.py",  # what its docstrings do not list are the schema's operands
    "refinterp/graph/operators.py",
    "refinterp/kernels/",  # folded integers, told in the formula of each module
    "refinterp/numerics/",
)
"""Rooms whose classes tell their fields in sentences."""


def _classes() -> Iterator[tuple[str, ast.ClassDef, list[str]]]:
    """(file, class, its fields) of every class of many fields that is to list them."""
    for folder in ("refinterp", "conformance"):
        for path in sorted(ROOT.glob(f"{folder}/**/*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(PLAIN):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    fields = fields_of(node)
                    if len(fields) >= MANY:
                        yield name, node, fields


def fields_of(node: ast.ClassDef) -> list[str]:
    """The annotated fields of a class, those that belong to the class itself aside."""
    return [
        line.target.id
        for line in node.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and not ast.unparse(line.annotation).startswith(("ClassVar", "Final"))
    ]


def unlisted(node: ast.ClassDef) -> list[str]:
    """Fields whose name, alone or with others before one colon, begins no line of the docstring."""
    lines = (ast.get_docstring(node) or "").splitlines()[1:]
    begun = ", ".join(found[1] for line in lines if (found := LISTED.match(line))).split(", ")
    return [name for name in fields_of(node) if name not in begun]


CLASSES = list(_classes())


@pytest.mark.parametrize(
    ("file", "node"),
    [(file, node) for file, node, _ in CLASSES],
    ids=[f"{file}:{node.name}" for file, node, _ in CLASSES],
)
def test_fields_are_listed_a_line_each(file: str, node: ast.ClassDef) -> None:
    """Each field's name begins a line of the class's docstring."""
    assert unlisted(node) == [], f"{file}:{node.lineno}"


def test_many_classes_are_looked_at() -> None:
    """The test above sees the large records, and would see a field that is told in a sentence."""
    assert {"Tensor", "Operator", "Model", "Step", "Ledger", "Board"} <= {
        node.name for _, node, _ in CLASSES
    }
    text = '"""One.\n\n    a: told. b: in passing.\n    c, d: told.\n    """'
    told = ast.parse(f"class One:\n    {text}\n    a: int\n    b: int\n    c: int\n    d: int\n")
    assert isinstance(told.body[0], ast.ClassDef)
    assert unlisted(told.body[0]) == ["b"]
