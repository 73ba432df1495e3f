"""float32 kernels against float64: elementwise within 4 ulp, sums within 2 K eps sum|x w|."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import call, find, prepare

EPS = float(np.finfo(np.float32).eps)


def _sigmoid(x):
    """As LiteRT's reference defines it: exp below -9, where the two differ by 1e-4 of the value."""
    return np.where(x < -9, np.exp(np.minimum(x, 0)), 1 / (1 + np.exp(-x)))


ANY, POSITIVE, SMALL = (-30.0, 30.0), (1e-6, 1e6), (-8.0, 8.0)
UNARY = {
    "ABS": (np.abs, ANY), "NEG": (np.negative, ANY), "SQUARE": (np.square, ANY),
    "SQRT": (np.sqrt, POSITIVE), "RSQRT": (lambda x: 1 / np.sqrt(x), POSITIVE),
    "EXP": (np.exp, ANY), "LOG": (np.log, POSITIVE), "SIN": (np.sin, SMALL),
    "COS": (np.cos, SMALL), "CEIL": (np.ceil, ANY), "FLOOR": (np.floor, ANY),
    "ROUND": (np.rint, ANY), "TANH": (np.tanh, ANY), "LOGISTIC": (_sigmoid, ANY),
    "RELU": (lambda x: np.maximum(x, 0), ANY), "RELU6": (lambda x: np.clip(x, 0, 6), ANY),
    "RELU_N1_TO_1": (lambda x: np.clip(x, -1, 1), ANY), "ELU": (
        lambda x: np.where(x < 0, np.expm1(x), x), ANY),
}  # fmt: skip
"""Operator: its function on float64, and the interval inputs are drawn from."""

BINARY = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": np.divide,
    "MAXIMUM": np.maximum, "MINIMUM": np.minimum,
    "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2,
}  # fmt: skip


def _ulps(got: np.ndarray, want: np.ndarray) -> float:
    """The largest distance in units of the last place of the exact value."""
    unit = np.spacing(np.maximum(np.abs(want), np.finfo(np.float32).tiny).astype(np.float32))
    return float(np.max(np.abs(got.astype(np.float64) - want) / unit, initial=0.0))


def _drawn(low: float, high: float, seed: int, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(low, high, count).astype(np.float32)


@pytest.mark.parametrize("operator", UNARY)
def test_unary_operators_are_within_4_ulp(operator):
    """Each function agrees with its float64 form."""
    function, (low, high) = UNARY[operator]

    @given(st.integers(0, 2**32 - 1))
    def check(seed):
        x = _drawn(low, high, seed)
        spec, out = TensorSpec.of("x", x.shape, "float32"), TensorSpec.of("y", x.shape, "float32")
        (y,) = call(prepare(operator, [spec], [out]), [x], [out])
        assert _ulps(y, function(x.astype(np.float64))) <= 4

    check()


@pytest.mark.parametrize("operator", BINARY)
def test_binary_operators_are_within_4_ulp(operator):
    """Each function of two agrees with its float64 form."""

    @given(st.integers(0, 2**32 - 1))
    def check(seed):
        a, b = _drawn(-9, 9, seed), _drawn(0.5, 9, seed + 1)
        specs = [TensorSpec.of(name, a.shape, "float32") for name in "aby"]
        (y,) = call(prepare(operator, specs[:2], specs[2:]), [a, b], specs[2:])
        exact = BINARY[operator](a.astype(np.float64), b.astype(np.float64))
        assert _ulps(y, exact) <= 4

    check()


def _within(got: np.ndarray, exact: np.ndarray, magnitude: np.ndarray, terms: int) -> bool:
    return bool(np.all(np.abs(got - exact) <= 2 * terms * EPS * magnitude + 1e-30))


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 8))
def test_fully_connected_sums_are_within_the_bound(seed, depth, units):
    """FULLY_CONNECTED's sums err by at most 2 K eps sum|x w|."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, depth)).astype(np.float32)
    w = rng.standard_normal((units, depth)).astype(np.float32)
    y = TensorSpec.of("y", (3, units), "float32")
    specs = [
        TensorSpec.of("x", x.shape, "float32"), TensorSpec.of("w", w.shape, "float32", data=w), None
    ]  # fmt: skip
    (got,) = call(prepare("FULLY_CONNECTED", specs, [y]), [x, w, None], [y])
    x64, w64 = x.astype(np.float64), w.astype(np.float64)
    assert _within(got, x64 @ w64.T, np.abs(x64) @ np.abs(w64).T, depth)


@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_convolution_sums_are_within_the_bound(operator):
    """A VALID convolution's sums err by at most 2 K eps sum|x w|."""

    @given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 20))
    def check(seed, kernel, channels):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1, 6, 7, channels)).astype(np.float32)
        deep = operator == "CONV_2D"
        w = rng.standard_normal(
            (5, kernel, kernel, channels) if deep else (1, kernel, kernel, channels)
        ).astype(np.float32)
        shape = (1, 7 - kernel, 8 - kernel, 5 if deep else channels)
        y = TensorSpec.of("y", shape, "float32")
        bias = np.zeros(shape[3], np.float32)
        specs = [
            TensorSpec.of("x", x.shape, "float32"),
            TensorSpec.of("w", w.shape, "float32", data=w),
            TensorSpec.of("b", bias.shape, "float32", data=bias),
        ]
        options = {"padding": "VALID", "stride_w": 1, "stride_h": 1}
        (got,) = call(prepare(operator, specs, [y], options), [x, w, bias], [y])
        exact, size = np.zeros(shape), np.zeros(shape)
        for i in range(kernel):
            for j in range(kernel):
                tap = x[:, i : i + shape[1], j : j + shape[2]].astype(np.float64)
                weights = w[:, i, j].astype(np.float64)
                for total, t, v in ((exact, tap, weights), (size, np.abs(tap), np.abs(weights))):
                    total += t @ v.T if deep else t * v[0]
        assert _within(got, exact, size, kernel * kernel * (channels if deep else 1))

    check()


def test_every_operator_here_has_a_kernel():
    """The names above are operators of the registry."""
    spec = TensorSpec.of("x", (1,), "float32")
    assert all(find(name, [spec, spec]) for name in (*UNARY, *BINARY))
