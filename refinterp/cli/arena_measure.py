"""What `arena` measures: each model in each profile, or why there is no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from refinterp.cli.common import open_model, say
from refinterp.debug.faults.runtime_findings import OTHERWISE
from refinterp.errors import RefinterpError, UnsupportedError, UsageError
from refinterp.graph.model import Model, Shape
from refinterp.report.arena_answer import Wheel
from refinterp.report.words import of_file
from refinterp.run.gate import refusals
from refinterp.run.opening import at_shapes
from refinterp.tflm.ledger import measure
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.planning import Planning
from refinterp.tflm.targets import DEFAULT_VERSION, Profile, profile
from refinterp.tflm.versions import WHEEL_VERSION
from refinterp.tflm.what_if import SECONDS, WhatIf, other_profiles, smaller
from refinterp.verdicts.told import met, sentences
from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN, TFLM


@dataclass(frozen=True, slots=True)
class Answer:
    """A model in one profile, or why there is no figure: no model when it cannot be read.

    changes: what would make the arena smaller or larger, where that was asked for.
    """

    path: str
    title: str
    model: Model | None
    profile: Profile
    ledger: Ledger | None
    error: RefinterpError | None
    changes: tuple[WhatIf, ...] = ()


def opened(
    paths: Sequence[str], shapes: Mapping[str | None, Shape]
) -> list[tuple[str, Model | RefinterpError]]:
    """Read the models; among several one that cannot be read does not stop the others.

    shapes: sizes that were asked for, by input name.
    """
    found: list[tuple[str, Model | RefinterpError]] = []
    for path in paths:
        try:
            found.append((path, at_shapes(open_model(path), shapes)))
        except RefinterpError as error:
            if len(paths) == 1:
                raise
            found.append((path, error))
    return found


def measured(
    path: str,
    model: Model | RefinterpError,
    where: Profile,
    planner: str,
    plans: Planning,
    *,
    lenient: bool = False,
) -> Answer:
    """Measure one model in one profile; a refusal is part of the answer.

    lenient: measure what TFLM refuses when it prepares the operators, with a warning; where its
    kernels never get so far as to ask for memory, there is still nothing to measure.
    """
    if isinstance(model, RefinterpError):
        return Answer(path, Path(path).name, None, where, None, model)
    title = Path(model.source or path).name
    try:
        ledger = measure(model, where, planner, plan=plans)
        if not where.tflm.distribution:
            _require(model, title, lenient=lenient)
        for failing in ledger.fails_to_run:
            say(f"warning: {title}: the arena is right, but the model does not run: {failing}")
        for known in sentences(met(model, runtime_of(where))):
            say(f"warning: {title}: {known}")
        return Answer(path, title, model, where, ledger, None)
    except UsageError:
        raise
    except RefinterpError as error:
        text = f"{title}: {error}"
        if lenient:
            text += "; --lenient does not help: no figure follows"
        if isinstance(error, UnsupportedError):
            named = f" --tflm {where.tflm.name}" if where.tflm.distribution else ""
            text += f"; {OTHERWISE}; lint{named} lists all such operators"
        return Answer(path, title, model, where, None, type(error)(text))


def runtime_of(where: Profile) -> str:
    """Whose known differences a profile's build has."""
    if where.kernels.name.startswith("esp-nn"):
        return ESP_NN
    own = where.kernels.name.startswith("cmsis-nn") and where.target.simd == "mve"
    return CMSIS_NN_MVE if own else TFLM


def _require(model: Model, title: str, *, lenient: bool) -> None:
    """Raise UnsupportedError for what TFLM refuses when it prepares the operators, or warn."""
    for verdict in refusals(model, TFLM):
        if verdict.stage == "invoke":
            continue
        if not lenient:
            raise UnsupportedError(f"{verdict} (--lenient measures it all the same)")
        say(f"warning: {title}: {verdict}")
        return


def refusal(answer: Answer) -> str:
    """Why there is no figure, with the file's name; empty where there is one."""
    return "" if answer.error is None else of_file(str(answer.error), answer.title)


def in_wheel(model: Model, plans: Planning) -> Wheel:
    """Measure the model in TFLM's Python wheel, where many people read off their first figure."""
    where = profile(tflm=WHEEL_VERSION)
    try:
        return Wheel(where, measure(model, where, plan=plans.within(SECONDS)))
    except RefinterpError as error:
        return Wheel(where, None, str(error))


def with_changes(answer: Answer, plans: Planning, *, others: bool) -> Answer:
    """Return the answer with the changes that matter: on its target, and with `others` elsewhere.

    The wheel's profile is no choice to make: nothing else is tried for it.
    """
    if answer.ledger is None or answer.model is None:
        return answer
    plan = plans.within(SECONDS)
    changes = list(smaller(answer.model, answer.ledger, plan=plan))
    if others and answer.profile.tflm.name == DEFAULT_VERSION:
        changes += other_profiles(answer.model, answer.ledger, plan=plan)
    return replace(answer, changes=tuple(changes))
