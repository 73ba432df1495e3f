"""What a version of TFLM, or a distribution of it, has against a model, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.finding import Finding
from refinterp.graph.model import Model
from refinterp.tflm.judged import judged
from refinterp.tflm.ledger import totals
from refinterp.tflm.targets import Profile, known_builds
from refinterp.verdicts.verdict import Verdict

REFUSES: Final = "distribution_refuses"
CRASHES: Final = "distribution_crashes"
FAILS: Final = "distribution_fails_to_run"


def tflm_findings(model: Model, profile: Profile) -> tuple[Finding, ...]:
    """Return an error for every operator that this build does not take; none if it runs the model.

    What TFLM's own build refuses besides is told by `lint`, of the runtime.
    """
    found = list(_found(model, profile))
    if not found:
        return ()
    remedy = _remedy(model, profile)
    return tuple(
        Finding(
            _id(verdict), "error", verdict.subgraph, verdict.operator, None, _said(verdict), remedy
        )
        if isinstance(verdict, Verdict)
        else Finding(REFUSES, "error", None, None, None, verdict, remedy)
        for verdict in found
    )


def _found(model: Model, profile: Profile) -> Iterator[Verdict | str]:
    taken = True
    for verdict in judged(model, profile):
        taken = taken and verdict.stage == "invoke"
        yield verdict
    if taken:
        try:
            totals(model, profile)
        except (UnsupportedError, ModelError) as error:
            yield f"{profile.tflm.told}: {error}"


def _id(verdict: Verdict) -> str:
    if verdict.stage == "invoke":
        return FAILS
    return CRASHES if verdict.verdict == "aborts" else REFUSES


def _said(verdict: Verdict) -> str:
    when = " as it runs" if verdict.stage == "invoke" else ""
    what = "ends in a crash of" if verdict.verdict == "aborts" else "refused by"
    return f"{what} {verdict.runtime}{when}: {verdict.why}"


def _remedy(model: Model, profile: Profile) -> str:
    """Which distributions take the model, if any does."""
    taking: dict[str, str] = {}  # by commit: one repository is named once, however it is built
    for where in known_builds(profile):
        commit = where.tflm.commit
        if commit == profile.tflm.commit or commit in taking or any(judged(model, where)):
            continue
        try:
            totals(model, where)
        except (UnsupportedError, ModelError):
            continue
        taking[commit] = where.tflm.name
    if not taking:
        return "convert the model again without this: no known distribution takes it as it is"
    names = ", ".join(taking.values())
    return f"flash one that takes the model ({names}), or convert it again without this"
