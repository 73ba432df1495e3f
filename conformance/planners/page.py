"""The page on planners, from the committed results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "planners.json"
ENOUGH: Final = {"graphs": 1.02, "crowds": 1.05}
"""How far above its bound a plan that is not proven may be."""
MOST_SECONDS: Final = 1.0  # that greedy may take on the large problems
Row = Mapping[str, Any]


def page_path() -> Path:
    """Where the page is."""
    return ROOT / "docs" / "planners.md"


def write_page() -> None:
    """Write the page from the results."""
    page_path().write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")


def above(row: Row) -> float:
    """How far the plan is above what it was proven that no plan goes below; 0: it is optimal."""
    return float(row["optimal_bytes"] / row["lower_bound_bytes"] - 1)


def good(group: str, row: Row) -> bool:
    """Whether the plan is proven, near the bound, or no larger than a solver's."""
    if row["proven"] or 1 + above(row) <= ENOUGH[group]:
        return True
    theirs = row.get("solver", {}).get("bytes")
    return theirs is not None and row["optimal_bytes"] <= theirs


def page(results: Row) -> str:
    """The page's text."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    graphs, crowds, limits = results["graphs"], results["crowds"], results["time_limits"]
    slowest = max(results["large"], key=lambda row: row["seconds"])
    lines = [
        "# Planners",
        "",
        "Written by `python -m conformance.planners.measure`; do not edit. Problems are drawn at",
        "random (`conformance/planners/graphs.py`); a kind and a seed give the same one again.",
        "",
        f"{results['date']}, {machine['processor']} ({machine['cores']} cores), "
        f"{machine['system']}, Python {machine['python']}; {versions}; sources "
        f"{results['sources']}.",
        "",
        "*Live* is the most bytes that are live at once: no plan takes less. *Bound* is what was",
        "proven besides. *Above* is the optimal plan above the bound; `proven` where they meet, so",
        "that no plan is smaller.",
        "",
        "## In short",
        "",
        f"- {len(graphs)} graphs of 40 to 120 buffers on which TFLM's greedy plan is at least a "
        f"tenth above the bound: {_verdict(graphs)}, within {limits['graphs']:g} s each.",
        f"- {len(crowds)} problems of {crowds[0]['buffers']:,} buffers: {_verdict(crowds)}, within "
        f"{limits['crowds']:g} s each.",
        f"- Greedy, every offset as TFLM's, plans {slowest['buffers']:,} buffers in at most "
        f"{slowest['seconds']:.2f} s.",
        "",
        f"## {crowds[0]['buffers']:,} buffers",
        "",
        *_table(crowds),
        "",
        *_solver(crowds),
        "## Graphs that greedy wastes",
        "",
        *_table(graphs),
        "",
        f"## Greedy on {slowest['buffers']:,} buffers",
        "",
        "| kind | seconds |",
        "|---|--:|",
        *(f"| {row['kind']} | {row['seconds']:.2f} |" for row in results["large"]),
        "",
    ]
    return "\n".join(lines)


def _verdict(rows: list[Row]) -> str:
    proven = sum(row["proven"] for row in rows)
    rest = [above(row) for row in rows if not row["proven"]]
    words = f"{proven} planned optimally, with proof"
    return words + (f", the other {len(rest)} at most {max(rest):.2%} above" if rest else "")


def _table(rows: list[Row]) -> list[str]:
    return [
        "| kind | seed | buffers | live | greedy | optimal | bound | above | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {r['kind']} | {r['seed']} | {r['buffers']:,} | {r['live_bytes']:,} "
            f"| {r['greedy_bytes']:,} | {r['optimal_bytes']:,} | {r['lower_bound_bytes']:,} "
            f"| {'proven' if r['proven'] else format(above(r), '.2%')} | {r['seconds']:.1f} |"
            for r in rows
        ),
    ]


def _solver(rows: list[Row]) -> list[str]:
    """What OR-Tools CP-SAT made of some of the problems."""
    asked = [row for row in rows if "solver" in row]
    if not asked:
        return []
    return [
        f"OR-Tools CP-SAT {asked[0]['solver']['version']} on those that greedy wastes most on, in "
        "one thread (`--solver`):",
        "",
        "| kind | seed | optimal | seconds | CP-SAT | its bound | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {r['kind']} | {r['seed']} | {r['optimal_bytes']:,} | {r['seconds']:.1f} "
            f"| {_bytes(r['solver']['bytes'])} | {r['solver']['lower_bound_bytes']:,} "
            f"| {r['solver']['seconds']:g} |"
            for r in asked
        ),
        "",
    ]


def _bytes(found: int | None) -> str:
    return "no plan" if found is None else f"{found:,}"
