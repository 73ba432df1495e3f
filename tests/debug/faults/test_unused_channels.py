"""Channels that stand still: those that training pruned are no fault, those that are missed are."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.compare import debug
from refinterp.debug.faults.unused_channels import unused_channels
from refinterp.debug.reference.weighted import weighted_operators
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.run.prepare import prepare
from refinterp.samples.samples import Samples

CHANNELS = 6
DEAD = [1, 4]


def network(*, read: bool, depthwise: bool, scale: float = 0.01, bias: int = 30) -> Model:
    """CONV_2D with channels of no weights, what lies between, and a layer that reads its result.

    read: whether the reader has weights for them. scale: of the dead channels' own weights.
    """
    rng = np.random.default_rng(2)
    g = GraphBuilder()
    grid = {"scale": 0.05, "zero_point": 0}
    x = g.input("x", (1, 4, 4, 3), "int8", **grid)
    codes = rng.integers(-127, 128, (CHANNELS, 1, 1, 3))
    codes[DEAD] = 0
    scales = np.full(CHANNELS, 0.01)
    scales[DEAD] = scale
    zeros = [0] * CHANNELS
    w = g.constant("w", codes.astype(np.int8), scale=scales.tolist(), zero_point=zeros)
    both = (0.05 * scales).tolist()
    b = g.constant("b", np.full(CHANNELS, bias, np.int32), scale=both, zero_point=zeros)
    y = g.tensor("y", (1, 4, 4, CHANNELS), "int8", **grid)
    options = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    if depthwise:
        own = rng.integers(60, 128, (1, 1, 1, CHANNELS)).astype(np.int8)
        d = g.constant("d", own, scale=0.01, zero_point=0)
        z = g.tensor("z", (1, 4, 4, CHANNELS), "int8", **grid)
        g.operator("DEPTHWISE_CONV_2D", [y, d], [z], {**options, "depth_multiplier": 1})
        y = z
    flat = g.tensor("flat", (1, 16 * CHANNELS), "int8", **grid)
    g.operator("RESHAPE", [y, g.constant("shape", np.array([1, 16 * CHANNELS], np.int32))], [flat])
    last = rng.integers(-127, 128, (2, 16, CHANNELS))
    if not read:
        last[..., DEAD] = 0
    v = g.constant("v", last.reshape(2, -1).astype(np.int8), scale=0.002, zero_point=0)
    out = g.tensor("out", (1, 2), "int8", scale=0.05, zero_point=0)
    g.operator("FULLY_CONNECTED", [flat, v], [out])
    return g.build(outputs=[out])


def causes(model: Model) -> set[tuple[int, str]]:
    """What the debugger says without a float model."""
    rng = np.random.default_rng(1)
    data = rng.integers(-128, 128, (8, 1, 4, 4, 3)).astype(np.int8)
    report = debug(model, Samples(len(data), lambda i: [data[i]], "drawn"))
    return {(one.operator, c.id) for one in report.layers for c in one.causes}


@pytest.mark.parametrize("depthwise", [False, True])
def test_what_nobody_reads_was_pruned(depthwise):
    """Channels without weights are a fault where the reader counts on them, and only there."""
    assert (0, "dead_channels") in causes(network(read=True, depthwise=depthwise))
    assert (0, "dead_channels") not in causes(network(read=False, depthwise=depthwise))


def test_a_scale_for_next_to_nothing_was_meant():
    """Weights that rounded to 0 from next to nothing have a scale that says so."""
    model = network(read=True, depthwise=False, scale=1e-9, bias=0)
    assert (0, "dead_channels") not in causes(model)


@pytest.mark.parametrize(("count", "told"), [(4, False), (40, True)])
def test_a_channel_that_stands_still_in_few_values_may_do_so_by_chance(count, told):
    """A channel at a RELU's floor whose reference rises over it, by 50 of 255 steps."""
    data = np.full((count, 1, 2), 2.0, np.float32)
    data[:, 0, 0] = np.linspace(0, 0.5, count)
    samples = Samples(count, lambda i: [data[i]], "drawn")
    found = debug(relu(quantized=True), samples, relu(quantized=False))
    assert ("dead_channels" in {c.id for one in found.layers for c in one.causes}) == told


def relu(*, quantized: bool) -> Model:
    """FULLY_CONNECTED: 5 x0 and x1 as floats; as codes the first channel is -0.2 x1."""
    g = GraphBuilder()
    grid = {"scale": 0.05, "zero_point": -128} if quantized else {}
    dtype = "int8" if quantized else "float32"
    x = g.input("x", (1, 2), dtype, **({"scale": 0.05, "zero_point": 0} if quantized else {}))
    if quantized:
        w = g.constant("w", np.array([[0, -20], [0, 100]], np.int8), scale=0.01, zero_point=0)
    else:
        w = g.constant("w", np.array([[5, 0], [0, 1]], np.float32))
    y = g.tensor("y", (1, 2), dtype, **grid)
    g.operator("FULLY_CONNECTED", [x, w], [y], {"fused_activation_function": "RELU"})
    return g.build(outputs=[y])


@pytest.mark.parametrize(("axes", "pruned"), [((3,), False), ((1, 2), True)])
def test_a_mean_over_channels_uses_them_all(axes, pruned):
    """A reader's column of zeros is a channel's only where the mean leaves channels apart."""
    rng = np.random.default_rng(3)
    g = GraphBuilder()
    grid = {"scale": 0.05, "zero_point": 0}
    x = g.input("x", (1, 4, 4, 3), "int8", **grid)
    codes = rng.integers(-127, 128, (4, 1, 1, 3))
    codes[2] = 0
    w = g.constant("w", codes.astype(np.int8), scale=[0.01] * 4, zero_point=[0] * 4)
    b = g.constant("b", np.full(4, 3000, np.int32), scale=[0.0005] * 4, zero_point=[0] * 4)
    y = g.tensor("y", (1, 4, 4, 4), "int8", **grid)
    options = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    shape = (1, 4, 4) if axes == (3,) else (1, 4)
    m = g.tensor("m", shape, "int8", **grid)
    g.operator("MEAN", [y, g.constant("axes", np.array(axes, np.int32))], [m])
    last = rng.integers(1, 128, (2, 4)).astype(np.int8)
    last[:, 2] = 0
    v = g.constant("v", last, scale=0.01, zero_point=0)
    out = g.tensor("out", (*shape[:-1], 2), "int8", **grid)
    g.operator("FULLY_CONNECTED", [m, v], [out], {"keep_num_dims": True})
    program = prepare(g.build(outputs=[out]))
    weighted = {o.operator: o for o in weighted_operators(program.graph.operators, program.specs)}
    found = unused_channels(y, 4, program.steps, weighted, program.specs)
    assert found.tolist() == [False, False, pruned, False]
