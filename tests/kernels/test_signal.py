"""TFLM's custom operators against its wheel, and their arithmetic against plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.models.whole_models import check
from conformance.operators.cases import load_all
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.flexbuffer import read_map, write_map
from refinterp.interpreter import Interpreter
from refinterp.kernels.registry import load_all as load_kernels
from refinterp.modelfile.writer import write_model
from refinterp.numerics import unsigned
from refinterp.numerics.kissfft import transform
from refinterp.run.prepare import prepare
from tests.corpus import corpus
from tests.kernels.oracle import hold
from tests.strategies import cases

OPERATORS = sorted(
    key for key in load_all()
    if key[0].startswith("Signal") or key[0] in ("CIRCULAR_BUFFER", "TFLM_DECODE")
)  # fmt: skip


def _hold_many(operator, dtype, runtime, name):
    held = []

    @settings(max_examples=settings.default.max_examples // 4)
    @given(cases(load_all()[operator, dtype]))
    def run(case):
        held.append(hold(case, runtime, name))

    run()
    assert any(held)


@pytest.mark.parametrize(("operator", "dtype"), OPERATORS)
def test_same_as_tflm(operator, dtype, tflm):
    """Every signal operator, over several invocations."""
    _hold_many(operator, dtype, tflm, "runtime:tflm")


def test_all_signal_operators_are_there():
    """Fourteen of them, each with a generator of cases."""
    names = {name for name, _ in load_kernels() if name.startswith("Signal")}
    assert len(names) == 14
    assert names == {name for name, _ in OPERATORS if name.startswith("Signal")}


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_detections_same_as_litert(dtype, litert):
    """Boxes, classes and scores, fast and regular."""
    _hold_many("TFLite_Detection_PostProcess", dtype, litert, "runtime:litert-reference")


def test_detections_same_as_tflm(tflm):
    """Boxes, classes and scores, fast and regular."""
    _hold_many("TFLite_Detection_PostProcess", "float32", tflm, "runtime:tflm")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_composites_same_as_litert(dtype, litert):
    """A composite runs what it is made of."""
    _hold_many("STABLEHLO_COMPOSITE", dtype, litert, "runtime:litert-reference")


def test_seanet_layers_of_the_corpus(tflm):
    """Every layer of the corpus's int16 network is exact."""
    paths = sorted((corpus() / "models" / "seanet").glob("*.tflite"))
    assert paths
    for path in paths:
        result = check(path, "runtime:tflm", tflm, 2, 42)
        assert (result.status, result.differing) == ("ran", 0), (path.name, result.detail)


@given(st.integers(0, 2**64 - 1) | st.integers(0, 2**32 - 1).map(lambda r: r * r + 1))
@example(2**64 - 1)
@example(2**32 - 1)
@example(2**32)
@example(0)
def test_square_root(x):
    """The nearest integer, cut off at 16 bits below 2**32 and at 32 bits above."""
    root = math.isqrt(x)
    root += x - root * root > root
    limit = 2**16 - 1 if x < 2**32 else 2**32 - 1
    assert unsigned.square_root(np.array([x], np.uint64))[0] == min(root, limit)


@given(st.integers(2, 2**32 - 1), st.sampled_from([1, 64, 1600]))
@example(2, 1600)
@example(2059, 1600)
@example(2**32 - 1, 1600)
def test_log_is_near_the_real_one(x, scale):
    """Within a unit and 0.0025 of the scale: between table entries it hardly interpolates."""
    assert abs(unsigned.log(np.array([x]), scale)[0] - math.log(x) * scale) < 1 + scale * 0.0025


@given(st.sampled_from([4, 6, 10, 12, 30, 64, 90, 100]), st.integers(0, 2**32 - 1))
def test_transforms_are_near_the_discrete_ones(length, seed):
    """float32 as NumPy's; int32 divided by the length, within a unit for each stage."""
    x = np.random.default_rng(seed).standard_normal((2, length))
    re, im = transform("float32", length, inverse=False).forward(x.astype(np.float32))
    want = np.fft.rfft(x)
    assert np.abs(re + 1j * im - want).max() < 1e-4 * length
    codes = np.rint(x * 2**26).astype(np.int32)
    re, im = transform("int32", length, inverse=False).forward(codes)
    assert np.abs(re + 1j * im - np.fft.rfft(codes) / length).max() < 2**12
    back = transform("float32", length, inverse=True).backward(want.real, want.imag) / length
    assert np.abs(back - x).max() < 1e-4


