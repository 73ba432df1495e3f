"""Exact sums do not know in which order they were taken."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from refinterp.debug.exact import ExactSum

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
