"""No integer of NumPy's default width: 32 bits in WebAssembly, and on Windows before NumPy 2.

What is made from Python integers, counted, summed or multiplied says its type. The guard reads the
sources; `python -m conformance.platforms.pyodide` runs them where the default is 32 bits wide.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import refinterp

ROOT = Path(refinterp.__file__).parent

MADE = {  # functions that choose a type, and the place of `dtype` among what is given by position
    "arange": 3, "indices": 1, "prod": 2, "cumsum": 2, "cumprod": 2, "full": 2, "array": 1,
    "asarray": 1, "fromiter": 1, "sum": 2, "eye": 3, "identity": 1, "tri": 3,
}  # fmt: skip
METHODS = {"prod": 1, "cumsum": 1, "cumprod": 1, "sum": 1}
REDUCTIONS = {"add.reduce": 2, "multiply.reduce": 2, "add.accumulate": 2, "add.reduceat": 3}
EXACT = ("numerics", "kernels", "arena", "run", "graph", "modelfile", "tflm")
"""Rooms in which a sum says its type, whatever it is a sum of."""

NUMBERS = (ast.List, ast.ListComp, ast.Tuple, ast.GeneratorExp, ast.Constant)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _is_float(node: ast.expr) -> bool:
    """Whether a number is written as a real: 0.5, -1.0, np.inf, np.nan, float(…)."""
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (float, bool))
    return _dotted(node) in ("np.inf", "np.nan") or (
        isinstance(node, ast.Call) and _dotted(node.func) in ("float", "np.float32", "np.float64")
    )


def _says_its_type(call: ast.Call, position: int) -> bool:
    return len(call.args) > position or any(k.arg in ("dtype", "out", None) for k in call.keywords)


def _wanting(call: ast.Call, room: str) -> bool:
    """Whether a call leaves the width of its integers to the platform."""
    name = _dotted(call.func)
    if name in ("np.array", "np.asarray"):
        made = call.args[0]
        literal = isinstance(made, NUMBERS) and not _is_float(made)
        if isinstance(made, (ast.List, ast.Tuple)):
            literal = bool(made.elts) and not all(map(_is_float, made.elts))
        return literal and not _says_its_type(call, 1)
    if name == "np.full":
        return not _is_float(call.args[1]) and not _says_its_type(call, 2)
    summed = name.split(".")[-1] == "sum"
    if summed and room not in EXACT:
        return False
    if name.startswith("np.") and name[3:] in MADE:
        return not _says_its_type(call, MADE[name[3:]])
    if name.startswith("np.") and name[3:] in REDUCTIONS:
        return room in EXACT and not _says_its_type(call, REDUCTIONS[name[3:]])
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
        return not name.startswith("math.") and not _says_its_type(call, METHODS[call.func.attr])
    return False


def faults(source: str, room: str) -> Iterator[int]:
    """The lines of a file that leave the width of integers to the platform."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            plain_int = [
                a
                for a in (*node.args[1:], *(k.value for k in node.keywords if k.arg == "dtype"))
                if isinstance(a, ast.Name) and a.id == "int"
            ]
            name = _dotted(node.func)
            if (
                (name.endswith(".astype") and node.args and _dotted(node.args[0]) == "int")
                or (name.startswith("np.") and plain_int)
                or _wanting(node, room)
            ):
                yield node.lineno
        elif isinstance(node, ast.Attribute) and _dotted(node) in ("np.int_", "np.uint", "np.long"):
            yield node.lineno


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_integers_say_their_width(path):
    """Each line that makes, counts or sums integers names their type."""
    room = path.relative_to(ROOT).parts[0]
    assert sorted(set(faults(path.read_text("utf-8"), room))) == []


@pytest.mark.parametrize(
    "line",
    [
        "np.arange(256)",
        "-np.arange(-128, 128)",
        "np.array([1, 2])",
        "np.array([x.zero])",
        "np.asarray([a, b])",
        "np.full(3, zero)",
        "np.prod(shape)",
        "x.sum(axis=1)",
        "np.cumsum([0, *sizes])",
        "x.astype(int)",
        "np.zeros(3, int)",
        "np.zeros(3, dtype=int)",
        "np.int_(3)",
        "np.add.reduce(x, axis=0)",
    ],
)
def test_the_guard_sees(line):
    """It finds what it is there to find."""
    assert list(faults(line, "kernels"))


@pytest.mark.parametrize(
    "line",
    [
        "np.arange(256, dtype=np.int64)",
        "np.array([1, 2], np.int32)",
        "np.array([0.5])",
        "np.full(3, np.inf)",
        "np.full(3, zero, np.int64)",
        "x.sum(axis=1, dtype=np.float64)",
        "np.add.reduce(x, axis=0, out=y)",
        "np.asarray(x)",
    ],
)
def test_the_guard_lets_pass(line):
    """It asks for no more than that."""
    assert not list(faults(line, "kernels"))
