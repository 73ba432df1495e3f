"""Plants faults in healthy models and asks the debugger for them.

    python -m conformance.planted_faults            200 trials, writes the result and the page
    python -m conformance.planted_faults --page     only the page, from the result

Each trial draws a fault, a healthy model that it fits and a layer, plants it, and gives the model
to `refinterp debug` (as a library) with samples, with the float model or, where the fault does not
need it, by chance without. It counts as found when the first layer is the one it was planted in,
one of that layer's own causes is the fault's, and no layer has an own cause of another name that
the healthy model does not have as well. A fault that changes no output is drawn again, and counted.

Results go to `conformance/planted_faults.json`, from which `docs/planted-faults.md` is written.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.planted_page import page
from conformance.planted_plants import FAULTS
from conformance.planted_subjects import Subject, subjects
from conformance.planted_trial import Trial, attempt, changes_output

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "conformance" / "planted_faults.json"
PAGE = ROOT / "docs" / "planted-faults.md"
SEED = 5
TRIALS = 200


def run(trials: int, seed: int, patients: Sequence[Subject]) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    done: list[Trial] = []
    drawn_again: Counter[str] = Counter()
    while len(done) < trials:
        fault = FAULTS[len(done) % len(FAULTS)]
        subject = patients[int(rng.integers(len(patients)))]
        plant = fault.plant(subject, rng)
        if plant is None:
            continue
        if not changes_output(subject, plant):
            drawn_again[fault.id] += 1
            continue
        trial = attempt(fault, subject, plant, twin=plant.needs_twin or bool(rng.random() < 0.5))
        done.append(trial)
        print(
            f"{len(done):3d} {'ok  ' if trial.found else 'MISS'} {trial.fault} {trial.model} "
            f"twin={trial.twin} {trial.expected} {trial.detail}"
            + ("" if trial.found else f" -> {trial.first} {trial.causes} others {trial.others}"),
            flush=True,
        )
    return {
        "seed": seed,
        "models": {
            s.name: {"samples": s.samples.origin, "healthy_causes": sorted(map(list, s.baseline))}
            for s in patients
        },
        "drawn_again": dict(drawn_again),
        "trials": [{**vars(t), "found": t.found} for t in done],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    if options.page:
        result = json.loads(RESULTS.read_text("utf-8"))
    else:
        result = run(options.trials, options.seed, list(subjects()))
        if not options.dry:
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if options.dry:
        print(page(result))
    else:
        PAGE.write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
