"""Many samples: side by side, in turns, in processes, always with the results of one by one."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.run.account import prepared_bytes
from refinterp.run.batches import (
    BATCH_BYTES,
    batch_size,
    in_sequence,
    run_samples,
    same_in_batches,
)
from refinterp.run.executor import Executor
from refinterp.run.memory import plan_of
from refinterp.run.pool import Work, run_in_processes
from refinterp.run.prepare import prepare
from refinterp.samples.request import DataRequest
from refinterp.samples.source import open_samples, random_samples
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
DIGITS = prepare(read_model(DATA / "digits_int8.tflite"))


def one_by_one(program, samples):
    """Outputs (samples) by running an executor of one sample, and every tensor written."""
    executor = Executor(program)
    outputs, tensors = [], []

    def keep(moment, step, inputs, outputs):
        if moment == "after":
            tensors[-1].update({i: a[0].copy() for i, a in zip(step.outputs, outputs, strict=True)})

    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = values
        tensors.append({})
        executor.invoke([keep])
        outputs.append([executor.read(i)[0].copy() for i in program.graph.outputs])
    return outputs, tensors


@pytest.mark.parametrize("batch", [1, 3, 7, 100, None])
def test_batches_change_nothing(batch):
    """Outputs and kept tensors are those of samples that run alone, the last batch being short."""
    samples = random_samples([DIGITS.specs[i] for i in DIGITS.graph.inputs], 10, 1)
    done = []
    results = run_samples(DIGITS, samples, batch=batch, keep=True, progress=done.append)
    outputs, tensors = one_by_one(DIGITS, samples)
    np.testing.assert_array_equal(results.outputs, outputs)
    assert done[-1] == 10
    assert len(results.tensors) == len(tensors[0]) > 10
    for tensor, arrays in results.tensors.items():
        np.testing.assert_array_equal(arrays, [kept[tensor] for kept in tensors])
    assert results.kept_bytes == 10 * sum(array.nbytes for array in tensors[0].values())


def test_part_of_the_samples():
    """Samples are chosen by their own numbers."""
    samples = random_samples([DIGITS.specs[i] for i in DIGITS.graph.inputs], 9, 2)
    whole = run_samples(DIGITS, samples)
    part = run_samples(DIGITS, samples, start=4, stop=7)
    np.testing.assert_array_equal(part.outputs, whole.outputs[4:7])
    assert run_samples(DIGITS, samples, start=9).outputs == []


def test_batch_fits_its_bytes():
    """As many samples as fit, divided evenly, and one however large it is."""
    each = plan_of(DIGITS).extent
    assert batch_size(DIGITS, 1) == 1
    assert batch_size(DIGITS, 100, 10 * each) == 10
    assert batch_size(DIGITS, 21, 10 * each) == 7
    assert batch_size(DIGITS, 100, 1) == 1
    assert batch_size(DIGITS, 1 << 20) * each <= BATCH_BYTES
    assert Executor(DIGITS, samples=3).memory.arena.nbytes == 3 * each


def test_floats_run_one_at_a_time():
    """A float model's sums may depend on the batch, so there is none."""
    program = prepare(read_model(DATA / "digits_float.tflite"))
    assert not same_in_batches(program)
    assert same_in_batches(DIGITS)
    samples = random_samples([program.specs[i] for i in program.graph.inputs], 4, 3)
    results = run_samples(program, samples)
    outputs, _ = one_by_one(program, samples)
    np.testing.assert_array_equal(results.outputs, outputs)


def remembering():
    """An SVDF: its state is a variable, changed by each sample."""
    g = GraphBuilder()
    rng = np.random.default_rng(0)
    x = g.input("x", (1, 3), "int8", scale=0.1)
    w = g.constant("w", rng.integers(-127, 128, (4, 3)), "int8", scale=0.02)
    t = g.constant("t", rng.integers(-99, 99, (4, 2)), "int16", scale=0.001)
    b = g.constant("b", np.zeros(4, np.int32), "int32", scale=0.1 * 0.001)
    state = g.variable("state", (1, 8), "int16", scale=0.1)
    y = g.tensor("y", (1, 4), "int8", scale=0.05)
    g.operator("SVDF", [x, w, t, b, state], [y], {"rank": 1})
    return g.build(outputs=[y])


def test_samples_that_depend_on_each_other_stay_in_order():
    """State is carried from sample to sample whatever the batch."""
    program = prepare(remembering())
    assert in_sequence(program)
    assert not in_sequence(DIGITS)
    samples = random_samples([program.specs[i] for i in program.graph.inputs], 12, 4)
    outputs, _ = one_by_one(program, samples)
    for batch in (1, 5, None):
        np.testing.assert_array_equal(run_samples(program, samples, batch=batch).outputs, outputs)
    assert len({output.tobytes() for (output,) in outputs}) > 6


def test_processes_change_nothing(tmp_path):
    """Divided among processes, samples come back in order, notes and kept tensors with them."""
    path = str(DATA / "digits_int8.tflite")
    data = str(DATA / "digits_samples.npz")
    samples = open_samples(data, [DIGITS.specs[i] for i in DIGITS.graph.inputs])
    here = run_samples(DIGITS, samples, stop=11, keep=True)
    done = []
    work = Work(path, DataRequest(data), "litert-reference", keep=True)
    there = run_in_processes(work, 11, 3, done.append)
    assert done[-1] == 11
    np.testing.assert_array_equal(there.outputs, here.outputs)
    assert there.notes == here.notes != {}
    for tensor, arrays in here.tensors.items():
        np.testing.assert_array_equal(there.tensors[tensor], arrays)


def test_prepared_bytes_counts_shared_memory_once(tmp_path):
    """Arrays of kernels count by the memory they hold on to; the file's own constants do not."""
    g = GraphBuilder()
    x = g.input("x", (1, 64), "int8", scale=0.1)
    w = g.constant("w", np.ones((32, 64), np.int8), "int8", scale=0.02)
    y = g.tensor("y", (1, 32), "int8", scale=0.05)
    g.operator("FULLY_CONNECTED", [x, w], [y])
    save_model(g.build(outputs=[y]), tmp_path / "m.tflite")
    once = prepared_bytes(prepare(read_model(tmp_path / "m.tflite")))
    assert 32 * 64 * 4 <= once < 32 * 64 * 4 + (1 << 20)
    h = GraphBuilder()
    z = h.input("z", (2, 3), "float32")
    s = h.constant("s", np.array([6], np.int32))
    h.operator("RESHAPE", [z, s], [h.tensor("r", (6,), "float32")])
    assert prepared_bytes(prepare(h.build(outputs=[2]))) == 0
