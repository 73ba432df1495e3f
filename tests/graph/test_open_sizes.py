"""Which sizes of inputs are open."""

from __future__ import annotations

import numpy as np

from refinterp.graph.build import GraphBuilder
from refinterp.graph.open_sizes import open_inputs


def model(shape, signature):
    g = GraphBuilder()
    x = g.input("x", shape, "float32", shape_signature=signature)
    one = g.constant("one", np.ones(1, np.float32))
    y = g.tensor("y", shape, "float32")
    g.operator("ADD", [x, one], [y])
    return g.build(outputs=[y])


def test_fixed_inputs_are_not_listed():
    """No signature, or one without -1, leaves nothing open."""
    assert open_inputs(model((1, 4), None)) == ()
    assert open_inputs(model((1, 4), (1, 4))) == ()


def test_batch_is_told_from_other_sizes():
    """An open first axis of several is the batch; of one it is a length."""
    (batch,) = open_inputs(model((1, 4), (-1, 4)))
    assert batch.batch_only
    assert batch.axes == (0,)
    (length,) = open_inputs(model((1,), (-1,)))
    assert not length.batch_only
    (image,) = open_inputs(model((1, 1, 1, 3), (-1, -1, -1, 3)))
    assert not image.batch_only
    assert image.axes == (0, 1, 2)
    assert str(image) == (
        "input 'x' is [-1, -1, -1, 3]: the sizes of axes 0, 1, 2 are open; the file's "
        "[1, 1, 1, 3] is taken"
    )
