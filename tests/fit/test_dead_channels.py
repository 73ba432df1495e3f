"""Channels that no output depends on: what is left computes the same."""

from __future__ import annotations

import numpy as np
import pytest

import refinterp
from refinterp.fit.dead_channels import without_dead_channels
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Ran, open_runtime, unavailable
from tests.corpus import corpus

rng = np.random.default_rng(3)


def run(file: bytes, samples: list[np.ndarray]) -> list[bytes]:
    """Outputs of the interpreter."""
    one = refinterp.Interpreter(model_content=file)
    one.allocate_tensors()
    found = []
    for sample in samples:
        one.set_tensor(one.get_input_details()[0]["index"], sample)
        one.invoke()
        found.append(one.get_tensor(one.get_output_details()[0]["index"]).tobytes())
    return found


def net(*, bias: int, activation: str = "NONE", dead: bool = True, unread: bool = True) -> Model:
    """A convolution, a depthwise one and a dense layer, some channels of which are dead.

    dead: channel 1 has no weights, and this bias. unread: channel 2 is read by weights of 0.
    """
    g = GraphBuilder()
    x = g.input("x", (1, 5, 5, 2), "int8", scale=0.5, zero_point=3)
    first = rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8)
    biases = np.array([7, bias if dead else 5, 100, -3], np.int32)
    depth = rng.integers(-127, 128, (1, 3, 3, 4)).astype(np.int8)
    last = rng.integers(-127, 128, (3, 1, 1, 4)).astype(np.int8)
    if dead:
        first[1] = 0
    if unread:
        last[..., 2] = 0
    a = g.tensor(
        "a", (1, 5, 5, 4), "int8", scale=2.0, zero_point=-128 if activation != "NONE" else 4
    )
    b = g.tensor("b", (1, 5, 5, 4), "int8", scale=8.0, zero_point=-9)
    y = g.tensor("y", (1, 5, 5, 3), "int8", scale=64.0, zero_point=1)
    stride = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    stride |= {"dilation_w_factor": 1, "dilation_h_factor": 1}
    f = g.constant("f", first, scale=0.25)
    k = g.constant("k", biases, scale=0.125)
    g.operator("CONV_2D", [x, f, k], [a], {**stride, "fused_activation_function": activation})
    d = g.constant("d", depth, scale=0.125)
    e = g.constant("e", np.array([0, 0, 9, 4], np.int32), scale=0.25)
    g.operator("DEPTHWISE_CONV_2D", [a, d, e], [b], {**stride, "depth_multiplier": 1})
    w = g.constant("w", last, scale=0.125)
    g.operator("CONV_2D", [b, w, g.constant("n", np.zeros(3, np.int32), scale=1.0)], [y], stride)
    return g.build(outputs=[y])


@pytest.mark.parametrize(
    ("settings", "channels"),
    [
        ({"bias": 0}, 2),
        ({"bias": 0, "unread": False}, 1),
        ({"bias": 0, "dead": False}, 1),
        ({"bias": 5, "unread": False}, None),
        ({"bias": -5, "unread": False}, None),
        ({"bias": -5, "unread": False, "activation": "RELU"}, 1),
        ({"bias": 5, "unread": False, "activation": "RELU6"}, None),
        ({"bias": 0, "dead": False, "unread": False}, None),
    ],
)
def test_dead_channels_of_a_small_net(settings, channels):
    """Those whose code is always that of 0, and those that nothing reads; no others."""
    model = net(**settings)
    found = without_dead_channels(model)
    assert (None if found is None else found.channels) == channels
    if found is None:
        return
    samples = [rng.integers(-128, 128, (1, 5, 5, 2)).astype(np.int8) for _ in range(8)]
    new = write_model(found.model)
    assert run(new, samples) == run(write_model(model), samples)
    assert len(new) < len(write_model(model))
    kept = found.model.subgraphs[0].operators[0].outputs[0]
    assert found.model.subgraphs[0].tensors[kept].shape[-1] == 4 - channels


def test_visual_wake_words_is_a_third_of_its_size():
    """741 channels of its int8 model are dead; TFLM computes the same without them."""
    if reason := unavailable("runtime:tflm"):
        pytest.skip(reason)
    old = read_model(str(corpus() / "models" / "vww_96_int8.tflite"))
    found = without_dead_channels(old)
    assert found is not None
    assert found.channels == 741
    before, after = write_model(old), write_model(found.model)
    assert len(after) < len(before) * 0.35
    samples = [[rng.integers(-128, 128, (1, 96, 96, 3)).astype(np.int8)] for _ in range(6)]
    with open_runtime("runtime:tflm") as runtime:
        results = []
        for file in (before, after):
            ran = runtime.run(file, samples)
            assert isinstance(ran, Ran)
            results.append([array.tobytes() for sample in ran.outputs for array in sample])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["IndexError_cmsis_nn_100_arena", "IndexError_cmsis_nn_154_arena"])
def test_odd_shapes_are_left_alone(name):
    """Filters and results of other ranks than their operators': nothing is looked at."""
    model = read_model(str(corpus() / "hostile" / name / "model.tflite"))
    assert without_dead_channels(model) is None
