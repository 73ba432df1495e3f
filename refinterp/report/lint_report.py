"""Findings about a model, for people and as a document (`schema/lint.schema.json`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from refinterp.graph.check import Finding, Severity
from refinterp.report.machine import document
from refinterp.report.terminal import print_text
from refinterp.report.words import one_line

_STYLES: Final[dict[Severity, str | None]] = {
    "error": "bold red",
    "warning": "yellow",
    "note": None,
}


def lint_document(findings: Sequence[Finding], model: str | None) -> dict[str, Any]:
    """Return the document; model: where it was read from."""
    return document(model=model, findings=[asdict(finding) for finding in findings])


def print_lint(findings: Sequence[Finding]) -> None:
    """Print each finding with its remedy, and how many of each severity there are."""
    for finding in findings:
        place = f"operator {finding.operator}: " if finding.operator is not None else ""
        if finding.subgraph:
            place = f"subgraph {finding.subgraph}, {place}"
        style = _STYLES[finding.severity]
        print_text(f"{finding.severity}: {finding.id}", style=style)
        print_text(f"  {one_line(place + finding.evidence)}")
        print_text(f"  remedy: {one_line(finding.remedy)}")
    counts = Counter(finding.severity for finding in findings)
    total = ", ".join(f"{counts[s]} {s}{'s' * (counts[s] != 1)}" for s in _STYLES if counts[s])
    print_text(total or "nothing found")
