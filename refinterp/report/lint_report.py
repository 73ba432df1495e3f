"""Findings about models, for people and as a document (`schema/lint.schema.json`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from refinterp.graph.finding import SEVERITIES, Severity
from refinterp.report.lint_answer import (
    FindingGroup,
    Linted,
    finding_groups,
    lint_answer,
    place,
)
from refinterp.report.machine import document, error_fields
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import of_file, one_line

_STYLES: Final[dict[Severity, str | None]] = {
    "error": "bold red",
    "warning": "yellow",
    "note": None,
}
_SHOWN: Final = 6  # findings of a group


def lint_document(results: Sequence[Linted]) -> dict[str, Any]:
    """Return the document: of one model its fields, of several a list of results."""
    if len(results) == 1:
        return document(**_fields(results[0]))
    return document(summary=dict(lint_answer(results)), results=[_fields(one) for one in results])


def _fields(one: Linted) -> dict[str, Any]:
    if one.error is not None:
        return {"model": one.model, "error": error_fields(one.error)}
    return {
        "model": one.model,
        "summary": dict(lint_answer([one])),
        "findings": [asdict(finding) for finding in one.findings],
    }


def print_lint(results: Sequence[Linted], *, everything: bool = False) -> None:
    """Print what it comes to, then findings that share a remedy together.

    everything: every finding, not only the first of those that share a remedy.
    """
    print_answer(lint_answer(results))
    if len(results) > 1:
        _print_models(results)
    for one in results:
        if len(results) > 1 and one.findings:
            print_text()
            print_answer(lint_answer([one])[:1])
        for group in finding_groups(one.findings):
            _print_group(group, everything=everything)


def _print_models(results: Sequence[Linted]) -> None:
    rows = []
    for one in results:
        counts = Counter(finding.severity for finding in one.findings)
        figures = ["-" if one.error else str(counts[severity]) for severity in SEVERITIES]
        rows.append((one.name, *figures, "refused" if one.error else ""))
    headings = [Column(f"{severity}s", "right") for severity in SEVERITIES]
    print_table([Column("model", fold=True), *headings, Column("")], rows)
    for one in results:
        if one.error is not None:
            named = of_file(str(one.error), one.name)
            print_text(f"refused: {one_line(named)}", style="red")


def _print_group(group: FindingGroup, *, everything: bool) -> None:
    print_text()
    print_text(f"{group.severity}: {group.id}{group.where}", style=_STYLES[group.severity])
    shown = group.findings if everything else group.findings[:_SHOWN]
    for finding in shown:
        at = f"operator {place(finding)}: " if finding.operator is not None else ""
        if finding.operator is None and finding.subgraph:
            at = f"subgraph {finding.subgraph}: "
        print_text(f"  {at}{one_line(finding.evidence)}")
    if len(shown) < len(group.findings):
        print_text(f"  and {len(group.findings) - len(shown)} more; --all shows them")
    print_text(f"  remedy: {one_line(group.remedy)}")
