"""Integer products through BLAS against products of Python integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics.gemm import ExactGemm


@given(
    st.integers(1, 5), st.integers(1, 3000), st.integers(0, 5),
    st.sampled_from([128, 255, 32768]), st.booleans(), st.integers(0, 2**32 - 1),
    st.sampled_from([np.int8, np.int16, np.int64]),
)  # fmt: skip
def test_products_are_exact(rows, inner, columns, x_max, extreme, seed, dtype):
    """Every sum equals the integer sum, also where float32 alone would round."""
    rng = np.random.default_rng(seed)
    w = (
        rng.choice([-128, 127], (inner, columns))
        if extreme
        else rng.integers(-128, 128, (inner, columns))
    )
    w = w.astype(dtype)
    x = (
        rng.choice([-x_max, x_max], (rows, inner))
        if extreme
        else rng.integers(-x_max, x_max + 1, (rows, inner))
    )
    gemm = ExactGemm.prepare(w, x_max)
    out = np.empty((rows, columns), gemm.output_dtype)
    gemm(x.astype(gemm.input_dtype), out)
    largest = x_max * np.abs(w.astype(np.int64)).sum(axis=0)
    assert (gemm.bound >= largest).all()
    np.testing.assert_array_equal(gemm.tightened().bound, largest)
    np.testing.assert_array_equal(out.astype(np.int64), x.astype(object) @ w.astype(object))


def test_the_bound_decides_the_type():
    """Small sums run in float32; sums beyond 2**24 are cut or run in float64."""
    assert ExactGemm.prepare(np.full((100, 1), 127), 128).output_dtype == np.float32
    assert ExactGemm.prepare(np.full((2000, 1), 127), 128).output_dtype == np.float64
