"""The same executor, run after run: kernels replay their calls, and find quicker forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from refinterp.modelfile.reader import read_model
from refinterp.numerics import requantize
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.run.replay import Replay
from refinterp.runtimes import Ran, open_runtime, unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = [*sorted((ROOT / "refinterp" / "data").glob("*_int*.tflite")),
          *sorted((ROOT / "conformance" / "models").glob("*_int*.tflite"))]  # fmt: skip
RUNS = 20  # beyond the fourth notes, which are taken at runs 2, 5 and 17


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
@pytest.mark.parametrize("after", [0, 1 << 12], ids=["float32 at once", "float32 later"])
def test_every_run_is_that_of_litert(path, after, monkeypatch):
    """Whatever was noted at earlier runs on other data, outputs are the reference's."""
    name = "runtime:litert-reference"
    if reason := unavailable(name):
        pytest.skip(reason)
    monkeypatch.setattr(requantize, "SINGLE_AFTER", after)
    program = prepare(read_model(path))
    executor = Executor(program)
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
    """Counts what is asked of it; it cannot be noted where `steady` is False."""

    def __init__(self, steady: bool) -> None:
        self.steady, self.evals, self.records = steady, 0, []

    def eval(self, inputs, outputs, work):
        self.evals += 1
        outputs[0][...] = inputs[0]

    def record(self, inputs, outputs, work, do):
        self.records.append(do.runs)
        if self.steady:
            do(np.copyto, outputs[0], inputs[0])
        return self.steady


@pytest.mark.parametrize("steady", [True, False])
def test_when_notes_are_taken(steady):
    """At the second run, then ever more seldom, for as many runs as there are till the next."""
    kernel, work = _Kernel(steady), None
    replay = Replay(kernel)
    data, out = np.zeros(1), np.zeros(1)
    for run in range(40):
        data[0] = run
        replay([data], [out], work)
        assert out[0] == run
    assert kernel.records == [3, 12, 48]
    assert kernel.evals == (1 if steady else 40)
