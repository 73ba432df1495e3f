"""Tensors of fewer dimensions than a kernel reads: refused, whatever the library."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.errors import UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.tflm.ledger import measure
from refinterp.tflm.targets import profile


@pytest.mark.parametrize("kernels", ["cmsis-nn", "cmsis-nn-size"])
def test_a_depthwise_result_of_one_dimension(kernels):
    """CMSIS-NN's wrapper reads the fourth dimension without a look at how many there are."""
    g = GraphBuilder()
    x = g.input("x", (1, 4, 4, 2), "int8", scale=1.0)
    w = g.constant("w", np.ones((1, 2, 2, 2), np.int8), scale=1.0)
    y = g.tensor("y", (32,), "int8", scale=1.0)
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "depth_multiplier": 1}
    g.operator("DEPTHWISE_CONV_2D", [x, w, -1], [y], options)
    with pytest.raises(UnsupportedError, match="DEPTHWISE_CONV_2D"):
        measure(g.build([y]), profile("cortex-m4", kernels))
