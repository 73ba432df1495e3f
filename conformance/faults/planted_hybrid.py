"""Plants faults of dynamic-range models and asks the debugger for them.

    python -m conformance.faults.planted_hybrid        4 seeds of 25 trials, writes result and page

Float models are quantized as TensorFlow's converter does (`dynamic_range`). Each trial draws a
fault, a model that it fits and a layer, plants it, and gives the model to `refinterp debug` (as a
library): with the float model or, where the fault does not need it, by chance without, and in half
of the trials with labels. It counts as found when the first layer is the one it was planted in, one
of that layer's own causes is the fault's, and no layer has an own cause that is another's and that
the healthy model does not have as well.

Results go to `conformance/results/planted_hybrid.json`, from which a section of
`docs/planted-faults.md` is written.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from conformance.faults.hybrid_injections import HYBRID_FAULTS, HybridFaultKind, HybridInjection
from conformance.faults.hybrid_page import RESULTS
from conformance.faults.planted import PAGE
from conformance.faults.subjects import HealthyPair, corpus_subjects, own_causes, own_subjects
from conformance.faults.trial import outputs
from conformance.models.dynamic_range import dynamic_range
from conformance.sources import hash_of_folders
from refinterp.debug.compare import debug
from refinterp.samples.samples import Samples

SEEDS = (1, 2, 3, 4)
TRIALS = 25
_SAMPLES = 8
_LARGE = frozenset({"mobilenet_v2_224"})  # minutes a trial


@dataclass(frozen=True)
class HybridTrial:
    """One trial: what was planted, and what the debugger said.

    seed: of the series of trials.
    fault: what was planted.
    model: in which one.
    twin, labels: whether the debugger had the float model, and labels.
    detail: what was done.
    expected: the operators it may be reported at.
    accepted: the causes it may be reported as.
    first: the operator that was reported first.
    causes: that operator's own causes.
    others: own causes of other names, or of other operators.
    """

    seed: int
    fault: str
    model: str
    twin: bool
    labels: bool
    detail: str
    expected: list[int]
    accepted: list[str]
    first: int
    causes: list[str]
    others: list[str]

    @property
    def ranked(self) -> bool:
        return self.first in self.expected

    @property
    def named(self) -> bool:
        return bool(set(self.accepted) & set(self.causes))

    @property
    def found(self) -> bool:
        return self.ranked and self.named and not self.others


def hybrid_subjects(*, corpus: bool = True) -> Iterator[HealthyPair]:
    """Float models with a few samples, and what is said of their healthy hybrid forms."""
    for family in (own_subjects(), corpus_subjects() if corpus else ()):
        for one in family:
            if one.name in _LARGE:
                continue
            count = min(_SAMPLES, one.samples.count)
            kept = [one.samples.get(i) for i in range(count)]
            samples = Samples(count, kept.__getitem__, f"{count} of {one.samples.origin}")
            found: set[tuple[int, str]] = set()
            for per_channel in (True, False):
                model = dynamic_range(one.twin, per_channel=per_channel)
                for twin in (one.twin, None):
                    found |= own_causes(debug(model, samples, twin))
            yield replace(one, model=model, samples=samples, baseline=frozenset(found))


def labelled(injection: HybridInjection) -> Samples:
    """The samples with the float model's own answers as labels, where it answers with scores."""
    found = outputs(injection.twin, injection.samples)
    if found is None or len(found) != injection.samples.count or found[0].size < 2:
        return injection.samples
    labels = np.array([int(np.argmax(one)) for one in found], np.int64)
    return replace(injection.samples, labels=labels)


def attempt(
    fault: HybridFaultKind,
    subject: HealthyPair,
    injection: HybridInjection,
    *,
    seed: int,
    twin: bool,
    labels: bool,
) -> HybridTrial:
    """Ask the debugger."""
    samples = labelled(injection) if labels else injection.samples
    report = debug(injection.model, samples, injection.twin if twin else None)
    first = report.layers[0]
    own = [cause.id for cause in first.causes if cause.implied_by is None]
    others = sorted(
        f"{id_} at {operator}"
        for operator, id_ in own_causes(report) - subject.baseline
        if id_ not in injection.causes or operator not in injection.operators
    )
    return HybridTrial(
        seed, fault.name, subject.name, twin, samples.labels is not None, injection.detail,
        sorted(injection.operators), sorted(injection.causes), first.operator, own, others,
    )  # fmt: skip


def trials(seed: int, count: int, subjects: Sequence[HealthyPair]) -> Iterator[HybridTrial]:
    """Plant and ask, so many times."""
    rng = np.random.default_rng(seed)
    done = 0
    while done < count:
        fault = HYBRID_FAULTS[done % len(HYBRID_FAULTS)]
        subject = subjects[int(rng.integers(len(subjects)))]
        with np.errstate(all="ignore"):
            injection = fault.inject(subject, rng)
        if injection is None:
            continue
        twin = injection.needs_twin or bool(rng.random() < 0.5)
        yield attempt(fault, subject, injection, seed=seed, twin=twin, labels=bool(done % 2))
        done += 1


def run(seeds: Sequence[int], count: int) -> dict[str, Any]:
    """All trials, and what they were made with."""
    subjects = list(hybrid_subjects())
    done: list[HybridTrial] = []
    for seed in seeds:
        for one in trials(seed, count, subjects):
            done.append(one)
            print(f"{len(done):3d} {'ok  ' if one.found else 'MISS'} {one}", flush=True)
    return {
        "seeds": list(seeds),
        "trials_per_seed": count,
        "versions": {
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "refinterp": version("refinterp"),
        },
        "sources": hash_of_folders("debug", "kernels", "numerics", "run"),
        "models": {
            one.name: {
                "samples": one.samples.origin,
                "healthy_causes": sorted(map(list, one.baseline)),
            }
            for one in subjects
        },
        "trials": [{**vars(one), "found": one.found} for one in done],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--trials", type=int, default=TRIALS, help="of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    if not options.page:
        result = run(options.seeds, options.trials)
        missed = sum(not one["found"] for one in result["trials"])
        print(f"missed {missed} of {len(result['trials'])}")
        if not options.dry:
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if not options.dry:
        from conformance.faults.page import page
        from conformance.faults.planted import RESULTS as INTEGER_RESULTS

        PAGE.write_text(page(json.loads(INTEGER_RESULTS.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