def test_lengths_without_stages_are_refused():
    """KISS FFT as TFLM builds it has no stage for primes beyond 5."""
    for length in (2, 7, 14, 22):
        with pytest.raises(UnsupportedError, match="product of 2, 3 and 5"):
            transform("int16", length, inverse=False)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=8),
                       st.integers(-(2**40), 2**40) | st.booleans() | st.floats(width=32,
                       allow_nan=False), max_size=6))  # fmt: skip
def test_custom_options_round_trip(fields):
    """A map comes back as it was written."""
    assert dict(read_map(write_map(fields))) == fields


@given(st.binary(min_size=1, max_size=40))
def test_bytes_that_are_no_map_are_model_errors(data):
    """Whatever the bytes, decoding ends in a mapping or a ModelError."""
    try:
        fields = read_map(data)
    except ModelError:
        return
    assert all(isinstance(name, str) for name in fields)


def test_a_run_that_ends_early_keeps_what_came_after():
    """With a cycle of two, the operator behind the buffer runs in every second invocation."""
    g = GraphBuilder()
    q = {"scale": 1.0, "zero_point": 0}
    x = g.input("x", (1, 1, 1, 1), "int8", **q)
    line = g.variable("line", (1, 3, 1, 1), "int8", **q)
    y = g.variable("y", (1, 3, 1, 1), "int8", **q)
    g.operator("CIRCULAR_BUFFER", [x], [line], custom_options=write_map({"cycles_max": 2}))
    g.operator("ADD", [line, line], [y])
    interpreter = Interpreter(model_content=write_model(g.build(outputs=[line, y])))
    interpreter.allocate_tensors()
    seen = []
    for code in (1, 2, 3, 4):
        interpreter.set_tensor(x, np.full((1, 1, 1, 1), code, np.int8))
        interpreter.invoke()
        seen.append([interpreter.get_tensor(t).reshape(-1).tolist() for t in (line, y)])
    assert [line for line, _ in seen] == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert [y for _, y in seen] == [[0, 0, 0], [0, 2, 4], [0, 2, 4], [4, 6, 8]]
    interpreter.reset_all_variables()
    assert not interpreter.get_tensor(line).any()
    interpreter.invoke()
    assert interpreter.get_tensor(line).reshape(-1).tolist() == [0, 0, 4]


def test_kernels_state_belongs_to_one_interpreter():
    """Two interpreters of one model remember apart from each other; a reset forgets."""
    g = GraphBuilder()
    x, y = g.input("x", (4,), "int16"), g.tensor("y", (4,), "int16")
    g.operator("SignalDelay", [x], [y], custom_options=write_map({"delay_length": 2}))
    model = write_model(g.build(outputs=[y]))
    one, two = Interpreter(model_content=model), Interpreter(model_content=model)
    for interpreter in (one, two):
        interpreter.allocate_tensors()
    one.set_tensor(x, np.arange(1, 5, dtype=np.int16))
    one.invoke()
    two.invoke()
    assert one.get_tensor(y).tolist() == [0, 0, 1, 2]
    assert two.get_tensor(y).tolist() == [0, 0, 0, 0]
    one.invoke()
    assert one.get_tensor(y).tolist() == [3, 4, 1, 2]
    one.reset_all_variables()
    one.invoke()
    assert one.get_tensor(y).tolist() == [0, 0, 1, 2]


def test_broken_codes_are_model_errors():
    """Compressed weights that end early, or are compressed in an unknown way."""
    for head, message in (([9, 1, 0, 0, 1], "in way 9"), ([0, 1, 0, 0, 1, 7, 1], "end before")):
        g = GraphBuilder()
        codes = g.constant("codes", np.zeros(1, np.uint8))
        data = np.array([*head, *[0] * (17 - len(head))], np.uint8)
        y = g.tensor("y", (40,), "int8")
        g.operator("TFLM_DECODE", [codes, g.constant("head", data)], [y], custom_options=b"")
        with pytest.raises(ModelError, match=message):
            prepare(g.build(outputs=[y]))
