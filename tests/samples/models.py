"""Inputs of models to feed, and a small model of any input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.graph.spec import TensorSpec
from refinterp.samples.inputs import ModelInput, model_inputs

UNIT = (1 / 255, -128)
SIGNED = (2 / 255, -1)
BYTES = (1.0, -128)
"""Scale and zero point of int8 inputs that hold 0..1, -1..1 and 0..255."""


def spec(
    shape: Sequence[int], dtype: str = "int8", grid: tuple[float, int] | None = UNIT
) -> ModelInput:
    """An input called `x`."""
    scale, zero = grid if grid is not None else (None, 0)
    return ModelInput.of(TensorSpec.of("x", tuple(shape), dtype, scale, zero))


def free(shape: Sequence[int], signature: Sequence[int], dtype: str = "float32") -> ModelInput:
    """An input called `x` with open sizes."""
    g = GraphBuilder()
    x = g.input("x", shape, dtype, shape_signature=signature)
    model = g.build(outputs=[x])
    (one,) = model_inputs(model, [TensorSpec.of("x", tuple(shape), dtype)])
    return one


def relu(
    shape: Sequence[int], dtype: str = "int8", grid: tuple[float, int] | None = UNIT, **rest: object
) -> Model:
    """A model that clips its input `x` below 0 into `y`."""
    g = GraphBuilder()
    scale, zero = grid if grid is not None else (None, 0)
    more = {} if scale is None else {"scale": scale, "zero_point": zero}
    x = g.input("x", shape, dtype, **more, **rest)
    y = g.tensor("y", shape, dtype, **more)
    g.operator("RELU", [x], [y])
    return g.build(outputs=[y])


def scores(size: int, classes: int) -> Model:
    """A dense int8 model of `size` inputs that hold 0..1 and so many scores."""
    rng = np.random.default_rng(3)
    g = GraphBuilder()
    x = g.input("x", (1, size), "int8", scale=UNIT[0], zero_point=UNIT[1])
    codes = rng.integers(-127, 128, (classes, size), np.int8)
    w = g.constant("w", codes, scale=0.01)
    b = g.constant("b", np.zeros(classes, np.int32), scale=UNIT[0] * 0.01)
    y = g.tensor("y", (1, classes), "int8", scale=0.05, zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    return g.build(outputs=[y])
