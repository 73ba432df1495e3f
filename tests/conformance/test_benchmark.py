"""The benchmark suite: what it writes, what its check finds, and its curves."""

from __future__ import annotations

import hashlib
import json
import os
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from conformance.speed import benchmark
from conformance.speed import page as benchmark_page
from conformance.speed.curves import WorkCurve, drawing
from conformance.speed.floor import BareCalls
from conformance.speed.opening import measure_opening
from conformance.speed.scaling import chain, convolution, curves, heavy, problem, threads_rows
from refinterp.bench.job import Failed, Job, Timed, Timings
from refinterp.graph.macs import macs
from refinterp.interpreter import Interpreter
from refinterp.runtimes import unavailable
from tests.corpus import ROOT

MODEL = ROOT / "refinterp" / "data" / "digits_int8.tflite"
OTHER = "runtime:litert-reference"


def pretend(ours: float, theirs: float):
    """A `measure` that finds these seconds whatever the job."""

    def measure(job: Job) -> Timings:
        subjects = (
            Timed(job.subjects[0], "1", (ours,) * 3, 1, 1),
            *(Timed(name, "1", (theirs,) * 3, 1, 1) for name in job.subjects[1:]),
        )
        return Timings(job, subjects, (), 1000)

    return measure


def opened(ours: float):
    """A `measure_opening` that finds these seconds to a first result whatever the model."""

    def measure_opening(path, opens=12, clock="wall"):
        return {
            "model": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:16],
            "status": "ran",
            "seconds": ours,
            "reference": 0.002,
            "ratio": ours / 0.002,
            "third": 0.0011,
            "steady": 0.001,
            "opens": opens,
        }

    return measure_opening


@pytest.fixture
def suite(monkeypatch):
    """The suite with one bundled model, and LiteRT installed."""
    monkeypatch.setattr(benchmark, "find", lambda paths: [MODEL])
    monkeypatch.setattr(benchmark, "unavailable", lambda name: None)
    monkeypatch.setattr(benchmark, "measure", pretend(3.0, 2.0))
    monkeypatch.setattr(benchmark, "measure_opening", opened(0.006))
    return benchmark


def test_check_fails_on_more_than_twice_the_committed_ratio(suite, monkeypatch):
    """Up to twice is fine, beyond it is named; so is having nothing to compare."""
    rows = suite.run_suite([MODEL], 0.1)
    assert {row["batch"] for row in rows} == {1, 256}
    assert {row["ratio"] for row in rows if row["subject"] == OTHER} == {1.5}
    committed = {"rows": rows}
    monkeypatch.setattr(suite, "measure", pretend(5.9, 2.0))
    assert suite.check(committed, 0.1) == []
    monkeypatch.setattr(suite, "measure", pretend(6.1, 2.0))
    slower = suite.check(committed, 0.1)
    assert len(slower) == 4
    assert all("digits_int8" in line and "committed 1.5" in line for line in slower)
    assert len(suite.check({"rows": []}, 0.1)) == 1


def test_a_check_fails_when_it_does_so_twice(suite, tmp_path, monkeypatch):
    """A disturbance that is gone when it is measured again, longer, is no failure."""
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "benchmark.json")
    suite.RESULTS.write_text(json.dumps({"rows": suite.run_suite([MODEL], 0.1)}))
    seen = []

    def disturbed(job: Job) -> Timings:
        seen.append(job.seconds)
        return pretend(9.0 if job.seconds < 0.3 else 3.0, 2.0)(job)

    monkeypatch.setattr(suite, "measure", disturbed)
    assert suite.main(["--check", "--seconds", "0.1"]) == 0
    assert sorted(set(seen)) == [0.1, 0.4]
    monkeypatch.setattr(suite, "measure", pretend(9.0, 2.0))
    assert suite.main(["--check", "--seconds", "0.1"]) == 1


def test_opening_is_measured_alone_and_checked(suite, tmp_path, monkeypatch):
    """It takes the place of the old figures beside the others, and up to twice them is fine."""
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "benchmark.json")
    monkeypatch.setattr(suite, "write_page", lambda: None)
    assert suite.main([str(MODEL)]) == 0
    before = json.loads(suite.RESULTS.read_text())
    monkeypatch.setattr(suite, "measure_opening", opened(0.004))
    assert suite.main([str(MODEL), "--opening"]) == 0
    after = json.loads(suite.RESULTS.read_text())
    assert [row["ratio"] for row in after["opening"]["rows"]] == [2.0]
    assert {**before, "opening": None} == {**after, "opening": None}
    monkeypatch.setattr(suite, "measure_opening", opened(0.0079))
    assert suite.check_opening(after) == []
    monkeypatch.setattr(suite, "measure_opening", opened(0.0081))
    assert len(suite.check_opening(after)) == 1
    assert suite.main(["--check", "--seconds", "0.1"]) == 1
    assert suite.check_opening({}) == []


def test_a_model_is_opened_beside_litert():
    """A real measurement: both times, in a process of its own."""
    if reason := unavailable(OTHER):
        pytest.skip(reason)
    row = measure_opening(MODEL, opens=1)
    assert row["status"] == "ran"
    assert 0 < row["reference"] < row["seconds"] < 60
    assert 0 < row["floor"] < row["seconds"]
    assert row["ratio"] == pytest.approx(row["seconds"] / row["reference"], rel=1e-3)


