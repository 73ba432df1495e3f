"""Models with other input sizes: every tensor's shape follows."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.interpreter.api import Interpreter
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.run.resize import resized


def convolution() -> Model:
    """A 3x3 convolution of 3 channels to 4 and a mean, on an image of open height and width."""
    rng = np.random.default_rng(5)
    g = GraphBuilder()
    x = g.input("x", (1, 1, 1, 3), "float32", shape_signature=(-1, -1, -1, 3))
    w = g.constant("w", rng.standard_normal((4, 3, 3, 3)).astype(np.float32))
    b = g.constant("b", np.zeros(4, np.float32))
    y = g.tensor("y", (1, 1, 1, 4), "float32")
    g.operator("CONV_2D", [x, w, b], [y], {"padding": "SAME", "stride_w": 2, "stride_h": 2})
    axes = g.constant("axes", np.array([1, 2], np.int32))
    z = g.tensor("z", (1, 4), "float32")
    g.operator("MEAN", [y, axes], [z], {"keep_dims": False})
    return g.build(outputs=[z])


def test_shapes_follow_and_values_are_the_drop_ins():
    """The resized model gives what the drop-in gives after resize_tensor_input."""
    model = convolution()
    new = resized(model, {0: (1, 6, 8, 3)})
    assert [t.shape for t in new.subgraphs[0].tensors if t.name in "xyz"] == [
        (1, 6, 8, 3), (1, 3, 4, 4), (1, 4),
    ]  # fmt: skip
    data = np.random.default_rng(1).random((1, 6, 8, 3), np.float32)
    executor = Executor(prepare(new))
    executor.input(0)[0] = data
    executor.invoke()
    drop_in = Interpreter(model_content=write_model(model))
    drop_in.resize_tensor_input(0, data.shape)
    drop_in.allocate_tensors()
    drop_in.set_tensor(0, data)
    drop_in.invoke()
    last = drop_in.get_output_details()[0]["index"]
    np.testing.assert_array_equal(executor.read(last)[0], drop_in.get_tensor(last))


def test_nothing_changes_without_new_shapes():
    """The model itself comes back."""
    model = convolution()
    assert resized(model, {0: (1, 1, 1, 3)}) is model


def test_sizes_that_do_not_fit_name_the_operator():
    """Three channels are what the weights take."""
    with pytest.raises(ModelError, match="CONV_2D"):
        resized(convolution(), {0: (1, 6, 8, 5)})
