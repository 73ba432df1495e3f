"""Valid one-operator models with one field changed: who runs them, and who refuses them.

    python -m conformance.disturbed --cases 200 --operator CONV_2D --runtime tflm

Each model is run by the installed runtime (allocate, then one run) and judged by us. What is drawn
next follows the runtime's answers, so that it refuses about half of them. A death counts and is
never drawn anew.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.cases import load_all
from conformance.disturb import DISTURBANCES
from conformance.disturbed_cache import Answers
from conformance.draw import RandomDraw, chance, choice
from conformance.known_differences import Runtimes
from refinterp.errors import RefinterpError
from refinterp.graph.model import Model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.matrix import runs
from refinterp.run.prepare import prepare
from refinterp.runtimes.outcome import Case as RuntimeCase
from refinterp.runtimes.outcome import Died, Outcome, Ran
from refinterp.verdicts.inventory import REFERENCE_LACKS, has_kernel
from refinterp.verdicts.judge import verdicts

BATCH = 25
_UNSETTABLE = "Cannot set tensor"
"""What a runtime's Python says of data it cannot be given: it says nothing of the model."""
FLAVOURS = {"litert-reference": "litert-reference", "litert-optimized": "litert-reference",
            "tflm": "tflm"}  # fmt: skip
NAMES = ("litert", "tflm")


@dataclass(frozen=True, slots=True)
class Trial:
    """One disturbed model. theirs: "runs", "refuses" or "aborts", and why.

    judged: what the table says; ours: what a run of ours came to. field, what: what was changed.
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
class Cell:
    """An operator against a runtime."""

    operator: str
    runtime: str
    trials: list[Trial] = field(default_factory=list)

    @property
    def refused(self) -> float:
        """The share that the runtime does not run."""
        return _share(t.theirs != "runs" for t in self.trials)

    @property
    def agreement(self) -> float:
        """The share on which we and the runtime agree."""
        return _share(t.agrees for t in self.trials)

    @property
    def judgement(self) -> float:
        """The share on which the table agrees."""
        return _share(t.judged_agrees for t in self.trials)


def _share(flags: Iterator[bool] | Any) -> float:
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
) -> Cell:
    """Draw and judge `count` models."""
    cell = Cell(operator, runtime)
    usual, every = dtypes_for(operator, runtime)
    seen: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    index = 0
    while len(cell.trials) < count and index < 4 * count:
        drawn = []
        while len(drawn) < min(BATCH, count - len(cell.trials)) and index < 4 * count:
            label = zlib.crc32(f"{operator}/{runtime}".encode())
            d = RandomDraw((seed, label, index))
            dtype = choice(d, usual if chance(d, 92) else every)
            name = _field(d, seen, refused)
            made = _disturbed(d, operator, dtype, name)
            if made is not None:
                drawn.append((index, dtype, name, *made))
            index += 1
        outcomes = _outcomes([case for *_, case, _ in drawn], runtime, runtimes, answers)
        for (number, dtype, name, case, what), (theirs, why) in zip(drawn, outcomes, strict=True):
            if _UNSETTABLE in why:
                continue
            seen[name] += 1
            refused[name] += theirs != "runs"
            judged, judged_why = judge(case.model, runtime)
            ours, ours_why = (judged, judged_why)
            if judged == "runs":
                ours, ours_why = run_ours(case, FLAVOURS[runtime])
            cell.trials.append(
                Trial(number, dtype, name, what, theirs, why, judged, judged_why, ours, ours_why)
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


def judge(model: Model, runtime: str) -> tuple[str, str]:
    """What the table says of the whole model: the first thing that stops the runtime."""
    try:
        for verdict in verdicts(model, runtime):
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cells asked for; the worst come first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operator", action="append", help="only these (repeatable)")
    parser.add_argument("--runtime", choices=NAMES, action="append", help="default: both")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--show", type=int, default=0, help="disagreements to print per cell")
    parser.add_argument("--answers", help="a file that keeps what runtimes said")
    options = parser.parse_args(argv)
    started = time.perf_counter()
    cells = []
    wanted = options.operator or sorted({name for name, _ in load_all()} - {"GRAPH"})
    with Runtimes() as runtimes, Answers(options.answers) as answers:
        for operator in wanted:
            for name in options.runtime or NAMES:
                runtime = oracle(operator, name)
                if runtime:
                    cells.append(
                        run_cell(operator, runtime, options.cases, options.seed, runtimes, answers)
                    )
                    print(line(cells[-1]), flush=True)
    print_worst(cells, options.show)
    print(f"({time.perf_counter() - started:.0f} s)")
    return 0


def line(cell: Cell) -> str:
    """One cell in a line."""
    aborts = sum(t.theirs == "aborts" for t in cell.trials)
    crashes = sum("crashes" in (t.ours, t.judged) for t in cell.trials)
    return (
        f"{cell.operator:28} {cell.runtime:16} {len(cell.trials):4} refused {cell.refused:4.0%} "
        f"aborts {aborts:3} agree {cell.agreement:6.1%} table {cell.judgement:6.1%}"
        + (f" CRASHES {crashes}" if crashes else "")
    )


def print_worst(cells: Sequence[Cell], show: int) -> None:
    """All cells, the worst first, with what we disagree on."""
    trials = [t for cell in cells for t in cell.trials]
    print(
        f"\n{len(cells)} cells, {len(trials)} models, "
        f"agreement {_share(t.agrees for t in trials):.2%}, "
        f"table alone {_share(t.judged_agrees for t in trials):.2%}"
    )
    for cell in sorted(cells, key=lambda c: min(c.agreement, c.judgement)):
        if cell.agreement == 1 and cell.judgement == 1:
            continue
        print(line(cell))
        bad = [t for t in cell.trials if not t.agrees or not t.judged_agrees]
        for t in bad[:show]:
            print(f"   #{t.index} {t.dtype} [{t.field}] {t.what}")
            print(f"      runtime {t.theirs}: {t.theirs_why[:230]!r}")
            print(f"      table {t.judged}: {t.judged_why[:140]!r}")
            if t.judged == "runs":
                print(f"      ours {t.ours}: {t.ours_why[:200]!r}")


if __name__ == "__main__":
    sys.exit(main())
