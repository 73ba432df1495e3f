"""The table of `docs/platforms.md` on WebAssembly, from the committed results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "pyodide.json"
PAGE = ROOT / "docs" / "platforms.md"
BEGIN, END = "<!-- pyodide: begin -->\n", "<!-- pyodide: end -->\n"

_WHAT = {
    "bundled": "models of the package and of `conformance/models`",
    "corpus": "models of others",
    "cases": "random one-operator models, of every operator and type",
}


def write_page() -> None:
    """Put the table into the page."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + table(json.loads(RESULTS.read_text("utf-8"))) + END + after)


def table(results: Mapping[str, Any]) -> str:
    """What ran, and how many runs were equal."""
    there, here = results["pyodide"], results["native"]
    lines = [
        f"Pyodide {there['pyodide']} (Python {there['python']}, NumPy {there['numpy']}) under node "
        f"{there['node'].removeprefix('v')}, against Python {here['python']}, NumPy "
        f"{here['numpy']}, {here['machine']}; each model under the flavours `litert-reference` and "
        "`tflm`:\n",
        "| | quantized runs, every tensor equal | other runs, every integer equal | documents |",
        "|---|--:|--:|--:|",
    ]
    for name, what in _WHAT.items():
        row = results[name]
        lines.append(
            f"| {row['models']:,} {what} | {row['quantized_runs_equal']:,} of "
            f"{row['quantized_runs']:,} | {row['other_runs_integers_equal']:,} of "
            f"{row['other_runs']:,} | {_of(row['documents_equal'], row['documents'])} |"
        )
    return "\n".join(lines) + "\n"


def _of(equal: int, all_: int) -> str:
    return f"{equal} of {all_}" if all_ else "–"
