"""One number in Python's integers against arrays of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics import q31

EDGES = st.sampled_from([1, 2, 3, 2**19, 2**19 + 1, 2**30, 2**31 - 1, 2**31, 2**32 - 1])


@given(st.lists(EDGES | st.integers(1, 2**32 - 1), min_size=1), st.integers(1, 20))
def test_reciprocal_of_one_number(numbers, bits):
    """The scalar form gives the mantissa and the shift of the array form, bit for bit."""
    mantissas, shifts = q31.reciprocal(np.array(numbers, np.int64), bits)
    assert [q31.reciprocal_of(x, bits) for x in numbers] == list(
        zip(mantissas.tolist(), shifts.tolist(), strict=True)
    )


@given(st.integers(1, 2**31))
def test_reciprocal_is_near(x):
    """The mantissa * 2**-31 / 2**shift is 1 / x to 27 bits: Newton steps in Q29 give no more."""
    mantissa, shift = q31.reciprocal_of(x, 0)
    assert abs(mantissa / 2**31 * 2.0**-shift * (x / 2**31) - 1) < 2**-27
