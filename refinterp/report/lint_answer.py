"""What lint found, in a few lines, and its findings in groups that share a remedy.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from refinterp.errors import RefinterpError
from refinterp.graph.finding import SEVERITIES, Finding, Severity
from refinterp.report.words import count, one_line, plural, some

_PLACES: Final = 24  # operators that a group lists
_NAMED: Final = 3  # groups that the verdict names


@dataclass(frozen=True, slots=True)
class Linted:
    """One model that was looked at: what was found, or why it cannot be read.

    looked_for: the kinds of faults that a look is for. operators: how many the model has.
    """

    model: str | None
    findings: tuple[Finding, ...] = ()
    operators: int = 0
    looked_for: tuple[str, ...] = ()
    error: RefinterpError | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return "the model" if self.model is None else PurePath(self.model).name

    @property
    def failed(self) -> bool:
        """Whether a finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one kind with one remedy."""

    severity: Severity
    id: str
    remedy: str
    findings: tuple[Finding, ...]

    @property
    def where(self) -> str:
        """The operators it concerns: ` at operators 2, 4`; empty where none is meant."""
        places = [place(finding) for finding in self.findings if finding.operator is not None]
        listed = list(dict.fromkeys(places))
        if not listed:
            return ""
        return f" at operator{'' if len(listed) == 1 else 's'} {some(listed, _PLACES)}"


def place(finding: Finding) -> str:
    """An operator by its index, with its subgraph where that is not the first."""
    within = f" in {finding.subgraph}" if finding.subgraph else ""
    return f"{finding.operator}{within}"


def finding_groups(findings: Sequence[Finding]) -> list[FindingGroup]:
    """Return findings by severity, kind and remedy, in their order."""
    groups: dict[tuple[Severity, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.id, finding.remedy), []).append(finding)
    return [FindingGroup(*key, tuple(found)) for key, found in groups.items()]


def counted(findings: Sequence[Finding]) -> str:
    """How many findings of each severity there are: 2 errors, 1 warning."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(plural(counts[s], s) for s in SEVERITIES if counts[s]) or "nothing found"


def lint_answer(results: Sequence[Linted]) -> list[tuple[str, str]]:
    """Return (label, text) lines for one model, or for several together."""
    if len(results) > 1:
        looked = next((one.looked_for for one in results if one.looked_for), ())
        lines = [("verdict", _together(results))]
        return [*lines, ("looked", f"for {'; '.join(looked)}")] if looked else lines
    one = results[0]
    name = one_line(one.name)
    if not one.findings:
        return [
            ("verdict", f"{name}: nothing found in {plural(one.operators, 'operator')}"),
            ("looked", f"for {'; '.join(one.looked_for)}"),
        ]
    groups = finding_groups(one.findings)
    named = "; ".join(f"{group.id}{group.where}" for group in groups[:_NAMED])
    if len(groups) > _NAMED:
        named += f"; and {plural(len(groups) - _NAMED, 'kind')} more"
    return [
        ("verdict", f"{name}: {counted(one.findings)}: {named}"),
        ("remedy", one_line(groups[0].remedy)),
    ]


def _together(results: Sequence[Linted]) -> str:
    refused = sum(1 for one in results if one.error is not None)
    failed = sum(1 for one in results if one.failed)
    findings = [finding for one in results for finding in one.findings]
    models = plural(len(results), "model")
    if refused:
        models = f"{count(len(results) - refused)} of {models} looked at"
    text = f"{models}: {counted(findings)}"
    if failed:
        text += f"; {plural(failed, 'model')} with errors"
    return text + (f"; {refused} refused" if refused else "")
