"""The float64 path of requantization against the plain rule, aimed at ties and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from refinterp.numerics.corrections import Corrections
from refinterp.numerics.requantize import Requantizer, settled_together
from refinterp.numerics.tape import NOW
from tests.oracles import integers
from tests.strategies import factors, zero_points

FEW = 1  # elements for which the float64 form is looked for
MANY = 1 << 40  # and the float32 form


def _thresholds(r: Requantizer, rng: np.random.Generator, bound: int) -> np.ndarray:
    """Accumulators around every place where the code may change, plus random ones: (n, C)."""
    steps = np.arange(-140, 141)[:, None] + 0.5
    with np.errstate(over="ignore"):
        centre = np.clip(steps / r.rule.factor - r.rule.bias, -bound, bound).astype(np.int64)
    near = (centre[None] + np.arange(-3, 4)[:, None, None]).reshape(-1, r.rule.factor.size)
    wide = rng.integers(-bound, bound + 1, (200, r.rule.factor.size))
    return np.clip(np.concatenate([near, wide]), -bound, bound)


@st.composite
def requantizers(draw, rounding):
    """A layer's requantization with 1 to 4 channels and the bound on its accumulators."""
    channels = draw(st.integers(1, 4))
    factor = np.array(draw(st.lists(factors, min_size=channels, max_size=channels)))
    bound = draw(st.integers(1, 2**24 - 1))
    bias = np.array(
        draw(st.lists(st.integers(-(2**22), 2**22), min_size=channels, max_size=channels)), np.int64
    )
    zero = draw(zero_points)
    low = draw(st.sampled_from([-128, zero]))
    high = draw(st.sampled_from([127, max(low, min(127, zero + 20))]))
    r = Requantizer.prepare(
        factor, bias, zero, low, high, rounding=rounding, bound=np.full(channels, float(bound))
    )
    return r.settle(FEW, np.float64), bound


@pytest.mark.parametrize("rounding", ["double", "real", "int64"])
def test_fast_path_equals_the_plain_rule(rounding):
    """Where a fast form is offered it gives the plain rule's codes at every threshold."""

    @given(requantizers(rounding), st.integers(0, 2**32 - 1))
    def check(drawn, seed):
        r, bound = drawn
        event(f"fast form offered: {r.float64 is not None}")
        acc = _thresholds(r, np.random.default_rng(seed), bound)
        out = np.zeros(acc.shape, np.int8)
        r(acc.astype(np.float64), out)
        np.testing.assert_array_equal(out, r.rule.exact(acc))

    check()


@given(st.integers(-14, -1), st.integers(-140, 140), zero_points)
def test_fast_path_on_powers_of_two(exponent, code, zero):
    """Power-of-two factors tie at every other accumulator; the fast path holds there too."""
    threshold = ((2 * code + 1) << -exponent) // 2
    start = threshold - 250
    r = Requantizer.prepare(
        np.array([2.0**exponent]), np.zeros(1, np.int64), zero, -128, 127,
        rounding="double", bound=np.array([2.0**22]),
    ).settle(FEW, np.float32)  # fmt: skip
    acc = np.arange(start, start + 500)[:, None]
    out = np.zeros(acc.shape, np.int8)
    r(acc.astype(np.float32), out)
    m, e = int(r.rule.multiplier.mantissa[0]), int(r.rule.multiplier.exponent[0])
    want = [min(127, max(-128, integers.rescale(int(a), m, e) + zero)) for a in acc[:, 0]]
    np.testing.assert_array_equal(out[:, 0], want)  # pytest's own diff of long lists takes minutes


def test_ordinary_layers_get_the_fast_form():
    """A typical convolution, dead channel included, is not sent to the plain rule."""
    factor = np.array([0.0037, 0.00121, 2.0**-9, 1e-12])
    r = Requantizer.prepare(
        factor, np.array([1200, -3, 0, 7]), -128, -128, 127,
        rounding="double", bound=np.full(4, 2.0**22),
    ).settle(FEW, np.float32)  # fmt: skip
    assert r.float64 is not None


