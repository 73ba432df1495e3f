"""BLAS held to a number of threads, and left as it was afterwards."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info

from refinterp.interpreter import Interpreter
from refinterp.numerics.threads import blas_threads, one_blas_thread
from refinterp.run.executor import Executor
from tests.corpus import ROOT


def counts() -> list[int]:
    return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]


def test_limit_holds_inside_only():
    """Inside it is the number asked for, outside what it was, after an exception too."""
    before = counts()
    with blas_threads(2):
        assert set(counts()) <= {2}
        with one_blas_thread():
            assert set(counts()) <= {1}
        assert set(counts()) <= {2}
    with pytest.raises(KeyError), blas_threads(1):
        raise KeyError
    assert counts() == before


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_interpreter_runs_with_its_threads(monkeypatch, threads):
    """num_threads is BLAS's number while the model runs; None leaves it alone."""
    seen = []
    invoke = Executor.invoke

    def spy(self, observers=()):
        seen.append(counts())
        invoke(self, observers)

    monkeypatch.setattr(Executor, "invoke", spy)
    before = counts()
    path = str(ROOT / "refinterp" / "data" / "digits_int8.tflite")
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert seen == [before if threads is None else [threads] * len(before)]
    assert counts() == before
