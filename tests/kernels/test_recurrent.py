"""SVDF, LSTMs and RNNs: both runtimes over several invocations, the corpus, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.models.whole_models import check
from conformance.operators.cases import load_all
from conformance.operators.run import draw_case
from refinterp.errors import ModelError, UnsupportedError
from refinterp.evidence.matrix import LITERT, TFLM, matrix
from refinterp.graph.build import GraphBuilder
from refinterp.numerics import q15
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from tests.corpus import corpus
from tests.kernels.oracle import drawn, hold
from tests.strategies import cases


def _run_by(oracle):
    """Operators with states, and type keys, that an installed runtime is right about."""
    states = drawn("legacy_weights")
    return [
        (cell.operator, cell.dtype)
        for cell in matrix().values()
        if cell.operator in states
        and cell.oracle == oracle
        and cell.cases
        and not cell.held_against
    ]


def _hold_many(operator, dtype, runtime, name):
    held = []

    @settings(max_examples=settings.default.max_examples // 5)
    @given(cases(load_all()[operator, dtype]))
    def run(case):
        held.append(hold(case, runtime, name))

    run()
    assert any(held)


@pytest.mark.parametrize(("operator", "dtype"), _run_by(LITERT))
def test_same_as_litert(operator, dtype, litert):
    """Integers bit for bit, reals within rounding, states kept from run to run."""
    _hold_many(operator, dtype, litert, "runtime:litert-reference")


@pytest.mark.parametrize(("operator", "dtype"), _run_by(TFLM))
def test_same_as_tflm(operator, dtype, tflm):
    """Integers bit for bit, reals within rounding, states kept from run to run."""
    _hold_many(operator, dtype, tflm, "runtime:tflm")


@pytest.mark.parametrize("number", [18, 72, 1677])
def test_regressions_of_the_int8_lstm(number, litert):
    """Peepholes where outputs are fewer than cells; layer norms whose sums leave int32."""
    case = draw_case(42, "UNIDIRECTIONAL_SEQUENCE_LSTM", "int8", number)
    assert hold(case, litert, "runtime:litert-reference")


@pytest.mark.parametrize(
    ("name", "runtimes"),
    [
        ("keyword_scrambled_8bit", "t"), ("trained_lstm_int8", "lt"),
        ("dtln_noise_suppression", "lt"), ("audio_preprocessor_int8", "t"),
    ],
)  # fmt: skip
def test_models_of_the_corpus(name, runtimes, litert, tflm):
    """Models with states, run five times in a row, are exact under each runtime's flavour."""
    path = corpus() / "models" / f"{name}.tflite"
    for letter, runtime in (("l", litert), ("t", tflm)):
        if letter in runtimes:
            result = check(path, runtime.name, runtime, 5, 42)
            assert (result.status, result.differing) == ("ran", 0), result.detail


def _svdf(variable=True, rank=1):
    g = GraphBuilder()
    q = {"scale": 0.5, "zero_point": 0}
    x = g.input("x", (1, 2), "int8", **q)
    feature = g.constant("feature", np.array([[1, 2]], np.int8), **q)
    time = g.constant("time", np.array([[1, 10, 100]], np.int16), **q)
    bias = g.constant("bias", np.array([1000], np.int32), scale=0.25)
    make = g.variable if variable else g.tensor
    state = make("state", (1, 3), "int16", **q)
    y = g.tensor("y", (1, 1), "int8", scale=32.0, zero_point=-3)
    g.operator("SVDF", [x, feature, time, bias, state], [y],
               {"rank": rank, "fused_activation_function": "RELU"})  # fmt: skip
    return g.build(outputs=[y]), x, y


def test_svdf_by_hand():
    """The newest feature has the last weight, the oldest falls out; a batch runs in order."""
    model, x, y = _svdf()
    xs = np.array([[[4, 0]], [[0, 4]], [[0, 0]], [[0, 0]]], np.int8)
    features = [2, 4, 0, 0]  # 0.5 * (x0 + 2 * x1)
    want = []
    for now in range(4):
        past = [features[now - age] if now >= age else 0 for age in (2, 1, 0)]
        total = past[0] + 10 * past[1] + 100 * past[2] + 1000
        want.append(math.floor(total * 0.25 / 32 + 0.5) - 3)
    for samples in (1, 4):
        executor = Executor(prepare(model), samples=samples)
        got = []
        for start in range(0, 4, samples):
            executor.input(x)[...] = xs[start : start + samples]
            executor.invoke()
            got += executor.read(y).reshape(-1).tolist()
        assert got == want


def test_mistakes_are_told():
    """A state that is no variable, a rank that does not divide, an LSTM without its inputs."""
    with pytest.raises(ModelError, match="found no variable"):
        prepare(_svdf(variable=False)[0])
    with pytest.raises(ModelError, match="units of rank 2"):
        prepare(_svdf(rank=2)[0])
    g = GraphBuilder()
    x, y = g.input("x", (1, 1, 1)), g.tensor("y", (1, 1, 1))
    w = g.constant("w", np.ones((1, 1), np.float32))
    g.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", [x, w, w], [y])
    with pytest.raises(ModelError, match="among 3 operands; allowed: 20 to 24"):
        prepare(g.build(outputs=[y]))


def test_int16_lstm_is_tflms():
    """LiteRT has no LSTM on int16 data: the flavour that has it is named."""
    case = draw_case(42, "UNIDIRECTIONAL_SEQUENCE_LSTM", "int16x8", 0)
    with pytest.raises(UnsupportedError, match="flavour tflm"):
        prepare(case.model, flavour="litert-reference")


@given(st.integers(0, 6), st.integers(-(2**15), 2**15 - 1))
@example(3, -(2**15))
@example(0, 2**15 - 1)
def test_q15_functions_are_near_the_real_ones(bits, code):
    """16-bit logistic and tanh stay within a few codes of the functions they stand for."""
    real = code / 2.0 ** (15 - bits)
    assert abs(q15.tanh_table(bits)[code + 2**15] / 2**15 - math.tanh(real)) < 20 / 2**15
    if bits <= 5:
        logistic = 1 / (1 + math.exp(-real))
        assert abs(q15.logistic_table(bits)[code + 2**15] / 2**15 - logistic) < 20 / 2**15
