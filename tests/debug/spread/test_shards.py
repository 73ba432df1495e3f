"""Shards: the same figures whoever measures them, and what happens when somebody stops or dies."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.compare import Comparison
from refinterp.debug.spread import pool
from refinterp.debug.spread.shards import SHARD, Shard, ShardJob, merged, samples_depend, shards
from refinterp.errors import RefinterpError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.samples.request import DataRequest
from tests.corpus import ROOT
from tests.debug.networks import SIZE, dense

DATA = ROOT / "refinterp" / "data"
MODEL, TWIN = str(DATA / "digits_int8.tflite"), str(DATA / "digits_float.tflite")
WORDS = ["debug", MODEL, "--float", TWIN, "--data", str(DATA / "digits_samples.npz"), "--json"]
LIMIT = ["--limit", str(2 * SHARD + 3)]


def printed(capsys, *words: str) -> str:
    assert main([*WORDS, *words]) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def job() -> ShardJob:
    return ShardJob(MODEL, DataRequest(str(DATA / "digits_samples.npz")), TWIN)


def test_any_number_of_workers_prints_the_same_bytes(capsys):
    """1, 2 and 3 processes give one document, bit for bit, also with a last shard that is short."""
    alone = printed(capsys, *LIMIT)
    assert json.loads(alone)["samples"] == 2 * SHARD + 3
    assert not json.loads(alone)["interrupted"]
    for workers in ("2", "3"):
        assert printed(capsys, *LIMIT, "--workers", workers) == alone


def test_order_of_shards_is_no_matter(job):
    """Merging shards measured backwards, cut elsewhere, gives the report of one run."""
    opened = comparison, samples = job.open()
    whole = comparison.report(comparison.measure(samples, stop=20))
    cuts = [Shard(13, 20), Shard(5, 13), Shard(0, 5)]
    parts = {shard: job.measure(opened, shard) for shard in cuts}
    again = comparison.report(merged(opened, parts))
    assert [(x.local, x.accumulated) for x in again.layers] == [
        (x.local, x.accumulated) for x in whole.layers
    ]
    assert again.notes == whole.notes
    assert again.outputs == whole.outputs


@pytest.mark.parametrize("total", [0, 1, SHARD - 1, SHARD, SHARD + 1, 5 * SHARD])
def test_shards_cover_the_samples_once(total):
    """Every sample is in one shard, in order; all but the last are of the fixed size."""
    cut = shards(Comparison(dense(quantized=True)), total)
    assert [i for s in cut for i in range(s.start, s.stop)] == list(range(total))
    assert {s.stop - s.start for s in cut[:-1]} <= {SHARD}


def stateful():
    """A model whose output depends on the samples before."""
    g = GraphBuilder()
    x = g.input("x", (1, SIZE), "int8", scale=0.05)
    w = g.constant("w", np.ones((SIZE, SIZE), np.int8), scale=0.01)
    t = g.constant("t", np.ones((SIZE, 2), np.int16), scale=0.01)
    b = g.constant("b", np.zeros(SIZE, np.int32), scale=0.0005)
    state = g.variable("state", (1, SIZE * 2), "int16", scale=0.01)
    y = g.tensor("y", (1, SIZE), "int8", scale=0.05)
    options = {"rank": 1, "fused_activation_function": "RELU"}
    g.operator("SVDF", [x, w, t, b, state], [y], options)
    return g.build(outputs=[y])


def test_a_model_that_remembers_is_one_shard():
    """Samples that depend on those before stay together, or the figures would be others."""
    comparison = Comparison(stateful())
    assert samples_depend(comparison)
    assert shards(comparison, 3 * SHARD) == (Shard(0, 3 * SHARD),)
    assert not samples_depend(Comparison(dense(quantized=True)))


def test_errors_in_a_worker_come_through(job, tmp_path):
    """What a worker cannot open is told as it is told without workers."""
    missing = ShardJob(MODEL, DataRequest(str(tmp_path / "none.npy")))
    with pytest.raises(UsageError, match=r"none\.npy: no such file"):
        pool.measure_in_processes(missing, [Shard(0, 1)], 1)


def _kill_while_measuring(job, work):
    """Kill the worker at its first word; its shard is the one the error has to name."""

    def kill(done: int) -> None:
        for child in pool.multiprocessing.active_children():
            os.kill(child.pid, signal.SIGKILL)

    return pool.measure_in_processes(job, work, 1, progress=kill)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_dead_worker_is_named_with_its_shard(job):
    """A process that is killed ends the measurement with an error that says where it was."""
    with pytest.raises(RefinterpError, match=r"SIGKILL.*samples 5\.\.19 of .*digits_samples"):
        _kill_while_measuring(job, [Shard(5, 20)])
    assert not pool.multiprocessing.active_children()


def test_stopping_keeps_what_is_measured(job):
    """After a wish to stop no sample is begun, and the sums so far come back."""
    opened = comparison, samples = job.open()
    seen = []
    measured = comparison.measure(
        samples, stop=20, progress=seen.append, stopping=lambda: len(seen) >= 4, batch=2
    )
    assert measured.samples == 4
    assert comparison.report(measured).outputs == (
        comparison.report(comparison.measure(samples, stop=4)).outputs
    )
    assert pool.measure_in_processes(job, [Shard(0, 4)], 1, stopping=lambda: True).keys() <= {
        Shard(0, 4)
    }
    nothing = comparison.report(merged(opened, {}))
    assert nothing.samples == 0
    assert np.isnan(nothing.outputs[0].accumulated.sqnr_db)  # no error is not known to be there


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A model and far more samples than can be measured while a test waits."""
    folder = tmp_path_factory.mktemp("endless")
    save_model(dense(quantized=True), folder / "m.tflite")
    np.lib.format.open_memmap(
        folder / "d.npy", mode="w+", dtype=np.int8, shape=(1_000_000, 1, SIZE)
    ).flush()
    return ["debug", str(folder / "m.tflite"), "--data", str(folder / "d.npy")]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
