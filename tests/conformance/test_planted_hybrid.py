"""Planted faults of dynamic-range models are found, and the page says what the result says."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from conformance.faults.hybrid_injections import HYBRID_FAULTS, HybridFaultKind
from conformance.faults.hybrid_page import RESULTS, written
from conformance.faults.planted import PAGE
from conformance.faults.planted_hybrid import attempt, hybrid_subjects
from conformance.faults.subjects import HealthyPair
from conformance.models.dynamic_range import EXAMPLE, example


@cache
def healthy() -> tuple[HealthyPair, ...]:
    return tuple(hybrid_subjects(corpus=False))


def test_healthy_models_have_no_cause():
    """By channel and with one scale, with the float model and without: nothing is named."""
    assert [one.baseline for one in healthy()] == [frozenset()] * 4


@pytest.mark.parametrize("twin", [True, False])
@pytest.mark.parametrize("fault", HYBRID_FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: HybridFaultKind, twin: bool):
    """Ranked first, named, and nothing else is named, in three plants of each."""
    rng = np.random.default_rng(29)
    done = 0
    while done < 3:
        subject = healthy()[int(rng.integers(4))]
        injection = fault.inject(subject, rng)
        if injection is not None:
            with_twin = twin or injection.needs_twin
            trial = attempt(
                fault, subject, injection, seed=29, twin=with_twin, labels=bool(done % 2)
            )
            assert trial.found, trial
            done += 1


def test_the_page_says_what_the_result_says():
    """Nine in ten and more are found of each kind, several seeds, labels in half of the trials."""
    result = json.loads(RESULTS.read_text("utf-8"))
    trials = result["trials"]
    assert len(set(result["seeds"])) >= 3
    for fault in HYBRID_FAULTS:
        own = [one["found"] for one in trials if one["fault"] == fault.name]
        assert len(own) >= 20
        assert sum(own) >= 0.9 * len(own)
    assert written(result) in PAGE.read_text("utf-8")


def test_the_example_is_what_its_script_makes():
    """The model that the pages show is the float model's, quantized by the converter's rule."""
    assert EXAMPLE.read_bytes() == example()
