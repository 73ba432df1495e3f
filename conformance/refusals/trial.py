"""One cell of the disturbed models: an operator against a runtime, and what came of each model."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw, chance, choice
from conformance.operators.known_proof import Runtimes
from conformance.refusals.cache import Answers
from conformance.refusals.disturb import DISTURBANCES
from refinterp.errors import RefinterpError
from refinterp.evidence.matrix import runs
from refinterp.graph.model import Model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.gate import shapes_of
from refinterp.run.prepare import prepare
from refinterp.runtimes.outcome import Died, Outcome, Ran, RuntimeCase
from refinterp.verdicts.inventory import REFERENCE_LACKS, has_kernel
from refinterp.verdicts.judge import UNJUDGED, verdicts

BATCH: Final = 25
FLAVOURS: Final = {
    "litert-reference": "litert-reference",
    "litert-optimized": "litert-reference",
    "tflm": "tflm",
}
_UNSAID: Final = ("Cannot set tensor", "Invalid tensor size.")
"""What a runtime's Python says of data it cannot be given or give: nothing of the model."""


@dataclass(frozen=True, slots=True)
class DisturbedTrial:
    """One disturbed model.

    index: of the case, for drawing it again.
    dtype: the key of its generator.
    field: what was changed.
    what: how, in words.
    theirs: the runtime's answer: "runs", "refuses" or "aborts".
    theirs_why: in its words.
    judged: what the table says.
    judged_why: in the table's words.
    ours: what a run of ours came to.
    ours_why: in our words.
    """

    index: int
    dtype: str
    field: str
    what: str
    theirs: str
    theirs_why: str
    judged: str
    judged_why: str
    ours: str
    ours_why: str

    @property
    def agrees(self) -> bool:
        """Whether both run the model, or neither does."""
        return (self.theirs == "runs") == (self.ours == "runs")

    @property
    def judged_agrees(self) -> bool:
        """The same for the table alone."""
        return (self.theirs == "runs") == (self.judged == "runs")


@dataclass(slots=True)
class RefusalCell:
    """An operator against a runtime."""

    operator: str
    runtime: str
    trials: list[DisturbedTrial] = field(default_factory=list)

    @property
    def refused(self) -> float:
        """The share that the runtime does not run."""
        return share(t.theirs != "runs" for t in self.trials)

    @property
    def agreement(self) -> float:
        """The share on which we and the runtime agree."""
        return share(t.agrees for t in self.trials)

    @property
    def judgement(self) -> float:
        """The share on which the table agrees."""
        return share(t.judged_agrees for t in self.trials)


def share(flags: Iterable[bool]) -> float:
    """The share of what is true."""
    found = list(flags)
    return sum(found) / len(found) if found else 0.0


def dtypes_for(operator: str, runtime: str) -> tuple[list[str], list[str]]:
    """The operator's dtype keys that the runtime runs, and all."""
    every = sorted(dtype for name, dtype in load_all() if name == operator)
    known = [d for d in every if runs(operator, d, [f"runtime:{runtime}"])]
    return known or every, every


def oracle(operator: str, name: str) -> str:
    """The runtime that stands for LiteRT or TFLM; "" where it has no such operator."""
    if name == "tflm":
        return "tflm" if has_kernel("tflm", operator) else ""
    if not has_kernel("litert-optimized", operator):
        return ""
    return "litert-optimized" if operator in REFERENCE_LACKS else "litert-reference"


