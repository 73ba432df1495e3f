"""Which sources an operator's result speaks of, and their hash."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

import refinterp

ROOT = Path(refinterp.__file__).resolve().parent
WATCHED = ("kernels", "numerics", "arena")


@cache
def _imports(path: Path, watched: tuple[str, ...]) -> frozenset[Path]:
    """The files of watched folders that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if len(parts) > 2 and parts[0] == "refinterp" and parts[1] in watched:
                file = ROOT.joinpath(*parts[1:]).with_suffix(".py")
                if file.exists():
                    found.add(file)
    return frozenset(found)


@cache
def closure(path: Path, watched: tuple[str, ...] = WATCHED) -> tuple[Path, ...]:
    """A file and the files of watched folders it depends on, sorted."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting.extend(_imports(file, watched))
    return tuple(sorted(seen))


@cache
def code_hash(path: Path) -> str:
    """The hash of a file's code, docstrings and comments aside."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):  # words may change without a new run; code may not
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            body[0] = ast.Pass()
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@cache
def hash_of(*modules: str, watched: tuple[str, ...] = WATCHED) -> str:
    """The hash of modules and all they compute with, docstrings and comments aside."""
    paths = [ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py") for module in modules]
    files = sorted({file for path in paths for file in closure(path, watched)})
    joined = "\n".join(f"{p.relative_to(ROOT)} {code_hash(p)}" for p in files)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


@cache
def modules_naming(operator: str) -> tuple[str, ...]:
    """The modules of `kernels/ops` that spell an operator's name out: one of them registers it."""
    files = sorted((ROOT / "kernels" / "ops").glob("*.py"))
    named = [path for path in files if f'"{operator}"' in path.read_text("utf-8")]
    return tuple(f"refinterp.kernels.ops.{path.stem}" for path in named)


def hash_of_folders(*folders: str) -> str:
    """The hash of all modules in folders of the package, docstrings and comments aside."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    joined = "\n".join(f"{p.relative_to(ROOT)} {code_hash(p)}" for p in files)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]