def test_bare_calls_are_those_of_a_run():
    """What they leave in the output is what the model computes of the same input, zeros."""
    calls = BareCalls.of(str(MODEL))
    assert calls is not None
    calls()
    interpreter = Interpreter(str(MODEL))
    interpreter.allocate_tensors()
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    np.testing.assert_array_equal(calls.outputs[0][0], interpreter.get_tensor(output["index"]))


def test_a_model_that_cannot_be_opened_is_a_row(tmp_path):
    """It says why."""
    path = tmp_path / "none.tflite"
    path.write_bytes(b"no model")
    row = measure_opening(path, opens=1)
    assert row["status"] == "refused"
    assert "ModelError" in row["reason"]


def test_failures_are_rows(suite):
    """A subject that died is a row with its reason, and no ratio."""
    job = Job(MODEL.read_bytes(), ("litert-reference", OTHER))
    timed = Timed("litert-reference", "1", (1.0,), 1, 1)
    found = Timings(job, (timed, Failed(OTHER, "died", "signal 6")), (), 5)
    rows = list(suite.rows_of(found, "m"))
    assert [row["status"] for row in rows] == ["ran", "died"]
    assert rows[1]["reason"] == "signal 6"
    assert rows[0]["sha256"] == hashlib.sha256(job.model).hexdigest()[:16]


def test_page_shows_every_figure(suite, tmp_path, monkeypatch):
    """The page is written from the results files: times, ratios, machine, curves and drawings."""
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setattr(suite, "RESULTS", results / "benchmark.json")
    monkeypatch.setattr(benchmark_page, "RESULTS", results)
    monkeypatch.setattr(benchmark_page, "PAGE", tmp_path / "docs" / "benchmarks.md")
    assert suite.main([str(MODEL)]) == 0
    scaling = {
        "date": "2026-01-02",
        "machine": json.loads((results / "benchmark.json").read_text())["machine"],
        "sources": "0123456789abcdef",
        "curves": [
            {"name": "n", "title": "T", "x": "things", "says": "S.", "exponent": 1.0,
             "points": [[10, 0.5], [100, 5.0]]}
        ],
        "threads": [
            {"side": 8, "channels": 2, "macs": 2304, "threads": 1, "seconds": 0.5},
            {"side": 8, "channels": 2, "macs": 2304, "threads": 2, "seconds": 0.25},
        ],
    }  # fmt: skip
    (results / "scaling.json").write_text(json.dumps(scaling))
    benchmark_page.write_page()
    page = (tmp_path / "docs" / "benchmarks.md").read_text("utf-8")
    assert "| digits_int8.tflite | 0.001 | 3 s | 1.50 (1.50–1.50) |" in page
    assert "Per sample of 256" in page
    assert "| digits_int8.tflite | 6 ms | 2 ms | 3.00 | 6.0 | 1.10 |" in page
    assert "| 100 | 5 s |" in page
    assert "sources 0123456789abcdef" in page
    assert "| 8 x 8 | 2 | 0.0023 | 500 ms | 250 ms |" in page
    assert "scaling-n.svg" in page
    ET.parse(tmp_path / "docs" / "scaling-n.svg")


@pytest.mark.skipif(not benchmark.RESULTS.exists(), reason="no benchmark has been committed")
def test_committed_page_is_of_the_committed_results(tmp_path, monkeypatch):
    """The page in docs/ is what the results files give, drawings included."""
    committed = benchmark_page.PAGE
    monkeypatch.setattr(benchmark_page, "PAGE", tmp_path / committed.name)
    benchmark_page.write_page()
    for path in tmp_path.iterdir():
        assert path.read_text("utf-8") == (committed.parent / path.name).read_text("utf-8")


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_exponent_is_the_slope(power):
    """A power law's exponent is found, whatever happens at the small end."""
    xs = [1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0]
    points = tuple((x, 1e-3 * x**power + (1.0 if x < 50 else 0.0)) for x in xs)
    curve = WorkCurve("c", "C & D", "x", points)
    assert curve.exponent == pytest.approx(power, abs=1e-9)
    root = ET.fromstring(drawing(curve))
    assert len([node for node in root.iter() if node.tag.endswith("circle")]) == len(xs)


def test_threads_are_measured_one_by_one():
    """Each size has a row for each number of threads there can be."""
    rows = threads_rows([(4, 2)])
    assert [row["threads"] for row in rows] == list(range(1, (os.cpu_count() or 1) + 1))
    assert all(row["seconds"] > 0 and row["macs"] == 4 * 4 * 2 * 2 * 9 for row in rows)


def test_curves_measure_what_they_say(tmp_path):
    """Work is counted from the models that are run, and every point takes some time."""
    found = {curve.name: curve for curve in curves(tmp_path, quick=True)}
    assert set(found) == {"macs", "samples", "tables", "weights", "plan"}
    for curve in found.values():
        assert len(curve.points) == 3
        assert all(seconds > 0 for _, seconds in curve.points)
    shapes = [tensor.shape for tensor in convolution(8).subgraphs[0].tensors]
    assert found["macs"].points[1][0] == macs("CONV_2D", shapes[:3], shapes[3:])
    assert len(chain(30).subgraphs[0].operators) == 30
    assert max(b.data.size for b in heavy(100_000).buffers if b.data is not None) == 100_000
    assert len(problem(50).buffers) == 50
