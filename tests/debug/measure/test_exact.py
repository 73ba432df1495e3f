"""Exact sums do not know in which order they were taken."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.debug.measure.exact import ExactSum, ExactSums

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def total(terms: list[float]) -> ExactSum:
    result = ExactSum()
    for term in terms:
        result.add(term)
    return result


@given(st.lists(FINITE), st.randoms())
def test_order_and_parts_do_not_matter(terms, random):
    """Shuffled, cut anywhere and merged, the sum is the same bit for bit."""
    expected = total(terms).value
    shuffled = list(terms)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    parts = total(shuffled[:cut])
    parts.merge(total(shuffled[cut:]))
    assert parts.value == expected


@given(st.lists(st.floats(-1e300, 1e300), max_size=20))
def test_value_is_the_exact_sum_rounded_once(terms):
    """The value is the float64 nearest to the sum in fractions."""
    assert total(terms).value == float(sum(map(Fraction, terms), Fraction(0)))


def test_what_a_float_cannot_hold():
    """Too large a sum is an infinity, and terms that are not finite act as in float addition."""
    assert total([1.7e308, 1.7e308]).value == math.inf
    assert total([-1.7e308, -1.7e308]).value == -math.inf
    assert total([1.7e308, 1.7e308, -1.7e308]).value == 1.7e308
    assert total([1.0, math.inf]).value == math.inf
    assert math.isnan(total([math.inf, -math.inf, 1.0]).value)
    assert math.isnan(total([math.nan]).value)


WIDE = st.floats(-1e300, 1e300)


@given(st.lists(st.tuples(WIDE, WIDE, WIDE), max_size=12), st.randoms())
def test_many_sums_are_exact_in_any_order(rows, random):
    """Each of several sums is the one in fractions to a few ulps; order changes no bit."""

    def total_of(parts: list[tuple[float, ...]]) -> ExactSums:
        result = ExactSums(3)
        for part in parts:
            result.add(np.array(part))
        return result

    shuffled = list(rows)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    merged = total_of(shuffled[:cut])
    merged.merge(total_of(shuffled[cut:]))
    found = merged.values
    assert found.tobytes() == total_of(rows).values.tobytes()
    for column, value in enumerate(found):
        exact = sum((Fraction(row[column]) for row in rows), Fraction(0))
        assert abs(Fraction(value) - exact) <= abs(exact) * Fraction(1, 2**51) + Fraction(
            1, 2**1070
        )


def test_sums_keep_what_is_not_finite():
    """An infinity or nan stays in its own sum."""
    sums = ExactSums(4)
    sums.add(np.array([1.0, np.inf, -np.inf, np.nan]))
    sums.add(np.array([2.0, 1.0, np.inf, 1.0]))
    assert sums.values[0] == 3.0
    assert sums.values[1] == math.inf
    assert np.isnan(sums.values[2:]).all()
