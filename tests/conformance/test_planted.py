"""Planted faults are found, and the published table says what the committed result says."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from conformance.faults.editable import EditableModel
from conformance.faults.hybrid_injections import HYBRID_CAUSES
from conformance.faults.injection import FaultKind
from conformance.faults.kinds import FAULTS, REMARK
from conformance.faults.page import page
from conformance.faults.planted import PAGE, RESULTS
from conformance.faults.subjects import HealthyPair, own_causes, own_subjects
from conformance.faults.trial import attempt, changes_output
from refinterp.debug.compare import debug
from refinterp.debug.faults.fault import REMEDIES


@cache
def healthy() -> tuple[HealthyPair, ...]:
    """The project's own pairs."""
    return tuple(own_subjects())


def test_healthy_models_have_no_cause():
    """Nothing is named before anything is planted."""
    assert len(healthy()) == 4
    for subject in healthy():
        assert subject.baseline == frozenset(), subject.name


@pytest.mark.parametrize("twin", [True, False])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.id} {fault.kind}".strip())
def test_a_planted_fault_is_found(fault: FaultKind, twin: bool):
    """Ranked first, named, and nothing else is named, on a model of the project's own."""
    rng = np.random.default_rng(17)
    for subject in healthy() * 4:
        injection = fault.inject(subject, rng)
        if injection is not None and changes_output(subject, injection):
            break
    else:
        raise AssertionError("the fault fits no model")
    trial = attempt(fault, subject, injection, twin=twin or injection.needs_twin, labels=not twin)
    assert trial.found, trial


@pytest.mark.parametrize("factor", [255.0, 1 / 255])
@pytest.mark.parametrize("twin", [True, False])
def test_an_input_of_another_scale_is_its_own_cause(factor: float, twin: bool):
    """What does not fit at the first layer follows from the input whose grid is wrong."""
    for subject in healthy():
        edited = EditableModel(subject.model)
        x = subject.model.subgraphs[0].inputs[0]
        edited.set_grid(x, scale=edited.scale(x) * factor)
        report = debug(edited.build(), subject.samples, subject.twin if twin else None)
        own = {id_ for _, id_ in own_causes(report)}
        assert own <= {"input_scaling", "range_too_wide", "range_clipped"}, subject.name
        assert report.layers[0].operator in edited.readers(x), subject.name


def test_every_cause_is_planted():
    """There is a way to plant each cause that has a remedy."""
    assert {fault.id for fault in FAULTS} - {REMARK} == set(REMEDIES) - HYBRID_CAUSES


def test_the_page_is_the_result():
    """The committed page is what the committed result gives, and 97 % and more were found."""
    result = json.loads(RESULTS.read_text("utf-8"))
    assert PAGE.read_text("utf-8") == page(result)
    trials = result["trials"]
    assert len(trials) >= 200
    assert sum(t["found"] for t in trials) >= 0.97 * len(trials)
    assert {(t["fault"], t["kind"]) for t in trials} == {(f.id, f.kind) for f in FAULTS}
    assert 0.4 * len(trials) <= sum(t["labels"] for t in trials) <= 0.6 * len(trials)
