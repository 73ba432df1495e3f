"""Verdicts as JUnit XML, which build servers read: a test case for each model in each place."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from refinterp.fit.judge import FitResult
from refinterp.fit.report import FitReport
from refinterp.report.fit_answer import fit_answer, models_title, place, verdict
from refinterp.report.words import clean, one_line


def junit(report: FitReport) -> str:
    """Return the file's text."""
    cases = [_case(one.result, "") for one in report.fitted]
    cases += [_case(one, f" ({way})") for way in ("shared", "apart") for one in report.of(way)]
    judged = [one.result for one in report.fitted] + list(report.together)
    failed = sum(not one.fits for one in judged)
    head = f'name="refinterp fit" tests="{len(cases)}" failures="{failed}" errors="0"'
    said = "\n".join(f"{label}: {text}" for label, text in fit_answer(report))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {head}>",
        f"<testsuite {head}>",
        *cases,
        f"<system-out>{_text(said)}</system-out>",
        "</testsuite>",
        "</testsuites>",
        "",
    ]
    return "\n".join(lines)


def _case(result: FitResult, way: str) -> str:
    name = _attribute(f"{models_title(result.need)} on {place(result)}{way}")
    said = verdict(result)
    if result.fits:
        return f'<testcase classname="refinterp.fit" name={name}/>'
    return (
        f'<testcase classname="refinterp.fit" name={name}>'
        f"<failure message={_attribute(said)}>{_text(said)}</failure></testcase>"
    )


def _attribute(text: str) -> str:
    return quoteattr(one_line(text))


def _text(text: str) -> str:
    return escape(clean(text))