@pytest.mark.parametrize("more", [["--workers", "1"], ["--workers", "2"]])
def test_interrupt_leaves_a_valid_report(endless, more, tmp_path):
    """SIGINT ends with 130 and a document, a page and a table of the samples until then."""
    page, rows = tmp_path / "p.html", tmp_path / "r.csv"
    files = ["--html", str(page), "--csv", str(rows)]
    command = [sys.executable, "-m", "refinterp.cli.main", *endless, "--json", *files, *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        time.sleep(8 * int(more[1]))  # each worker opens everything itself
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err.decode()
    document = json.loads(out)
    schema = json.loads((ROOT / "schema" / "debug.schema.json").read_text("utf-8"))
    jsonschema.validate(document, schema)
    assert document["interrupted"]
    assert 0 < document["samples"] < document["samples_asked"] == 1_000_000
    assert f"interrupted: {document['samples']} of 1000000 sample(s)" in err.decode()
    assert document["layers"][0]["local"]["mean_squared_error"] is not None
    assert b"Traceback" not in err
    said = f"Interrupted: {document['samples']:,} of 1,000,000 samples"
    assert said in page.read_text("utf-8")
    with rows.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [int(row["num_elements"]) for row in table] == [SIZE] * len(document["layers"])


def test_a_model_from_standard_input_has_no_workers(capsys):
    """What only one process can read is refused with what to do instead."""
    save = sys.stdin
    try:
        sys.stdin = open(MODEL, encoding="latin-1")  # noqa: SIM115
        assert main(["debug", "-", "--data", WORDS[5], "--workers", "2"]) == 2
    finally:
        sys.stdin.close()
        sys.stdin = save
    assert "give its path, not -" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_prints_the_same_bytes(capsys, job):
    """Dask's local cluster of two processes gives the document of one process."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        address = cluster.scheduler_address
        there = printed(capsys, *LIMIT, "--scheduler", address)
        from refinterp.debug.spread.cluster import measure_on_cluster

        with pytest.raises(UsageError, match="no such file"):
            measure_on_cluster(address, ShardJob(MODEL, DataRequest("none.npy")), [Shard(0, 1)])
    assert there == printed(capsys, *LIMIT)


@pytest.mark.filterwarnings("ignore")
def test_no_scheduler_at_the_address(capsys, monkeypatch):
    """An address nobody answers at is a mistake in usage, told with the address."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr("refinterp.debug.spread.cluster._CONNECT", "1s")
    assert main([*WORDS, *LIMIT, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "tcp://127.0.0.1:9: no Dask scheduler answers" in capsys.readouterr().err


def test_bundled_model_is_what_the_job_opens(job):
    """A job opens the files it names, and no other."""
    comparison, samples = job.open()
    assert comparison.setup.reference == "float model"
    assert comparison.setup.quantized.model.source == read_model(MODEL).source
    assert samples.count > 2 * SHARD
