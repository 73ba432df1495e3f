"""Weights by output channel."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.reference.weights import all_weights, weight_figures
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from tests.corpus import ROOT


def one(op: str, codes: np.ndarray, **grid: object) -> Model:
    """A model of one operator that reads these weights."""
    g = GraphBuilder()
    x = g.input("x", (1, 2, 2, codes.shape[-1]), "int8", scale=0.5)
    w = g.constant("w", codes, **grid)
    y = g.tensor("y", (1, 2, 2, 2), "int8", scale=0.5)
    g.operator(op, [x, w], [y])
    return g.build(outputs=[y])


@pytest.mark.parametrize(("op", "axis"), [("CONV_2D", 0), ("DEPTHWISE_CONV_2D", 3)])
def test_one_scale_for_all_channels(op, axis):
    """Channels run along the axis the operator has them on; reals are scale times code."""
    codes = np.random.default_rng(1).integers(-100, 100, (2, 3, 3, 2)).astype(np.int8)
    found = weight_figures(one(op, codes, scale=0.25), 0)
    assert found is not None
    rows = [codes[c] if axis == 0 else codes[..., c] for c in range(2)]
    np.testing.assert_array_equal(found.lowest, [0.25 * int(row.min()) for row in rows])
    np.testing.assert_array_equal(found.highest, [0.25 * int(row.max()) for row in rows])
    largest = [max(abs(int(row.min())), abs(int(row.max()))) / 127 for row in rows]
    np.testing.assert_allclose(found.used, largest, rtol=1e-15)
    assert not found.per_channel
    np.testing.assert_array_equal(found.scale, [0.25, 0.25])


def test_scales_of_their_own():
    """Each channel's reals are by its own scale, along the axis the file names."""
    codes = np.array([[[[10, -20]]], [[[30, 40]]]], np.int8)
    model = one("CONV_2D", codes, scale=[0.5, 2.0], zero_point=[0, 0], quantized_dimension=0)
    found = weight_figures(model, 0)
    assert found is not None
    assert found.per_channel
    np.testing.assert_array_equal(found.lowest, [-10, 60])
    np.testing.assert_array_equal(found.highest, [5, 80])


def test_scales_that_fit_no_axis_have_no_figures():
    """Three scales for two channels say nothing about channels."""
    codes = np.ones((2, 1, 1, 2), np.int8)
    model = one("CONV_2D", codes, scale=[0.5, 2.0, 1.0], zero_point=[0, 0, 0])
    assert weight_figures(model, 0) is None


def test_operators_without_weights_are_left_out():
    """Of a real network the convolutions and dense layers have weights, ADD and MEAN none."""
    model = read_model(ROOT / "refinterp" / "data" / "digits_int8.tflite")
    operators = model.subgraphs[0].operators
    found = all_weights(model, range(len(operators)))
    named = {operators[i].name for i in found}
    assert named == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert {operators[i].name for i in range(len(operators)) if i not in found}.isdisjoint(named)
    for i, figures in found.items():
        output = model.subgraphs[0].tensors[operators[i].outputs[0]]
        assert figures.scale.shape == (output.shape[-1],)
