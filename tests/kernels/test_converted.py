"""What converters and quantizers write that random cases of one operator do not reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.kernels.ops.non_max_suppression import Queue
from refinterp.run.prepare import prepare
from refinterp.runtimes import Runtime
from tests.kernels.oracle import drawn, hold
from tests.strategies import cases


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


def test_exp_of_int16_beyond_float_is_litert_s(litert: Runtime) -> None:
    """Every code: infinities the table makes 0, and slopes from end to end, which wrap around."""
    g = GraphBuilder()
    x = g.input("x", (65536,), "int16", scale=0.5)
    y = g.tensor("y", (65536,), "int16", scale=2.0**-10)
    g.operator("EXP", [x], [y])
    data = np.arange(-32768, 32768).astype(np.int16)
    assert hold(Case(g.build(outputs=[y]), [[data]]), litert, "runtime:litert-reference")


@pytest.mark.parametrize("operator", drawn("detection", runtime="litert-reference"))
def test_same_as_litert(operator: str, litert: Runtime) -> None:
    """Operators of detectors, volumes and segments come out as in LiteRT's reference kernels."""
    held = []
    keys = [key for key in load_all() if key[0] == operator]

    for key in keys:

        @settings(max_examples=settings.default.max_examples // 4)
        @given(cases(load_all()[key]))
        def check(case: Case) -> None:
            held.append(hold(case, litert, "runtime:litert-reference"))

        check()
    assert any(held)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_segment_sum_is_litert_s(dtype: str, optimized: Runtime) -> None:
    """LiteRT has it among the optimized kernels only."""
    held = []

    @settings(max_examples=settings.default.max_examples // 4)
    @given(cases(load_all()["SEGMENT_SUM", dtype]))
    def check(case: Case) -> None:
        held.append(hold(case, optimized, "runtime:litert-optimized"))

    check()
    assert any(held)


def test_queue_gives_the_best_and_equal_ones_as_gnu_s_does() -> None:
    """Eight candidates of four scores, in the order in which the C++ library hands them out."""
    queue = Queue()
    for index, score in enumerate([4, 3, 3, 3, 3, 4, 2, 4]):
        queue.push((np.float32(score), index, 0))
    assert [queue.pop()[1] for _ in range(8)] == [0, 5, 7, 2, 3, 4, 1, 6]
    assert not queue


def _refused(operator: str, shapes: list[tuple[int, ...]], options: dict[str, object]) -> str:
    g = GraphBuilder()
    inputs = [g.input(f"x{i}", shape) for i, shape in enumerate(shapes)]
    y = g.tensor("y", shapes[0], "int32" if operator == "BUCKETIZE" else "float32")
    g.operator(operator, inputs, [y], options)
    with pytest.raises((ModelError, UnsupportedError)) as caught:
        prepare(g.build(outputs=[y]))
    return str(caught.value)


def test_what_cannot_be_is_refused_before_the_run() -> None:
    """Shapes and settings that no run could make sense of."""
    strides = {"stride_d": 1, "stride_h": 1, "stride_w": 1}
    assert "rank 5" in _refused("CONV_3D", [(1, 2, 2, 2), (1, 1, 1, 2, 3)], strides)
    assert "operand right 'x1': found shape [2, 1]" in _refused("ATAN2", [(2, 2), (2, 1)], {})
    assert "hold 0" in _refused("FAKE_QUANT", [(2,)], {"min": 1.0, "max": 2.0, "num_bits": 8})
    narrow = {"min": -1.0, "max": 2.0, "num_bits": 8, "narrow_range": True}
    assert "narrow_range" in _refused("FAKE_QUANT", [(2,)], narrow)
    assert "rank 4" in _refused("LOCAL_RESPONSE_NORMALIZATION", [(2, 2)], {})
    bounds = {"boundaries": np.array([2.0, 1.0], np.float32)}
    assert "rise" in _refused("BUCKETIZE", [(2,)], bounds)
