"""The layering: a folder imports only from folders listed above it, and no files in a circle."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

import refinterp
from conformance.rooms import PICTURE, ROOMS, TEXT, imported_rooms, picture, with_listing

LAYERS = tuple(ROOMS)
DEBUG_ROOMS = (
    "reference", "measure", "result", "faults", "remarks", "labelled", "keep_in_float", "setup",
    "layer_names", "runs", "figures", "diagnose", "compare", "study", "spread",
)  # fmt: skip
ROOT = Path(refinterp.__file__).parent
CHECKED = ("refinterp", "conformance")


FILES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem in LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_upwards(path):
    """A file imports from its own folder and those above it only."""
    relative = path.relative_to(ROOT)
    own = relative.parts[0].removesuffix(".py")
    assert own in LAYERS, f"{own} is not in the list of layers"
    allowed = set(LAYERS[: LAYERS.index(own) + 1])
    assert imported_rooms(path) <= allowed


def test_every_layer_file_is_seen():
    """The test above looks at real files."""
    assert len(FILES) > 20


def _modules(packages: Sequence[str]) -> dict[str, Path]:
    """Every file of these packages, by its module's name."""
    found = {}
    for package in packages:
        for path in (ROOT.parent / package).rglob("*.py"):
            parts = path.relative_to(ROOT.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules(CHECKED)
TESTS = _modules(("tests",))


def _imported(module: str) -> set[str]:
    """The files that one imports, wherever in it: in functions and for the type checker as well."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return (found & MODULES.keys()) - {module}


def _circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """What is left when files that import nothing that is left are taken away, again and again."""
    left = dict(imports)
    while True:
        done = {module for module, others in left.items() if not others & left.keys()}
        done |= left.keys() - set().union(*left.values())  # nobody imports it
        if not done:
            return [sorted(left)] if left else []
        left = {module: others for module, others in left.items() if module not in done}


def test_no_files_import_each_other_in_a_circle():
    """Each file can be read after those that it imports."""
    assert _circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == [["a", "b"]]
    found = _circles({m: _imported(m) for m in MODULES})
    assert found == []


def _room(module: str) -> str:
    return module.split(".")[2]


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("refinterp.debug.")])
def test_rooms_of_the_debugger_import_one_way(module):
    """A file imports from its own room and those listed before it only."""
    allowed = DEBUG_ROOMS[: DEBUG_ROOMS.index(_room(module)) + 1]
    others = {_room(m) for m in _imported(module) if m.startswith("refinterp.debug.")}
    assert others <= set(allowed)


def test_every_listed_layer_and_room_exists():
    """The lists name what is there."""
    layers = {m.split(".")[1] for m in MODULES if m.startswith("refinterp.")}
    assert set(LAYERS) <= layers
    assert set(DEBUG_ROOMS) == {_room(m) for m in MODULES if m.startswith("refinterp.debug.")}


def test_contributing_shows_the_rooms():
    """Its list and its picture are those of the code: `python -m conformance.rooms`."""
    text = TEXT.read_text("utf-8")
    assert with_listing(text) == text
    assert PICTURE.read_text("utf-8") == picture()


SHARED_NAMES = {
    "Buffer": "the schema's, and that of a planning problem: each is its field's own term",
}


def test_a_class_name_belongs_to_one_class():
    """Two things have two names; classes made inside functions have none that others see."""
    homes: dict[str, list[str]] = {}
    for module, path in {**MODULES, **TESTS}.items():
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    shared = {name: where for name, where in homes.items() if len(where) > 1}
    assert shared.keys() == SHARED_NAMES.keys(), shared


def test_no_function_writes_a_global():
    """What is told from one run to the next is an argument, or an object that has an owner."""
    trees = {m: ast.parse(p.read_text("utf-8")) for m, p in {**MODULES, **TESTS}.items()}
    assert len(trees) > 700
    told = {m for m, tree in trees.items() if any(type(n) is ast.Global for n in ast.walk(tree))}
    assert told == set()
