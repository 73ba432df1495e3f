"""The fast paths of SOFTMAX, AVERAGE_POOL_2D, MEAN and SUM against their plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.registry import prepare
from refinterp.kernels.workspace import Workspace

SIZE = st.integers(1, 9)


def codes(spec, rng, samples):
    limits = np.iinfo(spec.dtype)
    wide = rng.integers(0, 2)  # whole range, or near one end
    low = limits.min if wide else limits.max - 3
    return rng.integers(low, limits.max, (samples, *spec.shape), spec.dtype, endpoint=True)


def both(operator, inputs, output, options, arrays, samples):
    """The outputs of the fast and of the plain kernel."""
    results = []
    for plain in (False, True):
        kernel = prepare(operator, inputs, [output], options, plain=plain)
        y = np.zeros((samples, *output.shape), output.dtype)
        kernel.eval(arrays, [y], Workspace())
        results.append(y)
    return results


@given(
    dtype=st.sampled_from(["int8", "uint8"]),
    wide=st.booleans(),
    rows=SIZE,
    depth=st.integers(1, 70) | st.sampled_from([600, 4096, 5000]),
    scale=st.floats(1e-4, 8.0),
    beta=st.sampled_from([1.0, 0.5, 2.0, 1e-3]),
    samples=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_softmax(dtype, wide, rows, depth, scale, beta, samples, seed):
    """Whatever the scale, the row length (sums that wrap too) and the output's type."""
    x = TensorSpec.of("x", (rows, depth), dtype, scale, 3)
    out = "int16" if wide and dtype == "int8" else dtype
    zero = {"int8": -128, "uint8": 0, "int16": -32768}[out]
    y = TensorSpec.of("y", x.shape, out, 1 / 65536 if out == "int16" else 1 / 256, zero)
    data = codes(x, np.random.default_rng(seed), samples)
    try:
        fast, plain = both("SOFTMAX", [x], y, {"beta": beta}, [data], samples)
    except ModelError:
        assume(False)
    np.testing.assert_array_equal(fast, plain)


@given(
    dtype=st.sampled_from(["int8", "uint8", "int16"]),
    images=st.integers(1, 3),
    height=SIZE,
    width=SIZE,
    channels=SIZE,
    padding=st.sampled_from(["SAME", "VALID"]),
    activation=st.sampled_from(["NONE", "RELU", "RELU6"]),
    smaller=st.booleans(),
    samples=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_average_of_one_window(
    dtype, images, height, width, channels, padding, activation, smaller, samples, seed
):
    """One window over the whole image, or over all of it but an edge that VALID leaves out."""
    x = TensorSpec.of("x", (images, height, width, channels), dtype, 0.1, 0)
    rows, columns = (max(1, height - smaller), max(1, width - smaller))
    options = {
        "padding": padding, "stride_h": height, "stride_w": width, "filter_height": rows,
        "filter_width": columns, "fused_activation_function": activation,
    }  # fmt: skip
    y = TensorSpec.of("y", (images, 1, 1, channels), dtype, 0.1, 0)
    data = codes(x, np.random.default_rng(seed), samples)
    fast, plain = both("AVERAGE_POOL_2D", [x], y, options, [data], samples)
    np.testing.assert_array_equal(fast, plain)


@given(
    operator=st.sampled_from(["MEAN", "SUM"]),
    dtype=st.sampled_from(["int8", "uint8", "int16"]),
    shape=st.lists(SIZE, min_size=1, max_size=4),
    data=st.data(),
    keep=st.booleans(),
    samples=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_reductions_over_any_axes(operator, dtype, shape, data, keep, samples, seed):
    """Axes next to each other or not, with or without others behind them."""
    axes = sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    kept = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    x = TensorSpec.of("x", tuple(shape), dtype, 0.05, 0 if dtype == "int16" else 7)
    axis = TensorSpec("axes", (len(axes),), "int32", data=np.array(axes, np.int32))
    y = TensorSpec.of("y", tuple(kept), dtype, 0.1, 0 if dtype == "int16" else -2 % 128)
    values = codes(x, np.random.default_rng(seed), samples)
    arrays = [values, axis.data[None]]
    fast, plain = both(operator, [x, axis], y, {"keep_dims": keep}, arrays, samples)
    np.testing.assert_array_equal(fast, plain)
    assert fast.size == samples * np.prod(kept, dtype=int)


@pytest.mark.parametrize("operator", ["SOFTMAX", "AVERAGE_POOL_2D"])
def test_plain_kernels_take_the_plain_path(operator):
    """The comparisons above compare two paths, not one with itself."""
    x = TensorSpec.of("x", (1, 2, 2, 4), "int8", 0.1, 0)
    y = TensorSpec.of("y", (1, 2, 2, 4), "int8", 1 / 256, -128)
    options = {"beta": 1.0}
    if operator == "AVERAGE_POOL_2D":
        y = TensorSpec.of("y", (1, 1, 1, 4), "int8", 0.1, 0)
        options = dict.fromkeys(("stride_h", "stride_w", "filter_height", "filter_width"), 2)
    fast, plain = (prepare(operator, [x], [y], options, plain=plain) for plain in (False, True))
    chosen = "plain" if operator == "SOFTMAX" else "whole"
    assert getattr(fast.kernel, chosen) != getattr(plain.kernel, chosen)
