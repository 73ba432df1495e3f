"""The paths of the flavours' rules: each is read by a kernel, and each one read can be taken."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

from conformance.sources import ROOT, closure
from refinterp.kernels import flavours
from refinterp.kernels.registry import KERNELS, load_all

FILES = sorted((ROOT / "kernels").rglob("*.py"))


def _compared(path: Path) -> set[str]:
    """The paths a file compares with."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare) and ast.unparse(node.left) == "rule.path":
            values = [ast.literal_eval(value) for value in node.comparators]
            found |= {v for value in values for v in ([value] if isinstance(value, str) else value)}
    return found


def _read_for(operator: str) -> set[str]:
    """The paths that the files of an operator's kernels compare with."""
    entries = [entry for (name, _), entry in KERNELS.items() if name == operator]
    modules = {e.kernel.__module__ for e in entries} | {e.options.__module__ for e in entries}
    starts = [ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py") for module in modules]
    files = {file for start in starts for file in closure(start, ("kernels",))}
    return {path for file in files for path in _compared(file)}


def _table() -> set[tuple[str, str]]:
    """Operators and paths of the table, all flavours."""
    load_all()
    return {
        (operator, flavours.rules(flavour, operator).path)
        for flavour in flavours.FLAVOURS
        for operator in {name for name, _ in KERNELS}
    } - {(operator, "") for operator, _ in KERNELS}


def test_a_path_is_compared_whole():
    """No kernel takes a path apart or hands it on: each use is a comparison with constants."""
    for file in FILES:
        tree = ast.parse(file.read_text("utf-8"))
        read = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "path"]
        compared = [n.left for n in ast.walk(tree) if isinstance(n, ast.Compare)]
        assert all(ast.unparse(node) == "rule.path" for node in read), file
        assert all(node in compared for node in read), file


def test_every_path_of_the_table_is_read_by_its_operator():
    """A path that no kernel of its operator reads would change nothing."""
    table = _table()
    assert len(table) > 20
    assert {
        (operator, path) for operator, path in table if path not in _read_for(operator)
    } == set()


def test_every_path_read_is_in_the_table():
    """A path that no flavour gives is code that never runs; so is one of the type alone."""
    read = {path for file in FILES for path in _compared(file)}
    given = {path for _, path in _table()}
    assert read == given == set(get_args(flavours.Path)) - {""}
