"""The README of an exported module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from refinterp.export.micropython.core import CoreGraph
from refinterp.export.micropython.heap import HeapTerm, bound
from refinterp.export.micropython.source import IMAGE_ZERO, grid

_TEMPLATE: Final = Path(__file__).with_name("page.txt")


def module_page(
    name: str,
    title: str,
    digest: str,
    flavour: str,
    core: CoreGraph,
    terms: Sequence[HeapTerm],
    samples: int,
    origin: str,
    files: Sequence[str],
    *,
    in_module: bool,
) -> str:
    """Return the page. samples: how many the check module has. files: the export's other files."""
    several = ", ".join(f"x{i}" for i in range(len(core.inputs)))
    fields = {
        "name": name,
        "title": _cell(title),
        "digest": digest,
        "files": " ".join(files),
        "given": "x" if len(core.inputs) == 1 else f"[{several}]",
        "ports": "\n".join(
            f"| {role} {i} | {_cell(spec.name)} | {list(spec.shape)} | {grid(spec)[0]:.9g} | "
            f"{spec.zero} |"
            for role, specs in (("input", core.inputs), ("output", core.outputs))
            for i, spec in enumerate(specs)
        ),
        "flavour": flavour,
        "notes": _notes(core, in_module),
        "heap": f"{bound(terms):,}",
        "terms": "\n".join(f"| {term.bytes:,} | {term.what} |" for term in terms),
        "samples": f"{samples} sample" + ("" if samples == 1 else "s"),
        "origin": _cell(origin),
    }
    template = _TEMPLATE.read_text("utf-8")
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], template)


def _notes(core: CoreGraph, in_module: bool) -> str:
    notes = []
    if len(core.inputs) == 1 and core.inputs[0].zero == IMAGE_ZERO:
        notes.append("Pixels 0..255 can be given to `m.run_image` as they are.")
    if core.dropped:
        notes.append(f"They stand for the file's float ends ({', '.join(core.dropped)}).")
    if in_module:
        notes.append("The weights stand in the module: in RAM, unless it is frozen or in ROMFS.")
    return "".join(f"\n{note}" for note in notes)


def _cell(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii").replace("|", "\\|")
