"""The shadow is the same graph on the reals that codes stand for."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.reference.shadow import shadow_of
from refinterp.errors import UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from tests.debug.networks import dense


def value(model: Model, tensor: int) -> np.ndarray:
    found = constant(model, model.subgraphs[0].tensors[tensor])
    assert found is not None
    return found


def conv(*, bias: dict, filter_axis: int = 0, bits: str = "int8") -> tuple[Model, dict[str, int]]:
    """A per-channel CONV_2D, then a RESHAPE whose shape operand is a constant."""
    g = GraphBuilder()
    x = g.input("x", (1, 4, 4, 1), "int8", scale=0.5, zero_point=-3)
    codes = np.arange(-4, 4).reshape(2, 2, 2, 1)
    w = g.constant(
        "w", codes, bits, scale=[0.25, 2.0], zero_point=[0, 0], quantized_dimension=filter_axis
    )
    b = g.constant("b", np.array([100, -7], np.int32), **bias)
    y = g.tensor("y", (1, 3, 3, 2), "int8", scale=1.0)
    options = {"padding": "VALID", "stride_w": 1, "stride_h": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    shape = g.constant("shape", np.array([1, 18], np.int32), scale=1.0)
    z = g.tensor("z", (1, 18), "int8", scale=1.0)
    g.operator("RESHAPE", [y, shape], [z])
    return g.build(outputs=[z]), {"w": w, "b": b, "shape": shape, "x": x, "z": z}


@pytest.mark.parametrize("bits", ["int8", "int4"])
def test_constants_are_dequantized_per_channel(bits):
    """Weights get their channel's scale, a bias without a scale input * weights."""
    model, at = conv(bias={}, bits=bits)
    twin = shadow_of(model).model
    expected = np.arange(-4, 4).reshape(2, 2, 2, 1) * np.array([0.25, 2.0]).reshape(2, 1, 1, 1)
    assert value(twin, at["w"]).tolist() == expected.tolist()
    assert value(twin, at["b"]).tolist() == [100 * 0.125, -7 * 1.0]


def test_a_bias_keeps_its_own_scale():
    """A bias that carries scales is dequantized with them, whatever dimension the file names."""
    model, at = conv(bias={"scale": [0.5, 4.0], "quantized_dimension": 3})
    assert value(shadow_of(model).model, at["b"]).tolist() == [50.0, -28.0]


def test_shapes_stay_integers():
    """An operand that is no code, even one with a scale, is not touched."""
    model, at = conv(bias={})
    twin = shadow_of(model).model
    assert value(twin, at["shape"]).tolist() == [1, 18]
    assert twin.subgraphs[0].tensors[at["shape"]].dtype == "int32"
    assert twin.subgraphs[0].tensors[at["z"]].dtype == "float32"
    assert twin.subgraphs[0].tensors[at["z"]].quantization is None


def test_scales_that_fit_no_dimension_are_refused():
    """Two scales along a dimension of size 1 cannot be spread; the message says what is allowed."""
    model, _ = conv(bias={}, filter_axis=3)
    with pytest.raises(UnsupportedError, match=r"2 scales along dimension 3 of shape \[2, 2, 2, 1"):
        shadow_of(model)


def test_conversions_disappear():
    """QUANTIZE and DEQUANTIZE between reals are left out; who read their output reads the input."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    q = g.tensor("q", (1, 4), "int8", scale=0.5)
    r = g.tensor("r", (1, 4), "int8", scale=0.25)
    y = g.tensor("y", (4,), "int8", scale=0.25)
    out = g.tensor("out", (4,))
    shape = g.constant("shape", np.array([4], np.int32))
    g.operator("QUANTIZE", [x], [q])
    g.operator("QUANTIZE", [q], [r])
    g.operator("RESHAPE", [r, shape], [y])
    g.operator("DEQUANTIZE", [y], [out])
    shadow = shadow_of(g.build(outputs=[out, q]))
    graph = shadow.model.subgraphs[0]
    assert [(o.name, o.inputs, o.outputs) for o in graph.operators] == [
        ("RESHAPE", (x, shape), (y,))
    ]
    assert graph.outputs == (y, x)
    assert dict(shadow.operators) == {2: 0}
    assert (shadow.tensors[r], shadow.tensors[out], shadow.tensors[y]) == (x, y, y)


def test_the_shadow_runs_and_can_be_written():
    """What the writer makes of it is read back and computes W x + b on dequantized weights."""
    model = dense(quantized=True, bias_scales=False)
    twin = read_model(write_model(shadow_of(model).model))
    executor = Executor(prepare(twin))
    x = np.linspace(-2, 2, 8, dtype=np.float32)
    executor.input(twin.subgraphs[0].inputs[0])[0] = x
    executor.invoke()
    y = x.astype(np.float64)
    for layer, operator in enumerate(twin.subgraphs[0].operators):
        y = value(twin, operator.inputs[1]).astype(float) @ y + value(twin, operator.inputs[2])
        y = np.maximum(y, 0) if layer == 1 else y
    found = executor.read(twin.subgraphs[0].outputs[0])
    np.testing.assert_allclose(found.reshape(-1), y, rtol=1e-5, atol=1e-5)