def run_cell(
    operator: str, runtime: str, count: int, seed: int, runtimes: Runtimes, answers: Answers
) -> RefusalCell:
    """Draw and judge `count` models."""
    cell = RefusalCell(operator, runtime)
    usual, every = dtypes_for(operator, runtime)
    seen: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    index = 0
    while len(cell.trials) < count and index < 16 * count:
        drawn = []
        while len(drawn) < min(BATCH, count - len(cell.trials)) and index < 16 * count:
            label = zlib.crc32(f"{operator}/{runtime}".encode())
            d = RandomDraw((seed, label, index))
            dtype = choice(d, usual if chance(d, 92) else every)
            name = _field(d, seen, refused)
            made = _disturbed(d, operator, dtype, name)
            if made is not None:
                drawn.append((index, dtype, name, *made))
            elif index >= 4 * count:  # where hardly anything is refused, what is not to be had
                seen[name] += 1  # would be asked for again and again
            index += 1
        outcomes = _outcomes([case for *_, case, _ in drawn], runtime, runtimes, answers)
        for (number, dtype, name, case, what), (theirs, why) in zip(drawn, outcomes, strict=True):
            if any(text in why for text in _UNSAID):
                continue
            seen[name] += 1
            refused[name] += theirs != "runs"
            judged, judged_why = judge(case.model, runtime, FLAVOURS[runtime])
            ours, ours_why = (judged, judged_why)
            if judged == "runs":
                ours, ours_why = run_ours(case, FLAVOURS[runtime])
            cell.trials.append(
                DisturbedTrial(
                    number, dtype, name, what, theirs, why, judged, judged_why, ours, ours_why
                )
            )
    return cell


def _field(d: RandomDraw, seen: Counter[str], refused: Counter[str]) -> str:
    """A field to change: where too much is refused, one that is rarely, and the other way round."""
    names = list(DISTURBANCES)
    total = sum(seen.values())
    share = sum(refused.values()) / total if total else 0.5
    rates = np.array([(refused[n] + 0.5) / (seen[n] + 1) for n in names])
    power = 8 * (share - 0.5)  # above half: towards what runs
    weights = np.where(power > 0, (1 - rates) ** abs(power), rates ** abs(power))
    weights = weights / weights.sum()
    return names[int(d.rng.choice(len(names), p=weights))]


def _disturbed(d: RandomDraw, operator: str, dtype: str, name: str) -> tuple[Case, str] | None:
    case = load_all()[operator, dtype](d)
    places = [i for i, o in enumerate(case.model.subgraphs[0].operators) if o.name == operator] or [
        0
    ]
    return DISTURBANCES[name](d, case, choice(d, places))


def _outcomes(
    cases: Sequence[Case], runtime: str, runtimes: Runtimes, answers: Answers
) -> list[tuple[str, str]]:
    """Run the cases in the runtime, or take what it said before."""
    requests = [RuntimeCase(write_model(c.model), c.samples) for c in cases]
    keys = [_key(request, runtime) for request in requests]
    waiting = [i for i, key in enumerate(keys) if key not in answers]
    outcomes = runtimes[f"runtime:{runtime}"].run_many(requests[i] for i in waiting)
    for i, outcome in zip(waiting, outcomes, strict=True):
        answers[keys[i]] = _answer(outcome)
    return [answers[key] for key in keys]


def _answer(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, Ran):
        return "runs", ""
    return ("aborts" if isinstance(outcome, Died) else "refuses"), str(outcome)[:400]


def _key(request: RuntimeCase, runtime: str) -> str:
    digest = hashlib.sha256(request.model)
    for sample in request.samples:
        for array in sample:
            digest.update(array.tobytes())
    return f"{runtime}/{digest.hexdigest()}"


def judge(model: Model, runtime: str, flavour: str) -> tuple[str, str]:
    """What the table says of the whole model: the first thing that stops the runtime."""
    shapes = None
    if flavour != "tflm" and len(model.subgraphs[0].operators) > 1:
        with contextlib.suppress(Exception):  # a bug of ours shows when the model is run
            shapes = shapes_of(prepare(model, flavour=flavour))
    try:
        for verdict in verdicts(model, runtime, shapes):
            if verdict.rule == UNJUDGED:
                return "crashes", verdict.op_name
            if verdict.stops:
                return verdict.verdict, verdict.why
    except Exception as error:
        return "crashes", f"{type(error).__name__}: {error}"
    return "runs", ""


def run_ours(case: Case, flavour: str) -> tuple[str, str]:
    """Prepare and run a model ourselves."""
    try:
        executor = Executor(prepare(case.model, flavour=flavour))
        for tensor, array in zip(executor.program.graph.inputs, case.samples[0], strict=True):
            executor.input(tensor)[...] = array
        executor.invoke()
    except RefinterpError as error:
        return "refuses", f"{type(error).__name__}: {error}"
    except Exception as error:
        return "crashes", f"{type(error).__name__}: {error}"
    return "runs", ""
