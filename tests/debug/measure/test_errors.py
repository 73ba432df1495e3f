"""The figures are what their definitions say, however the samples are gathered."""

from __future__ import annotations

import math
from dataclasses import asdict, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.debug.measure.error_sums import ErrorFigures, ErrorSums, sqnr_db
from refinterp.debug.measure.errors import sample_errors
from refinterp.debug.measure.grid import Grid
from refinterp.graph.spec import TensorSpec
from tests.oracles.debug_figures import figures


def gather(samples, spec) -> ErrorSums:
    sums = ErrorSums()
    for codes, reference in samples:
        sums.add(sample_errors(codes, reference, Grid.of(spec)))
    return sums


@st.composite
def compared(draw):
    """A tensor and samples of it: codes, and reals that are near, far, beyond the range or 0."""
    dtype = draw(st.sampled_from(["int8", "uint8", "int16"]))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    axis = draw(st.integers(0, len(shape) - 1))
    channels = shape[axis] if draw(st.booleans()) else 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limits = np.iinfo(dtype)
    spec = TensorSpec(
        "t",
        shape,
        dtype,
        np.exp2(rng.uniform(-12, 4, channels)).astype(np.float32),
        rng.integers(limits.min, limits.max, channels, endpoint=True),
        axis,
    )
    samples = []
    for _ in range(draw(st.integers(1, 4))):
        codes = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        codes[rng.random(shape) < 0.3] = draw(st.sampled_from([limits.min, limits.max]))
        along = [1] * len(shape)
        along[axis] = -1
        step = spec.scale.astype(float).reshape(along)
        exact = (codes.astype(float) - spec.zero_point.reshape(along)) * step
        noise = draw(st.sampled_from([0.0, 0.3, 0.5, 3.0]))
        reference = exact + noise * step * rng.standard_normal(shape)
        samples.append((codes, (reference * draw(st.sampled_from([0, 1, 1]))).astype(np.float32)))
    return samples, spec


@given(compared())
def test_figures_are_their_definitions(case):
    """Every figure agrees with exact fractions, per-channel scales and clipping included."""
    samples, spec = case
    found, expected = asdict(gather(samples, spec).figures()), figures(samples, spec)
    assert set(expected) == {f.name for f in fields(ErrorFigures)} - {"samples", "elements"}
    for name, value in expected.items():
        largest = expected["max_abs_error"]  # cancellation: means and deviations of what is equal
        slack = 1e-12 * largest if name in ("mean_error", "mean_stddev") else 0.0
        if name == "cosine":  # a difference of sums: to what the larger of them leaves
            slack = 1e-7
        assert found[name] == pytest.approx(value, rel=1e-9, abs=slack, nan_ok=True), name
    assert found["samples"] == len(samples)


@given(compared(), st.randoms())
def test_merged_parts_equal_the_whole(case, random):
    """Samples added in another order, in two sums that are merged, give the same bits."""
    samples, spec = case
    shuffled = list(samples)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    parts = gather(shuffled[:cut], spec)
    parts.merge(gather(shuffled[cut:], spec))
    assert repr(parts.figures()) == repr(gather(samples, spec).figures())


def test_tensors_larger_than_a_block():
    """Blocks join to the whole's figures: float64 sums over 100,003 elements agree."""
    rng = np.random.default_rng(7)
    codes = rng.integers(-128, 127, 100_003, np.int8, endpoint=True)
    spec = TensorSpec.of("t", codes.shape, "int8", 0.1, 5)
    reference = (0.1 * (codes - 5.0) + rng.normal(2, 0.2, codes.size)).astype(np.float32)
    e = float(np.float32(0.1)) * (codes - 5.0) - reference
    found = gather([(codes, reference)], spec).figures()
    assert found.mean_error == pytest.approx(e.mean(), rel=1e-12)
    assert found.mean_stddev == pytest.approx(e.std(), rel=1e-12)
    assert found.mean_squared_error == pytest.approx((e * e).mean(), rel=1e-12)
    assert found.rmse_over_scale == pytest.approx(
        np.sqrt((e * e).mean()) / np.float32(0.1), rel=1e-7
    )
    assert found.max_abs_error == np.abs(e).max()


def test_zeros_of_an_activation_are_not_clipped():
    """A RELU's zeros at the smallest code are no saturation; what lies below the range is."""
    spec = TensorSpec.of("t", (4,), "int8", 1.0, -128)
    codes = np.array([-128, -128, 127, 127], np.int8)
    after_relu = np.array([0.0, 0.4, 255.0, 255.4], np.float32)
    assert gather([(codes, after_relu)], spec).figures().clipped_fraction == 0.0
    cut = np.array([-0.6, 0.0, 255.0, 300.0], np.float32)
    assert gather([(codes, cut)], spec).figures().clipped_fraction == 0.5


def test_reals_compare_without_a_scale():
    """A float output has errors, but no steps to count them in."""
    spec = TensorSpec.of("t", (2,), "float32")
    found = gather([(np.array([1.0, 2.0], np.float32), np.array([1.0, 4.0], np.float32))], spec)
    assert Grid.of(spec) is None
    assert found.figures(scaled=False).rmse_over_scale is None
    assert found.figures(scaled=False).sqnr_db == 10 * math.log10(17 / 4)


def test_sqnr_at_its_ends():
    """No error is inf, an error on nothing -inf, and what is not a number stays so."""
    assert sqnr_db(1.0, 0.0) == math.inf
    assert sqnr_db(0.0, 0.0) == math.inf
    assert sqnr_db(0.0, 1.0) == -math.inf
    assert sqnr_db(100.0, 1.0) == 20.0
    assert math.isnan(sqnr_db(math.nan, 1.0))
    assert math.isnan(sqnr_db(math.inf, math.inf))


def test_a_reference_that_is_not_finite_shows():
    """What is nan or inf in the float run ends up in the figures instead of being lost."""
    spec = TensorSpec.of("t", (2,), "int8", 1.0)
    codes = np.array([1, 2], np.int8)
    found = gather([(codes, np.array([1.0, np.nan], np.float32))], spec).figures()
    assert math.isnan(found.max_abs_error)
    assert math.isnan(found.sqnr_db)
    found = gather([(codes, np.array([1.0, np.inf], np.float32))], spec).figures()
    assert found.max_abs_error == math.inf
