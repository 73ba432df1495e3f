"""Scales of channels that only ever add 0: left by training, or lost from the file."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.faults.lint import lint
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model


def _dense(weight_scale: float, bias_scale: float | None) -> Model:
    """FULLY_CONNECTED whose second channel's weights have a scale of their own."""
    g = GraphBuilder()
    x = g.input("x", (1, 3), "int8", scale=0.5)
    w = g.constant(
        "w", np.array([[3, -90, 127], [127, 5, -80]], np.int8), scale=(0.01, weight_scale)
    )
    operands = [x, w]
    if bias_scale is not None:
        operands.append(g.constant("b", np.array([7, -9], np.int32), scale=(0.005, bias_scale)))
    y = g.tensor("y", (1, 2), "int8", scale=1.0)
    g.operator("FULLY_CONNECTED", operands, [y])
    return g.build(outputs=[y])


@pytest.mark.parametrize(
    ("weight_scale", "bias_scale", "severity"),
    [
        (0.0, 0.005, "error"),  # the bias tells of a scale that there was
        (0.0, None, "error"),  # codes of nothing
        (0.0, 0.0, "note"),  # switched off as a whole
        (1e-40, 5e-41, "note"),
    ],
)
def test_a_scale_of_zero(weight_scale, bias_scale, severity):
    """It is a fault where the rest of the file shows that the channel was not switched off."""
    found = [f for f in lint(_dense(weight_scale, bias_scale)) if f.id == "bad_scale"]
    assert severity in {f.severity for f in found}
    if severity == "note":
        assert "error" not in {f.severity for f in found}
    else:
        assert "bias_scale_mismatch" not in {f.id for f in lint(_dense(weight_scale, bias_scale))}


@pytest.mark.parametrize("bias", [True, False])
def test_a_scale_of_zero_for_all_channels(bias):
    """Weights that have codes and no scale have lost it, and nothing else is told of them."""
    g = GraphBuilder()
    x = g.input("x", (1, 3), "int8", scale=0.5)
    operands = [x, g.constant("w", np.array([[3, -90, 127], [12, 5, -8]], np.int8), scale=0.0)]
    if bias:
        operands.append(g.constant("b", np.array([7, -9], np.int32), scale=0.005))
    y = g.tensor("y", (1, 2), "int8", scale=1.0)
    g.operator("FULLY_CONNECTED", operands, [y])
    assert [(f.id, f.severity) for f in lint(g.build(outputs=[y]))] == [("bad_scale", "error")]