def test_channels_that_cannot_change_are_constants():
    """A tiny scale under a huge bias, as converters give dead channels, stays on the fast path."""
    factor = np.array([0.004, 1e-9, 3e-10, 2.0**-28])
    bias = np.array([3, 2**30, -(2**30), 2**30])
    r = Requantizer.prepare(
        factor, bias, -7, -128, 127, rounding="double", bound=np.full(4, 2.0**20)
    ).settle(FEW, np.float32)
    acc = np.random.default_rng(0).integers(-(2**20), 2**20, (500, 4))
    out = np.zeros(acc.shape, np.int8)
    r(acc.astype(np.float32), out)
    assert r.float64 is not None
    np.testing.assert_array_equal(out, r.rule.exact(acc))


@pytest.mark.parametrize("low", [-128, -20])
@pytest.mark.parametrize("least", [2.5e-3, 6e-4, 3e-4])
def test_float32_form_equals_the_plain_rule(low, least):
    """Where float32 is offered it gives the plain rule's codes for every accumulator there is."""
    rng = np.random.default_rng(1)
    offered = corrected = 0
    for _ in range(12):
        channels = int(rng.integers(1, 40))
        factor = rng.uniform(least, 4 * least, channels)
        factor[rng.random(channels) < 0.1] = 2.0**-8
        reach = int(140 / least)
        r = Requantizer.prepare(
            factor, rng.integers(-5000, 5000, channels), -20, low, 127,
            rounding="double", bound=np.full(channels, float(reach)),
        ).settle(MANY, np.float32)  # fmt: skip
        acc = np.repeat(np.arange(-reach, reach + 1)[:, None], channels, axis=1)
        out = np.zeros(acc.shape, np.int8)
        r(acc.astype(np.float32), out)
        assert r.float64 is not None
        if r.float32 is not None:
            offered += 1
            corrected += r.float32.corrections.channels.size
        np.testing.assert_array_equal(out, r.rule.exact(acc))
    assert offered > 2
    assert corrected or least > 1e-3


def test_float32_form_at_the_ends_of_the_bound():
    """A code that is only just reached, or only just not, by the largest sums is told apart."""
    rng = np.random.default_rng(2)
    offered = 0
    for _ in range(300):
        factor = rng.uniform(5e-4, 0.05, 3)
        bound = np.floor((rng.integers(1, 100, 3) + 0.5) / factor) + rng.integers(-1, 3, 3)
        r = Requantizer.prepare(
            factor, np.zeros(3, np.int64), 0, -128, 127, rounding="double", bound=bound
        ).settle(MANY, np.float32)
        acc = np.concatenate([bound[None] - [[0], [1], [2]], -bound[None] + [[0], [1], [2]]])
        out = np.zeros(acc.shape, np.int8)
        r(acc.astype(np.float32), out)
        offered += r.float32 is not None
        np.testing.assert_array_equal(out, r.rule.exact(acc.astype(np.int64)))
    assert offered > 100


@pytest.mark.parametrize("rounding", ["double", "real"])
def test_forms_of_channels_of_all_sizes(rounding):
    """Channels of which few codes, or one, are ever reached share a layer with ordinary ones."""
    rng = np.random.default_rng(4)
    offered = 0
    for turn in range(400):
        channels = int(rng.integers(1, 9))
        factor = 10.0 ** rng.uniform(-4.5, 0.3, channels)
        factor[rng.random(channels) < 0.1] *= 1e-6
        bias = rng.integers(-(10 ** rng.integers(1, 7)), 10 ** rng.integers(1, 7), channels)
        bound = np.floor(10.0 ** rng.uniform(2, 7, channels))
        zero = int(rng.integers(-128, 127))
        low = -128 if turn % 2 else zero
        r = Requantizer.prepare(factor, bias, zero, low, 127, rounding=rounding, bound=bound)
        acc = rng.normal(0, 140, (300, channels)) / factor
        acc = np.clip(acc, -bound, bound).astype(np.int64)
        for elements, dtype in ((FEW, np.float64), (MANY, np.float32)):
            settled = r.settle(elements, dtype)
            offered += settled.float32 is not None
            out = np.zeros(acc.shape, np.int8)
            settled(acc.astype(dtype), out)
            np.testing.assert_array_equal(out, r.rule.exact(acc))
    assert offered > 100


