"""Codes and the reals they stand for, where scales are no numbers to calculate with."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.graph.spec import TensorSpec
from refinterp.samples.convert import dequantize


@pytest.mark.parametrize("scale", [(np.inf,), (np.inf, 1.0), (3e38, np.nan)])
@pytest.mark.parametrize("dtype", ["int8", "int32"])
def test_scales_that_are_no_numbers(scale, dtype):
    """0 times infinity stands as what it is, and no warning is raised beside it."""
    spec = TensorSpec(
        "x", dtype, (2, 2), np.array(scale, np.float32), np.zeros(len(scale), np.int64), 1
    )
    found = dequantize(np.array([[0, 9], [5, 9]], dtype), spec)
    assert found.dtype == np.float32
    assert not np.isfinite(found).all()
