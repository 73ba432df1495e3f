"""The layering: a folder imports only from folders listed above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import refinterp

LAYERS = (
    "errors", "numerics", "graph", "modelfile", "samples", "runtimes", "kernels", "evidence",
    "verdicts", "arena", "tflm", "run", "interpreter", "debug", "explain", "bench", "report", "cli",
)  # fmt: skip
ROOT = Path(refinterp.__file__).parent


def _imports(path: Path) -> set[str]:
    """The refinterp packages a file imports, by their first folder's name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module == "refinterp":
                names = [f"refinterp.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}: relative import; spell the package out")
        found |= {name.split(".")[1] for name in names if name.startswith("refinterp.")}
    return found


FILES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem in LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_upwards(path):
    """A file imports from its own folder and those above it only."""
    relative = path.relative_to(ROOT)
    own = relative.parts[0].removesuffix(".py")
    assert own in LAYERS, f"{own} is not in the list of layers"
    allowed = set(LAYERS[: LAYERS.index(own) + 1])
    assert _imports(path) <= allowed


def test_every_layer_file_is_seen():
    """The test above looks at real files."""
    assert len(FILES) > 20
