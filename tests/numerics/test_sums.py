"""Sums over a middle axis through BLAS against integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics.sums import BLOCK, middle_sums

SIZE = st.integers(1, 40)


def take(shape, dtype):
    return np.full(shape, np.nan, dtype)


@given(n=SIZE, k=SIZE, c=SIZE, seed=st.integers(0, 999))
@pytest.mark.parametrize(("codes", "dtype"), [("i1", "f4"), ("u1", "f4"), ("i2", "f8")])
def test_sums_are_exact(codes, dtype, n, k, c, seed):
    """Sums of codes of any sign are those of int64, for strided data too."""
    limits = np.iinfo(codes)
    rng = np.random.default_rng(seed)
    x = rng.integers(limits.min, limits.max, (n, k, 2 * c), codes, endpoint=True)[..., ::2]
    out = np.empty((n, c), dtype)
    middle_sums(x, out, take)
    np.testing.assert_array_equal(out, x.sum(axis=1, dtype=np.int64))


def test_more_than_a_block():
    """Data larger than a block are cut into several, the last of which is short."""
    x = np.full((7, BLOCK // 3, 1), -128, np.int8)
    out = np.empty((7, 1), np.float32)
    middle_sums(x, out, take)
    np.testing.assert_array_equal(out, -128 * (BLOCK // 3))
