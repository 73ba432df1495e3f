"""Graphs that are fused or divided differently pair by what their tensors hold."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.compare import Comparison, debug
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples

CHANNELS = 6
RNG = np.random.default_rng(4)
WEIGHTS = RNG.normal(0, 0.4, (2, CHANNELS, 3, 3, CHANNELS)).astype(np.float32)
GAMMA = RNG.uniform(0.4, 1.6, (2, CHANNELS)).astype(np.float32)
BETA = RNG.normal(0, 0.5, (2, CHANNELS)).astype(np.float32)
SHAPE = (1, 8, 8, CHANNELS)
CONV = {"padding": "SAME", "stride_w": 1, "stride_h": 1}


def quantized() -> Model:
    """Two convolutions with folded normalization and RELU, the way a converter leaves them."""
    g = GraphBuilder()
    x = g.input("x", SHAPE, "int8", scale=2 / 255, zero_point=0)
    step = 2 / 255
    for n in range(2):
        w = WEIGHTS[n] * GAMMA[n][:, None, None, None]
        scales = np.float32(np.abs(w).max(axis=(1, 2, 3)) / 127)
        codes = np.rint(w / scales[:, None, None, None]).astype(np.int8)
        both = np.float32(np.float32(step) * scales)
        bias = np.rint(BETA[n] / both).astype(np.int32)
        wt = g.constant(f"w{n}", codes, scale=scales)
        bt = g.constant(f"b{n}", bias, scale=both)
        out = 0.06
        y = g.tensor(f"q{n}", SHAPE, "int8", scale=out, zero_point=-128)
        g.operator("CONV_2D", [x, wt, bt], [y], {**CONV, "fused_activation_function": "RELU"})
        x, step = y, out
    return g.build(outputs=[x])


def divided(*, pad: bool = False, fold: bool = False) -> Model:
    """The same in float: convolution, MUL, ADD, RELU one by one; pad: SAME by an operator."""
    g = GraphBuilder()
    x = g.input("input", SHAPE)
    options = dict(CONV)
    for n in range(2):
        if pad:
            wide = g.tensor(f"pad{n}", (1, 10, 10, CHANNELS))
            ends = g.constant(f"ends{n}", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
            g.operator("PAD", [x, ends], [wide])
            x, options["padding"] = wide, "VALID"
        names = [f"{n}{part}" for part in ("conv", "mul", "add", "relu")]
        conv, mul, add, relu = (g.tensor(name, SHAPE) for name in names)
        zero = g.constant(f"zero{n}", np.zeros(CHANNELS, np.float32))
        w = WEIGHTS[n] * (GAMMA[n][:, None, None, None] if fold else 1)
        g.operator("CONV_2D", [x, g.constant(f"fw{n}", w), zero], [conv], options)
        last = conv
        if not fold:
            g.operator("MUL", [conv, g.constant(f"g{n}", GAMMA[n])], [mul])
            last = mul
        g.operator("ADD", [last, g.constant(f"be{n}", BETA[n])], [add])
        g.operator("RELU", [add], [relu])
        x = relu
    return g.build(outputs=[x])


def samples(count: int = 4) -> Samples:
    data = np.random.default_rng(9).uniform(-1, 0.99, (count, *SHAPE)).astype(np.float32)
    return Samples(count, lambda i: [data[i]], "drawn")


@pytest.mark.parametrize("pad", [False, True])
@pytest.mark.parametrize("fold", [False, True])
def test_a_divided_float_model_pairs_with_a_fused_one(pad, fold):
    """Each quantized convolution pairs with the last operator that its own stands for."""
    comparison = Comparison(quantized(), divided(pad=pad, fold=fold))
    names = [spec.name for spec in comparison.setup.twin.specs]
    found = {t: names[f] for t, f in comparison.setup.pairing.tensors.items()}
    last = {comparison.setup.quantized.specs[t].name: name for t, name in found.items()}
    assert last["q0"] == "0relu"
    assert last["q1"] == "1relu"
    assert comparison.setup.unpaired == ()
    assert {one.reference for one in comparison.setup.local.values()} == {"float model"}
    report = comparison.report(comparison.measure(samples()))
    for layer in report.layers:
        assert layer.local.rmse_over_scale < 0.6
        assert layer.local.sqnr_db > 30
        assert layer.accumulated is not None
        assert layer.accumulated.sqnr_db > 28
        assert layer.causes == ()


def test_a_chain_is_the_reference_that_a_fused_operator_is():
    """Local figures against several float operators equal those against the fused one."""
    g = GraphBuilder()
    x = g.input("input", SHAPE)
    for n in range(2):
        y = g.tensor(f"y{n}", SHAPE)
        w = g.constant(f"w{n}", WEIGHTS[n] * GAMMA[n][:, None, None, None])
        b = g.constant(f"b{n}", BETA[n])
        g.operator("CONV_2D", [x, w, b], [y], {**CONV, "fused_activation_function": "RELU"})
        x = y
    fused = debug(quantized(), samples(), g.build(outputs=[x]))
    split = debug(quantized(), samples(), divided())
    for one, other in zip(fused.layers, split.layers, strict=True):
        assert one.operator == other.operator
        assert one.local.mean_squared_error == pytest.approx(
            other.local.mean_squared_error, rel=1e-4
        )


def test_another_model_is_listed_not_paired():
    """A float model of the same shape with other values pairs nothing but what agrees."""
    rng = np.random.default_rng(77)
    g = GraphBuilder()
    x, y = g.input("input", SHAPE), g.tensor("y", SHAPE)
    g.operator("CONV_2D", [x, g.constant("w", rng.normal(0, 1, WEIGHTS[0].shape).astype("f4")),
                           g.constant("b", np.zeros(CHANNELS, np.float32))], [y], CONV)  # fmt: skip
    comparison = Comparison(quantized(), g.build(outputs=[y]))
    assert {(u.model, u.operator) for u in comparison.setup.unpaired} >= {("quantized", 0)}
    assert all(u.reason for u in comparison.setup.unpaired)
