"""The ledger against TFLM's own log, on eight builds: structures that ship, and the corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from refinterp.errors import UnsupportedError
from refinterp.modelfile.reader import read_model
from refinterp.tflm.footprint import operators, tables
from refinterp.tflm.ledger import measure, measure_apart, measure_shared
from refinterp.tflm.ledger_data import Ledger
from refinterp.tflm.targets import MEASURED, profile
from tests.corpus import corpus
from tests.tflm.skeleton import model_of

FACTS = json.loads((Path(__file__).parent / "measured.json").read_text("utf-8"))["models"]
OTHER = json.loads((Path(__file__).parent / "other_arenas.json").read_text("utf-8"))
BUILDS = {build: pair for pair, build in MEASURED.items()}
CASES = [(name, build) for name, facts in FACTS.items() for build in facts["builds"]]
CATEGORIES = {
    "TfLiteEvalTensor data": "kTfLiteEvalTensorData",
    "Persistent TfLiteTensor data": "kPersistentTfLiteTensorData",
    "Persistent TfLiteTensor quantization data": "kPersistentTfLiteTensorQuantizationData",
    "Persistent buffer data": "kPersistentBufferData",
    "TfLiteTensor variable buffer data": "kTfLiteTensorVariableBufferData",
    "NodeAndRegistration struct": "kNodeAndRegistrationArray",
    "Operator runtime data": "kOpData",
}


def tail_of(ledger: Ledger) -> list[tuple[int, int]]:
    """(requested, used) of everything that stays, in order."""
    return [(e.requested_bytes, e.bytes) for e in ledger.entries if e.section == "tail"]


@pytest.mark.parametrize(("name", "build"), CASES)
def test_shipped_structures_agree_to_the_byte(name: str, build: str) -> None:
    """Totals, plan, scratch, categories, every allocation and the smallest arena, on all builds."""
    facts = FACTS[name]["builds"][build]
    ledger = measure(model_of(FACTS[name]["structure"]), profile(*BUILDS[build]))
    assert tail_of(ledger) == list(zip(facts["tail"][::2], facts["tail"][1::2], strict=True))
    assert [b.offset for b in ledger.plan.buffers] == facts["offsets"]
    assert [b.size for b in ledger.plan.buffers] == facts["sizes"]
    scratch = [b.requested_bytes for b in ledger.plan.buffers if b.kind == "scratch"]
    assert scratch == facts["scratch"]
    assert (ledger.arena_used_bytes, ledger.head_bytes) == (facts["used"], facts["head"])
    assert ledger.minimum_arena_bytes == facts["minimum"]
    recording = ledger.recording
    totals = [recording.total_bytes, recording.head_bytes, recording.tail_bytes]
    assert totals == facts["recorded"]
    counted = [[c.requested_bytes, c.used_bytes, c.count] for c in recording.allocations]
    assert counted == facts["categories"]


@pytest.mark.parametrize("name", OTHER["alone"])
def test_two_arenas_and_the_linear_planner_agree_to_the_byte(name: str) -> None:
    """What TFLM uses and the least it runs in, with memory apart and with its linear planner."""
    facts, where = OTHER["alone"][name], profile("x86-64")
    model = model_of(FACTS[name]["structure"])
    apart = measure_apart(model, where)
    assert apart.persistent_bytes + apart.non_persistent_bytes == facts["two_used"]
    assert apart.persistent_minimum_bytes == facts["persistent_minimum"]
    assert apart.non_persistent_minimum_bytes == facts["other_minimum"]
    linear = measure(model, where, "linear")
    assert linear.arena_used_bytes == facts["linear_used"]
    assert linear.minimum_arena_bytes == facts["linear_minimum"]


@pytest.mark.parametrize("facts", OTHER["shared"], ids=lambda facts: "+".join(facts["models"]))
def test_several_models_in_one_arena_agree_to_the_byte(facts: dict[str, Any]) -> None:
    """Two to five models set up with one MicroAllocator, in this order."""
    models = [model_of(FACTS[name]["structure"]) for name in facts["models"]]
    shared = measure_shared(models, profile("x86-64"))
    assert (shared.arena_used_bytes, shared.minimum_arena_bytes) == (
        facts["used"], facts["minimum"],
    )  # fmt: skip


def differences(ledger: Ledger, facts: dict[str, Any]) -> list[str]:
    """What of a measured entry the ledger does not say to the byte."""
    wrong = []

    def same(what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            wrong.append(what)

    same("used", ledger.arena_used_bytes, facts["arena_used"])
    same("head", ledger.head_bytes, facts["head_reserved"])
    same("tail", ledger.tail_bytes, facts["tail_plain"])
    same("minimum", ledger.minimum_arena_bytes, facts["min_arena_mult16"])
    requests = [(r["size"], r["used"]) for r in facts["persistent_requests"]]
    same("allocations", tail_of(ledger), requests)
    same(
        "plan",
        [(b.offset, b.size, b.first_use, b.last_use) for b in ledger.plan.buffers],
        [(b["offset"], b["size"], b["first_use"], b["last_use"]) for b in facts["plan"]],
    )
    recording = ledger.recording
    totals = (recording.total_bytes, recording.head_bytes, recording.tail_bytes)
    same("recording", totals, (facts["total"], facts["head"], facts["tail"]))
    for category in recording.allocations:
        theirs = facts["breakdown"][CATEGORIES[category.category]]
        ours = (category.requested_bytes, category.used_bytes, category.count)
        same(category.category, ours, (theirs["requested"], theirs["used"], theirs["count"]))
    return wrong


def corpus_model(name: str) -> Path:
    """Where a measured model lies."""
    folder = corpus()
    return folder / "models" / name if "/" not in name else folder / name


@pytest.mark.parametrize("build", BUILDS)
def test_every_measured_model_agrees_to_the_byte(build: str) -> None:
    """0 bytes off on everything that was measured without error."""
    figures = json.loads((corpus() / "tflm_arena.json").read_text("utf-8"))[build]
    wrong = {}
    for name, facts in figures.items():
        if "error" not in facts and (path := corpus_model(name)).exists():
            found = differences(measure(read_model(path), profile(*BUILDS[build])), facts)
            if found:
                wrong[name] = found
    assert not wrong


@pytest.mark.parametrize("build", BUILDS)
def test_models_that_tflm_refuses_are_refused(build: str) -> None:
    """What TFLM refuses or fails on is refused with the operator's name, if it said why."""
    figures = json.loads((corpus() / "tflm_arena.json").read_text("utf-8"))[build]
    for name, facts in figures.items():
        if facts.get("error", "crash") == "crash" or not (path := corpus_model(name)).exists():
            continue
        with pytest.raises(UnsupportedError, match=r"operators\[\d+\]"):
            measure(read_model(path), profile(*BUILDS[build]))


def test_measured_marks_are_those_of_measured_models() -> None:
    """An operator counts as measured if, and only if, a measured model holds it."""
    figures = json.loads((corpus() / "tflm_arena.json").read_text("utf-8"))["x86_64_ref"]
    held = set()
    for name, facts in figures.items():
        if "error" not in facts and (path := corpus_model(name)).exists():
            held |= {o.name for g in read_model(path).subgraphs for o in g.operators}
    assert {name for name in operators() if tables("reference")[name].measured} == held