@pytest.mark.parametrize("channels", [4, 100])
def test_corrections(channels):
    """What comes out wrong is found in rows and in columns, many of one channel as well as one."""
    rng = np.random.default_rng(3)
    for count in (1, 3, 2 * channels):
        which = rng.integers(0, channels, count)
        sums = rng.permutation(1000)[:count].astype(np.float32)
        codes = rng.integers(-128, 128, count)
        corrections = Corrections.of(which, sums, codes, channels, 16)
        acc = rng.integers(0, 1000, (50, channels)).astype(np.float32)
        acc[rng.integers(0, 50, count), which] = sums
        out = np.zeros(acc.shape, np.int8)
        want = out.copy()
        for channel, value, code in zip(which, sums, codes, strict=True):
            want[acc[:, channel] == value, channel] = code

        row = len(corrections.rows[0]) if corrections.rows else 1
        whole = acc.size // row * row
        cuts = (
            (lambda flat, n=whole, row=row: flat[:n].reshape(-1, row)),
            lambda flat, n=whole: flat[n:],
        )
        scratch = np.zeros(acc.size * 40, np.bool_)
        hits = corrections.find(acc, scratch, NOW, cuts)
        corrections.apply(hits, out)
        np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("rounding", ["real", "real64", "int64"])
def test_channels_whose_codes_wrap_are_not_constants(rounding):
    """Beyond int32 codes wrap, so that equal codes at both ends say nothing of those between."""
    r = Requantizer.prepare(
        np.array([3e5]), np.array([0]), 0, -32768, 32767,
        rounding=rounding, bound=np.array([2.0**21]),
    ).settle(FEW, np.float64)  # fmt: skip
    acc = np.random.default_rng(0).integers(-(2**21), 2**21, (2000, 1))
    acc[:200] //= 1 << 14
    out = np.zeros(acc.shape, np.int16)
    r(acc.astype(np.float64), out)
    np.testing.assert_array_equal(out, r.rule.exact(acc))


def test_a_real_factor_multiplies_the_biased_sum():
    """-5 * 1.9 is a tie in float64, -6 * 1.9 + 1.9 is not: the bias has to be added first."""
    r = Requantizer.prepare(
        np.array([1.9]), np.array([1]), 0, -128, 127, rounding="real", bound=np.array([100.0])
    ).settle(FEW, np.float64)
    out = np.zeros((1, 1), np.int8)
    r(np.array([[-6.0]]), out)
    assert out[0, 0] == r.rule.exact(np.array([[-6]]))[0, 0] == -10


def test_layers_are_settled_together_as_well_as_alone():
    """Layers of all rules, bounds and sizes at once: each gives its own plain rule's codes."""
    rng = np.random.default_rng(6)
    offered = 0
    for _ in range(40):
        given = []
        for _ in range(int(rng.integers(1, 8))):
            channels = int(rng.integers(1, 40))
            factor = 10.0 ** rng.uniform(-4.5, 0.3, channels)
            factor[rng.random(channels) < 0.1] *= 1e-6
            bound = np.floor(10.0 ** rng.uniform(2, 7, int(rng.choice([1, channels]))))
            zero = int(rng.integers(-128, 127))
            one = Requantizer.prepare(
                factor, rng.integers(-5000, 5000, channels), zero,
                int(rng.choice([-128, zero])), 127,
                rounding=str(rng.choice(["double", "real", "real64", "int64"])),
                bound=bound, plain=bool(rng.random() < 0.1),
            )  # fmt: skip
            given.append((one, int(rng.choice([1, 100, 10**6]))))
        for (one, _), settled in zip(given, settled_together(given), strict=True):
            offered += settled.float64 is not None
            bound = np.broadcast_to(1 if one.bound is None else one.bound, one.rule.bias.shape)
            acc = rng.normal(0, 140, (300, bound.size)) / one.rule.factor
            acc = np.clip(acc, -bound, bound).astype(np.int64)
            out = np.zeros(acc.shape, np.int8)
            settled(acc.astype(np.float64), out)
            np.testing.assert_array_equal(out, one.rule.exact(acc))
            assert settled_together([(settled, 5)]) == [settled]
    assert offered > 50
