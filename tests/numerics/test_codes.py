"""Storing clamped floats as codes, whatever the processor makes of floats out of range."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics.codes import store


@given(st.sampled_from(["int8", "uint8", "int16"]), st.data())
def test_every_code_is_stored(dtype, data):
    """All values of the clamp's range land on value + zero point."""
    limits = np.iinfo(dtype)
    zero = data.draw(st.integers(limits.min, limits.max)) if dtype != "int16" else 0
    low = data.draw(st.sampled_from([limits.min, zero])) - zero
    high = limits.max - zero
    values = np.arange(max(low, -40000), min(high, 40000) + 1)
    out = np.zeros(values.shape, dtype)
    store(values + np.where(values < 0, -0.25, 0.25), out, low, high, zero)
    np.testing.assert_array_equal(out.astype(np.int64), values + zero)
