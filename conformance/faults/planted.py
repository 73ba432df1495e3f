"""Plants faults in healthy models and asks the debugger for them.

    python -m conformance.faults.planted            all kinds, writes the result and the page
    python -m conformance.faults.planted --page     only the page, from the result

Each trial draws a fault, a healthy model that it fits and a layer, plants it, and gives the model
to `refinterp debug` (as a library) with samples, with the float model or, where the fault does not
need it, by chance without; by chance with labels. It counts as found when the first layer is the
one it was planted in, one of that layer's own causes is the fault's, and no layer has an own cause
of another name that the healthy model does not have as well. A fault that changes no output is
drawn again, and counted.

Results go to `conformance/results/planted_faults.json`, from which `docs/planted-faults.md` is
written.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from conformance.faults.injection import FaultKind
from conformance.faults.kinds import FAULTS
from conformance.faults.page import page
from conformance.faults.subjects import HealthyPair, own_subjects, subjects
from conformance.faults.trial import PlantedTrial, attempt, changes_output

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "planted_faults.json"
PAGE = ROOT / "docs" / "planted-faults.md"
SEED = 5
TRIALS = 243


@dataclass(frozen=True)
class TrialPlan:
    """What trials are drawn from."""

    seed: int
    subjects: Sequence[HealthyPair]
    kinds: Sequence[FaultKind]

    def trial(self, number: int) -> tuple[PlantedTrial, int]:
        """One trial, whichever others there are, and how many drawn before changed no output."""
        rng = np.random.default_rng((self.seed, number))
        fault = self.kinds[number % len(self.kinds)]
        again = 0
        while True:
            subject = self.subjects[int(rng.integers(len(self.subjects)))]
            injection = fault.inject(subject, rng)
            if injection is None:
                continue
            if changes_output(subject, injection):
                break
            again += 1
        twin = injection.needs_twin or bool(rng.random() < 0.5)
        trial = attempt(fault, subject, injection, twin=twin, labels=bool(rng.random() < 0.5))
        told = f" -> {trial.first} {trial.causes} others {trial.others} gate {trial.gate}"
        print(
            f"{number:3d} {'ok  ' if trial.found else 'MISS'} {fault.name} {trial.model} "
            f"twin={trial.twin} labels={trial.labels} {trial.expected} {trial.detail}"
            + told
            * (not trial.found),
            flush=True,
        )
        return trial, again


def run(
    job: TrialPlan, numbers: Sequence[int], workers: int = 1, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Plant a fault for each number, and ask for it; in several processes alike.

    before: a result whose other trials are kept; a trial depends on its seed and number alone.
    """
    done = _in_processes(job, numbers, workers) if workers > 1 else _made(job, numbers)
    trials = {} if before is None else {t["number"]: t for t in before["trials"]}
    for number, trial, again in done:
        own = {**vars(trial), "found": trial.found, "drawn_again": again}
        trials[number] = {"number": number, **own}
    return {
        "seed": job.seed,
        "models": {
            s.name: {"samples": s.samples.origin, "healthy_causes": sorted(map(list, s.baseline))}
            for s in job.subjects
        },
        "trials": [trials[number] for number in sorted(trials)],
    }


def _made(job: TrialPlan, numbers: Sequence[int]) -> list[tuple[int, PlantedTrial, int]]:
    return [(number, *job.trial(number)) for number in numbers]


def _in_processes(
    job: TrialPlan, numbers: Sequence[int], workers: int
) -> list[tuple[int, PlantedTrial, int]]:
    """Share the trials out; a forked process has the job without its being sent.

    Raises EOFError when a process ends without its trials.
    """
    context = multiprocessing.get_context("fork")
    ends = []
    for first in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        context.Process(target=_send, args=(job, numbers[first::workers], theirs)).start()
        theirs.close()  # so that it is closed when the process ends
        ends.append(ours)
    return [trial for end in ends for trial in end.recv()]


def _send(job: TrialPlan, numbers: Sequence[int], end: Connection) -> None:
    end.send(_made(job, numbers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--redo",
        nargs="+",
        metavar="WORD",
        help="only kinds with these words, or models of these names, into the result",
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--new", action="store_true", help="only the kinds that have a name")
    parser.add_argument("--own", action="store_true", help="only the project's own models")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    if options.page:
        result = json.loads(RESULTS.read_text("utf-8"))
    else:
        kinds = [fault for fault in FAULTS if fault.kind or not options.new]
        models = list(own_subjects() if options.own else subjects())
        job = TrialPlan(options.seed, models, kinds)
        before = json.loads(RESULTS.read_text("utf-8")) if options.redo else None
        redone = {t["number"]: t["model"] for t in before["trials"]} if before else {}
        numbers = [
            number
            for number in range(options.trials)
            if not options.redo
            or redone.get(number) in options.redo
            or any(w in kinds[number % len(kinds)].name for w in options.redo)
        ]
        result = run(job, numbers, options.workers, before)
        if not options.dry:
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if options.dry:
        print(page(result))
    else:
        PAGE.write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
