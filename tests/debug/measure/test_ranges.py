"""Codes and reals on the grid are counted as the definitions say, in any order and parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.debug.measure.error_sums import ErrorSums
from refinterp.debug.measure.errors import sample_errors
from refinterp.debug.measure.grid import Grid, channel_count
from refinterp.debug.measure.ranges import RealSums, code_sums
from refinterp.graph.spec import TensorSpec
from tests.oracles import debug_ranges as oracle


@st.composite
def drawn(draw, dtypes=("int8", "uint8", "int16")):
    """Samples of a tensor with channels: codes, and reals in and around the grid."""
    dtype = draw(st.sampled_from(dtypes))
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(2, 9)))
    limits = np.iinfo(dtype)
    zero = draw(st.integers(int(limits.min), int(limits.max)))
    spec = TensorSpec.of("t", shape, dtype, draw(st.floats(2**-10, 8, width=32)), zero)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reach = (int(limits.max) - int(limits.min)) * draw(st.sampled_from([0.1, 1.0, 3.0]))
    samples = []
    for _ in range(draw(st.integers(1, 4))):
        codes = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        reals = rng.uniform(-reach, reach, shape) * spec.step
        samples.append((codes, reals.astype(np.float32)))
    return samples, spec


def counted(samples, spec):
    channels = channel_count(spec)
    codes, reals = code_sums(spec.dtype, channels), RealSums(Grid.of(spec), channels)
    for q, r in samples:
        codes.add(q)
        reals.add(r)
    return codes, reals


@given(drawn())
def test_figures_are_the_definitions(case):
    """Counts, ends, entropy, what lies beyond the grid, extremes of channels, by element."""
    samples, spec = case
    codes, reals = (sums.figures() for sums in counted(samples, spec))
    flat = [int(q) for one, _ in samples for q in one.reshape(-1)]
    limits = np.iinfo(spec.dtype)
    assert (codes.lowest, codes.highest) == (min(flat), max(flat))
    assert codes.low_fraction == flat.count(limits.min) / len(flat)
    assert codes.high_fraction == flat.count(limits.max) / len(flat)
    assert codes.entropy_bits == pytest.approx(oracle.entropy(flat), abs=1e-9)
    assert sum(codes.histogram) == len(flat)
    assert len(codes.histogram) == 256
    each = (int(limits.max) - int(limits.min) + 1) // 256
    first = [q for q in flat if q < limits.min + each]
    assert codes.histogram[0] == len(first)
    below, above, excess = oracle.beyond(samples, spec)
    near = 1.5 / len(flat)  # a real within float32 rounding of the edge may fall on either side
    assert reals.below_fraction == pytest.approx(float(below), abs=near)
    assert reals.above_fraction == pytest.approx(float(above), abs=near)
    assert reals.excess_steps == pytest.approx(excess, rel=1e-3, abs=2e-2)
    stacked = np.stack([r for _, r in samples])
    assert np.array_equal(reals.channel_lowest, stacked.min(axis=(0, 1, 2, 3)))
    assert np.array_equal(reals.channel_highest, stacked.max(axis=(0, 1, 2, 3)))
    inside = len(flat) - round((reals.below_fraction + reals.above_fraction) * len(flat))
    assert sum(reals.histogram) == inside


@given(drawn(), st.randoms())
def test_order_and_parts_do_not_matter(case, random):
    """Samples shuffled, cut and merged give the same figures bit for bit."""
    samples, spec = case
    whole = [repr(sums.figures()) for sums in counted(samples, spec)]
    shuffled = list(samples)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    parts = counted(shuffled[:cut], spec)
    for mine, theirs in zip(parts, counted(shuffled[cut:], spec), strict=True):
        mine.merge(theirs)
    assert [repr(sums.figures()) for sums in parts] == whole


@given(drawn())
def test_channels_are_the_definitions(case):
    """Each channel's RMSE, SQNR and mean error agree with sums in fractions."""
    samples, spec = case
    sums = ErrorSums()
    for q, r in samples:
        sums.add(sample_errors(q, r, Grid.of(spec), channel_count(spec)))
    found = sums.channel_figures(spec.step)
    for c, expected in enumerate(oracle.channels(samples, spec)):
        for name, value in expected.items():
            got = float(getattr(found, name)[c])
            assert got == pytest.approx(value, rel=1e-9, abs=1e-12 * spec.step * 1e5), name


@given(drawn(), st.randoms())
def test_channels_do_not_depend_on_order_and_parts(case, random):
    """Each channel's figures are the same bits for samples shuffled, cut and merged."""
    samples, spec = case

    def gathered(some):
        sums = ErrorSums()
        for q, r in some:
            sums.add(sample_errors(q, r, Grid.of(spec), channel_count(spec)))
        return sums

    whole = gathered(samples).channel_figures(spec.step)
    shuffled = list(samples)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    parts = gathered(shuffled[:cut])
    parts.merge(gathered(shuffled[cut:]))
    found = parts.channel_figures(spec.step)
    assert (found is None) == (whole is None)
    for name in ("rmse_over_scale", "sqnr_db", "mean_error") if whole is not None else ():
        assert getattr(found, name).tobytes() == getattr(whole, name).tobytes(), name


@pytest.mark.parametrize("step", [0.0, -0.5, math.nan])
def test_a_scale_that_is_none_places_nothing(step):
    """On a grid without a positive scale reals have extremes, and no places."""
    grid = Grid(step, 0.0, -128, 127)
    reals = RealSums(grid, 1)
    reals.add(np.array([0.0, 1.0, -1.0], np.float32))
    figures = reals.figures()
    assert figures is not None
    assert (figures.lowest, figures.highest) == (-1.0, 1.0)
    assert sum(figures.histogram) == 0


def test_reals_that_are_no_numbers_have_no_place():
    """What is nan or infinite shows in the extremes, and is not counted on the grid."""
    spec = TensorSpec.of("t", (1, 4), "int8", 1.0)
    reals = RealSums(Grid.of(spec), 1)
    reals.add(np.array([[1.0, np.nan, 2.0, 3.0]], np.float32))
    reals.add(np.array([[1.0, 2.0, 3.0, 200.0]], np.float32))
    figures = reals.figures()
    assert math.isnan(figures.lowest)
    assert sum(figures.histogram) == 3
    assert figures.above_fraction == 1 / 8


def test_nothing_seen_has_no_figures():
    """Before the first element there is nothing to tell."""
    spec = TensorSpec.of("t", (1, 4), "int8", 1.0)
    assert code_sums("int8", 1).figures() is None
    assert RealSums(Grid.of(spec), 1).figures() is None


def test_channels_that_are_not_kept_apart():
    """Vectors, very long axes, and scales along another axis."""
    assert channel_count(TensorSpec.of("t", (9,), "int8", 1.0)) == 1
    assert channel_count(TensorSpec.of("t", (1, 5000), "int8", 1.0)) == 1
    assert channel_count(TensorSpec.of("t", (1, 2, 7), "int8", 1.0)) == 7
    many = TensorSpec("t", (1, 2, 7), "int8", np.ones(2, np.float32), np.zeros(2, np.int64), 1)
    assert channel_count(many) == 1
