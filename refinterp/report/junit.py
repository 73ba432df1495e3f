"""Verdicts as JUnit XML, which build servers read: a test case for each model in each place.

A case fails where the command does for its sake. What does not fit besides, of boards some of which
will do, or together where each model is asked about by itself, is skipped, and says why.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from refinterp.fit.judge import FitResult
from refinterp.fit.need import Candidate
from refinterp.fit.report import FitReport
from refinterp.report.fit_answer import NAMED, fit_answer, models_title, place, verdict
from refinterp.report.words import clean, one_line, some


def junit(report: FitReport) -> str:
    """Return the file's text."""
    named = _names(report)
    ways = [("", [one.result for one in report.fitted])]
    ways += [(f" ({way})", report.of(way)) for way in ("shared", "apart")]
    asked, fails = {id(one) for one in report.asked}, not report.fits
    cases, failed, skipped = [], 0, 0
    for way, results in ways:
        for one in results:
            counts = id(one) in asked and (fails or not report.every_board)
            failed += counts and not one.fits
            skipped += not counts and not one.fits
            name = f"{named[one.need.candidates]} on {place(one)}{way}"
            cases.append(_case(one, name, "failure" if counts else "skipped"))
    head = f'name="refinterp fit" tests="{len(cases)}" failures="{failed}" errors="0"'
    suite = f'{head} skipped="{skipped}"'
    said = "\n".join(f"{label}: {text}" for label, text in fit_answer(report))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {head}>",
        f"<testsuite {suite}>",
        *cases,
        f"<system-out>{_text(said)}</system-out>",
        "</testsuite>",
        "</testsuites>",
        "",
    ]
    return "\n".join(lines)


def _names(report: FitReport) -> dict[tuple[Candidate, ...], str]:
    """Models by their files' names, or by their paths where names are not of one file alone."""
    needs = [one.result.need for one in report.fitted] + [one.need for one in report.together]
    titles = {need.candidates: models_title(need) for need in needs}
    if len(set(titles.values())) == len(titles):
        return titles
    return {models: some([one_line(one.path) for one in models], NAMED) for models in titles}


def _case(result: FitResult, name: str, otherwise: str) -> str:
    """A test case; otherwise: what it is where the model does not fit."""
    start = f'<testcase classname="refinterp.fit" name={_attribute(name)}'
    if result.fits:
        return f"{start}/>"
    said = verdict(result)
    return f"{start}><{otherwise} message={_attribute(said)}>{_text(said)}</{otherwise}></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(one_line(text))


def _text(text: str) -> str:
    return escape(clean(text))
