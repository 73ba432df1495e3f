"""Measuring in turns, in a process that may die."""

from __future__ import annotations

import importlib.util
import time

import numpy as np
import pytest

from refinterp.bench import process
from refinterp.bench.job import Failed, Job, Timed, Timings
from refinterp.bench.memory import measure_memory
from refinterp.bench.spread import Spread
from refinterp.bench.timing import take_turns
from refinterp.errors import RefinterpError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model
from tests.corpus import ROOT

DIGITS = (ROOT / "refinterp" / "data" / "digits_int8.tflite").read_bytes()
QUICK = {"seconds": 0.02, "rounds": 3}


def test_spread_is_numpys_percentiles():
    """Quartiles are those of linear interpolation; one value is all of them."""
    values = np.random.default_rng(0).random(12).tolist()
    found = Spread.of(values)
    wanted = np.percentile(values, [0, 25, 50, 75, 100])
    np.testing.assert_allclose(
        [found.least, found.low, found.median, found.high, found.most], wanted, rtol=1e-12
    )
    assert Spread.of([2.0]) == Spread(1, 2.0, 2.0, 2.0, 2.0, 2.0)


def test_turns_and_operators():
    """Every subject takes as many turns; operators' shares add up, their MACs are the shapes'."""
    found = process.measure(
        Job(DIGITS, ("litert-reference", "tflm"), batch=8, per_operator=True, **QUICK)
    )
    ours, other = found.subjects
    assert isinstance(ours, Timed)
    assert isinstance(other, Timed)
    assert len(ours.seconds) == len(other.seconds) >= 3
    assert ours.side_by_side == 8
    assert min(ours.seconds) > 0
    pairs = [a / b for a, b in zip(ours.seconds, other.seconds, strict=True)]
    assert found.ratios["tflm"] == Spread.of(pairs)
    assert sum(operator.share for operator in found.operators) == pytest.approx(1)
    assert sum(operator.macs for operator in found.operators) == found.macs > 0
    by_name = {operator.op_name: operator for operator in found.operators}
    assert by_name["CONV_2D"].macs_per_second == pytest.approx(
        by_name["CONV_2D"].macs / by_name["CONV_2D"].seconds
    )
    assert by_name["SOFTMAX"].macs_per_second is None


def test_processor_time_leaves_waiting_out():
    """A subject that sleeps takes wall time, and next to no processor time."""

    class Sleeper:
        name, side_by_side = "sleeper", 2

        @staticmethod
        def invoke():
            time.sleep(0.004)

    spent = {}
    for clock in ("wall", "processor"):
        job = Job(b"", ("sleeper",), seconds=0.0, rounds=3, repeats=3, clock=clock)
        (_, spent[clock]) = take_turns(job, [Sleeper], lambda name: None)["sleeper"]
    assert min(spent["wall"]) >= 0.002
    assert sorted(spent["processor"])[1] < 0.001


def test_refusal_is_a_result():
    """A model that a subject refuses is reported with its reason, and the others are measured."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "float32")
    y = g.tensor("y", (1, 4), "float32")
    g.operator("no_such_operator", [x], [y], custom_options=b"")
    found = process.measure(Job(write_model(g.build(outputs=[y])), ("tflm",), **QUICK))
    (failed,) = found.subjects
    assert isinstance(failed, Failed)
    assert failed.status == "refused"
    assert "no_such_operator" in failed.reason
    assert found.ratios == {}


def test_the_one_that_dies_alone_is_to_blame(monkeypatch):
    """Damage may surface in another's turn: whoever dies alone is left out, the others measured."""

    def run(job: Job) -> tuple[Timings | None, str, str]:
        if "bad" not in job.subjects:
            timed = (Timed(n, "1", (1.0,), 1, 1) for n in job.subjects)
            return Timings(job, tuple(timed), (), 0), job.subjects[-1], ""
        return None, job.subjects[-1], "signal 11 (SIGSEGV)"

    monkeypatch.setattr(process, "_run", run)
    found = process.measure(Job(b"", ("ours", "bad", "innocent")))
    assert [type(s) for s in found.subjects] == [Timed, Failed, Timed]
    alone = process.measure(Job(b"", ("bad",)))
    assert isinstance(alone.subjects[0], Failed)
    assert alone.subjects[0].status == "died"


def test_process_that_does_not_start(monkeypatch):
    """A measuring process that ends before it names anybody is an error, not a result."""
    monkeypatch.setattr(process, "environment", lambda threads: {"PYTHONPATH": "/nowhere"})
    monkeypatch.setattr(process, "_COMMAND", ("-c", "raise SystemExit(3)"))
    with pytest.raises(RefinterpError, match="exit code 3"):
        process.measure(Job(DIGITS, ("tflm",)))


@pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="ai-edge-litert is not installed"
)
def test_installed_runtimes_take_turns():
    """LiteRT's kernels are timed in the same process; the ratio is ours to theirs."""
    found = process.measure(Job(DIGITS, ("litert-reference", "runtime:litert-reference"), **QUICK))
    ours, theirs = found.subjects
    assert isinstance(ours, Timed)
    assert isinstance(theirs, Timed)
    assert theirs.side_by_side == 1
    assert theirs.version != ours.version
    assert set(found.ratios) == {"runtime:litert-reference"}


@pytest.mark.parametrize("name", ["digits_int8", "shapes_int8"])
@pytest.mark.parametrize("batch", [1, 256])
def test_memory_stays_below_its_bound(name, batch):
    """Peak memory of a run: model + 2 x arena x samples + prepared weights + 60 MiB, over NumPy."""
    model = (ROOT / "refinterp" / "data" / f"{name}.tflite").read_bytes()
    found = measure_memory(model, batch, "litert-reference")
    assert found.model == len(model)
    assert found.samples == batch
    assert found.arena > 0
    assert found.prepared > 0
    assert 1 << 20 < found.peak < found.bound


def test_memory_of_a_refused_model():
    """A model that cannot be run is an error with the reason."""
    with pytest.raises(RefinterpError, match="memory cannot be measured"):
        measure_memory(b"not a model", 1, "litert-reference")
