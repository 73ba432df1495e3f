"""Standing mutants: faults planted in the code, each of which the checks must notice."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from conformance.operators.known_proof import Runtimes
from conformance.operators.run import run_cell
from refinterp.arena.greedy import greedy
from refinterp.arena.judge import judge
from refinterp.arena.lifetimes import lifetimes
from refinterp.arena.problem import Plan
from refinterp.kernels import convolution, weighted_kernel
from refinterp.modelfile.reader import read_model
from refinterp.numerics import fixedpoint, float64_forms
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.run import memory
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.runtimes import unavailable
from tests.numerics import test_fixedpoint, test_requantize

REFERENCE = "runtime:litert-reference"


@pytest.fixture(scope="module")
def litert():
    """LiteRT's reference kernels, in a worker."""
    if reason := unavailable(REFERENCE):
        pytest.skip(reason)
    with Runtimes() as runtimes:
        yield runtimes


def _differing(litert, operator: str, dtype: str, count: int = 60) -> int:
    """How many elements of random models differ from LiteRT."""
    return run_cell(operator, dtype, REFERENCE, count, 7, litert).differing


def test_a_truncated_mantissa_is_noticed(monkeypatch):
    """A multiplier cut instead of rounded fails the multiplier's test."""
    whole = Multiplier.of.__func__

    def truncated(cls, real):
        fraction, exponent = np.frexp(np.asarray(real, np.float64))
        right = whole(cls, real)
        return (
            cls(np.trunc(fraction * 2.0**31).astype(np.int64), exponent.astype(np.int64))
            if (np.all(right.mantissa))
            else right
        )

    monkeypatch.setattr(Multiplier, "of", classmethod(truncated))
    with pytest.raises(AssertionError):
        test_fixedpoint.test_multiplier_is_the_nearest_mantissa()


def test_a_dropped_nudge_is_noticed(monkeypatch):
    """The doubling high multiplication without its nudge fails its test."""
    monkeypatch.setattr(fixedpoint, "doubling_high_mul", lambda a, b: (a * b) >> 31)
    with pytest.raises(AssertionError):
        test_fixedpoint.test_high_mul_rounds_like_gemmlowp()
    with pytest.raises(AssertionError):
        test_fixedpoint.test_rescale_rounds_twice()


def test_half_up_for_half_away_is_noticed(monkeypatch):
    """Rounding halves up instead of away from zero fails on exact halves."""
    monkeypatch.setattr(
        fixedpoint,
        "rounding_divide_by_pot",
        lambda x, e: (x + ((np.int64(1) << e) >> 1)) >> e,
    )
    with pytest.raises(AssertionError):
        test_fixedpoint.test_divide_by_pot_on_exact_halves()


def test_a_missing_tie_nudge_in_the_fast_path_is_noticed(monkeypatch):
    """The float64 requantization without its nudge fails on powers of two."""
    monkeypatch.setattr(float64_forms, "tie_nudge", lambda exponent: np.zeros(exponent.shape))
    with pytest.raises(AssertionError):
        test_requantize.test_fast_path_on_powers_of_two()


def test_a_wrong_multiplier_is_noticed_by_conformance(monkeypatch, litert):
    """Factors that are off by 0.1 % make random convolutions differ from LiteRT."""
    right = weighted_kernel.rescale_factors
    monkeypatch.setattr(weighted_kernel, "rescale_factors", lambda *a: right(*a) * 1.001)
    assert _differing(litert, "CONV_2D", "int8") > 0


def test_a_truncated_clamp_bound_is_noticed(monkeypatch, litert):
    """Activation bounds cut instead of rounded make random convolutions differ from LiteRT."""

    def cut(activation, dtype, scale, zero):
        low, high = -128, 127
        if activation != "NONE":
            low = max(low, zero + (int(-1 / scale) if activation == "RELU_N1_TO_1" else 0))
        if activation in ("RELU6", "RELU_N1_TO_1"):
            high = min(high, zero + int((6 if activation == "RELU6" else 1) / scale))
        return low, high

    monkeypatch.setattr(weighted_kernel, "integer_bounds", cut)
    assert _differing(litert, "CONV_2D", "int8") > 0


def test_a_wrong_padding_side_is_noticed(monkeypatch, litert):
    """Odd padding put on the wrong side makes random convolutions differ from LiteRT."""
    right = convolution.window

    def swapped(*arguments, **names):
        w = right(*arguments, **names)
        return replace(w, before=w.after, after=w.before)

    monkeypatch.setattr(convolution, "window", swapped)
    assert _differing(litert, "CONV_2D", "int8") > 0


def test_the_checks_above_pass_without_a_mutant(litert):
    """The same random convolutions do not differ when nothing is planted."""
    assert _differing(litert, "CONV_2D", "int8") == 0


def _digits_output() -> np.ndarray:
    """The digits model's scores for one random image, with dead tensors poisoned."""
    with resources.as_file(resources.files("refinterp") / "data" / "digits_int8.tflite") as path:
        executor = Executor(prepare(read_model(path)), poison=True)
    graph = executor.program.graph
    image = executor.input(graph.inputs[0])
    image[...] = np.random.default_rng(3).integers(-128, 128, image.shape)
    executor.invoke()
    return executor.read(graph.outputs[0]).copy()


def test_an_overlapping_plan_is_noticed(monkeypatch):
    """Two tensors in one place change what the model computes, and the judge names them."""
    right = _digits_output()
    faults = []

    def overlapping(problem):
        plan = greedy(problem)
        sizes = problem.sizes()
        first, stop = problem.intervals()
        for i in range(len(sizes)):
            for j in range(i):
                if first[i] < stop[j] and first[j] < stop[i] and min(first[i], first[j]) > 0:
                    moved = list(plan.offsets)
                    moved[i] = moved[j]
                    bad = Plan(tuple(moved), plan.extent)
                    faults.extend(judge(problem, bad))
                    return bad
        raise AssertionError("no two tensors are live together")

    monkeypatch.setattr(memory, "greedy", overlapping)
    assert not np.array_equal(_digits_output(), right)
    assert faults


def test_a_tensor_freed_one_operator_early_is_noticed(monkeypatch):
    """Lifetimes that end one operator early change what the model computes."""
    right = _digits_output()

    def early(*arguments, **names):
        life = lifetimes(*arguments, **names)
        return replace(
            life,
            planned=tuple(
                replace(r, last_use=r.last_use - 1) if r.last_use > r.first_use + 1 else r
                for r in life.planned
            ),
        )

    monkeypatch.setattr(memory, "lifetimes", early)
    assert not np.array_equal(_digits_output(), right)
