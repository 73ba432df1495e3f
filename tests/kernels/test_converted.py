"""What converters and quantizers write that random cases of one operator do not reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from conformance.case import Case
from refinterp.graph.build import GraphBuilder
from refinterp.runtimes import Runtime
from tests.kernels.oracle import hold, opened


@pytest.fixture(scope="module")
def litert() -> Iterator[Runtime]:
    yield from opened("runtime:litert-reference")


def test_batch_matmul_of_int16_by_channel_scales_is_zero(litert: Runtime) -> None:
    """LiteRT finds no one scale of such weights, takes 0 for it, and gives zeros."""
    g = GraphBuilder()
    x = g.input("x", (2, 3), "int16", scale=1e-4)
    scales = [0.01, 0.02]
    w = g.constant("w", np.arange(6).reshape(3, 2), "int8", scale=scales, quantized_dimension=1)
    y = g.tensor("y", (2, 2), "int16", scale=1e-4)
    g.operator("BATCH_MATMUL", [x, w], [y])
    data = np.arange(-3, 3, dtype=np.int16).reshape(2, 3) * 1000
    assert hold(Case(g.build(outputs=[y]), [[data]]), litert, "runtime:litert-reference")
