"""The same executor, run after run: kernels replay their calls, and find quicker forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from refinterp.kernels.registry import load_all
from refinterp.modelfile.reader import read_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.run.replay import Replay
from refinterp.runtimes import Ran, open_runtime, unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = [*sorted((ROOT / "refinterp" / "data").glob("*_int*.tflite")),
          *sorted((ROOT / "conformance" / "models").glob("*_int*.tflite"))]  # fmt: skip
RUNS = 5  # notes are taken at the second


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
@pytest.mark.parametrize("at_once", [True, False], ids=["float32 at once", "float32 later"])
def test_every_run_is_that_of_litert(path, at_once):
    """Whatever was noted at earlier runs on other data, outputs are the reference's."""
    name = "runtime:litert-reference"
    if reason := unavailable(name):
        pytest.skip(reason)
    program = prepare(read_model(path))
    executor = Executor(program)
    if at_once:
        executor.settle(1 << 40)
    rng = np.random.default_rng(5)
    samples = []
    for _ in range(RUNS):
        sample = []
        for tensor in program.graph.inputs:
            shape, dtype = executor.input(tensor).shape[1:], executor.input(tensor).dtype
            limits = np.iinfo(dtype)
            sample.append(rng.integers(limits.min, limits.max, shape, dtype, endpoint=True))
        samples.append(sample)
    with open_runtime(name) as runtime:
        outcome = runtime.run(path.read_bytes(), samples)
    assert isinstance(outcome, Ran)
    for sample, want in zip(samples, outcome.outputs, strict=True):
        for tensor, array in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = array
        executor.invoke()
        for tensor, array in zip(outcome.outputs_at, want, strict=True):
            np.testing.assert_array_equal(executor.read(tensor)[0], array)


class _Kernel:
    """Counts what is asked of it; its calls depend on data where `fixed` is False."""

    steady = True

    def __init__(self, fixed: bool) -> None:
        self.fixed, self.evals, self.records, self.settled = fixed, 0, 0, []

    def settle(self, outputs, runs):
        self.settled.append(runs)
        return self

    def eval(self, inputs, outputs, work):
        self.evals += 1
        outputs[0][...] = inputs[0]

    def record(self, inputs, outputs, work, do):
        self.records += 1
        if self.fixed:
            do(np.copyto, outputs[0], inputs[0])
        return self.fixed


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("fixed", [True, False])
def test_when_a_kernel_is_settled_and_notes_are_taken(fixed, same):
    """Before the first run for one, before the second for many and with notes, then seldom."""
    kernel, work = _Kernel(fixed), None
    replay = Replay(kernel, same=same)
    data, out = np.zeros(1), np.zeros(1)
    for run in range(300):
        data[0] = run
        replay([data], [out], work)
        assert out[0] == run
    assert kernel.settled == [1, 64, 256, 1024]
    noted = fixed and same
    assert kernel.records == (1 if noted else 3 if same else 0)
    assert kernel.evals == (1 if noted else 300)


def test_a_kernel_that_takes_another_form_is_noted_anew():
    """Notes of the old form are void."""
    old, new, work = _Kernel(True), _Kernel(True), None
    replay = Replay(old, same=True)
    data, out = np.zeros(1), np.zeros(1)
    for _ in range(2):
        replay([data], [out], work)
    old.settle = lambda outputs, runs: new
    replay.settle([out], 7)
    data[0] = 5
    replay([data], [out], work)
    assert (replay.kernel, out[0], new.evals) == (new, 5, 1)


def test_kernels_that_name_their_calls_say_so():
    """A kernel with `record` that did not declare it would never be noted."""
    for entry in load_all().values():
        assert entry.kernel.steady == hasattr(entry.kernel, "record"), entry.kernel


def test_executors_of_one_program_do_not_share_what_they_found():
    """A program's kernels stay as they were prepared, however often executors run them."""
    program = prepare(read_model(MODELS[0]))
    worn, fresh = Executor(program), Executor(program)
    before = [step.kernel for step in program.steps]
    worn.settle(1 << 40)
    for _ in range(3):
        worn.invoke()
    fresh.invoke()
    assert [step.kernel for step in program.steps] == before
    for tensor in program.graph.outputs:
        np.testing.assert_array_equal(worn.read(tensor), fresh.read(tensor))
