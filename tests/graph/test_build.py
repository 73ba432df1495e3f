"""The graph builder: what it fills in, what it refuses, and what runtimes make of it."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import refinterp.graph.build
from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.layout import layout
from refinterp.graph.model import OPTIONAL, Quantization
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Ran, open_runtime, unavailable


def test_the_example_runs() -> None:
    """The example in the module's docstring."""
    failed, tried = doctest.testmod(refinterp.graph.build)
    assert tried > 3
    assert failed == 0


def test_quantization_is_completed() -> None:
    """One scale, several scales, and the whole table."""
    g = GraphBuilder()
    whole = Quantization(np.float32([2]), np.int64([9, 9]), 5)
    g.tensor("one", (2,), "int8", scale=0.1)
    g.tensor("many", (2, 3), "int8", scale=[1, 2, 3], zero_point=[4, 5, 6], quantized_dimension=1)
    g.tensor("none", (2,))
    g.tensor("whole", (2,), "int8", quantization=whole)
    one, many, none, given = (t.quantization for t in g.build().subgraphs[0].tensors)
    assert one is not None
    assert many is not None
    assert one.scale.tolist() == [np.float32(0.1)]
    assert one.zero_point.tolist() == [0]
    assert not one.per_channel
    assert many.scale.dtype == np.float32
    assert many.scale.tolist() == [1, 2, 3]
    assert many.zero_point.tolist() == [4, 5, 6]
    assert many.quantized_dimension == 1
    assert many.per_channel
    assert none is None
    assert given is whole


def test_operators_share_codes_and_take_default_options() -> None:
    """One code per operator and version; options not given are the format's defaults."""
    g = GraphBuilder()
    x = g.input("x", (1,))
    g.operator("ADD", [x, x], [x])
    g.operator("ADD", [x, OPTIONAL], [x], {"fused_activation_function": "RELU"})
    g.operator("ADD", [x, x], [x], version=2)
    g.operator("BROADCAST_TO", [x, x], [x])
    g.operator("STABLEHLO_GATHER", [x, x], [x], {"slice_sizes": (1,)})
    g.operator("RELU", [x], [x])
    model = g.build()
    names = [(code.builtin, code.version) for code in model.operator_codes]
    assert names == [("ADD", 1), ("ADD", 2), ("BROADCAST_TO", 2), ("STABLEHLO_GATHER", 1),
                     ("RELU", 1)]  # fmt: skip
    first, second, third, broadcast, gather, relu = model.subgraphs[0].operators
    assert (first.opcode_index, second.opcode_index, third.opcode_index) == (0, 0, 1)
    assert first.options_type == "AddOptions"
    assert dict(first.options) == {"fused_activation_function": "NONE", "pot_scale_int16": True}
    assert second.options["fused_activation_function"] == "RELU"
    assert broadcast.options_type == "BroadcastToOptions"
    assert gather.options_type is None
    assert gather.options_2_type == "StablehloGatherOptions"
    assert gather.options_2["slice_sizes"] == (1,)
    assert gather.options_2["indices_are_sorted"] is False
    assert relu.options_type is None


def test_building_twice_gives_the_same_model() -> None:
    """`build` changes nothing."""
    g = GraphBuilder()
    x = g.input("x", (1,))
    g.output(x)
    first, second = g.build([x]), g.build([x])
    assert first.subgraphs[0].outputs == second.subgraphs[0].outputs == (x, x)


def test_unknown_names_are_refused() -> None:
    """Operators and options the format does not have, with what it has."""
    g = GraphBuilder()
    with pytest.raises(UsageError, match=r"'CONV' is no builtin operator.*custom_options"):
        g.operator("CONV", [], [])
    with pytest.raises(UsageError, match="SOFTMAX has no option 'axis'; its options are: beta"):
        g.operator("SOFTMAX", [], [], {"axis": 1})
    with pytest.raises(UsageError, match="RELU has no option 'alpha'; its options are: none"):
        g.operator("RELU", [], [], {"alpha": 1.0})


@pytest.mark.parametrize(
    ("dtype", "value", "limits"),
    [("int8", 128, "-128..127"), ("uint8", -1, "0..255"), ("int4", 8, "-8..7"),
     ("int2", -3, "-2..1"), ("uint4", 16, "0..15"), ("int32", 2**31, "-2147483648..2147483647")],
)  # fmt: skip
def test_codes_that_do_not_fit_are_refused(dtype: str, value: int, limits: str) -> None:
    """A code beyond its type is named, with the limits."""
    with pytest.raises(UsageError, match=rf"constant 'c': values .*{value}.* holds {limits}"):
        GraphBuilder().constant("c", [0, value], dtype)


def test_subgraphs_signatures_and_metadata() -> None:
    """Further subgraphs have indices, signatures the subgraph they were made on."""
    g = GraphBuilder("main")
    x = g.input("x", (1,))
    g.variable("v", (3,), "int16")
    body = g.subgraph("body")
    t = body.input("t", (1,))
    body.output(t)
    body.signature("step", {"in": t}, {"out": t})
    g.metadata("m", b"abc")
    model = g.build([x], description="two")
    assert [s.name for s in model.subgraphs] == ["main", "body"]
    assert (g.index, body.index) == (0, 1)
    assert model.subgraphs[1].inputs == model.subgraphs[1].outputs == (t,)
    (signature,) = model.signatures
    assert (signature.key, signature.subgraph) == ("step", 1)
    assert signature.inputs == (("in", t),)
    (metadata,) = model.metadata
    assert model.buffers[metadata.buffer].data.tobytes() == b"abc"
    assert model.subgraphs[0].tensors[1].is_variable
    assert model.description == "two"


INT8 = {"scale": 0.5, "zero_point": 1}
UNIT = {"scale": 1 / 256, "zero_point": -128}
ONE_INPUT = {
    "RELU": INT8, "RELU6": INT8, "LOGISTIC": UNIT, "TANH": {"scale": 1 / 128},
    "HARD_SWISH": INT8, "SOFTMAX": UNIT, "LEAKY_RELU": INT8, "ABS": INT8, "QUANTIZE": INT8,
    "L2_NORMALIZATION": {"scale": 1 / 128},
}  # fmt: skip


@pytest.mark.parametrize("runtime", ["runtime:litert-reference", "runtime:tflm"])
def test_default_versions_run_on_int8(runtime: str) -> None:
    """Both runtimes take int8 operators at the version the builder chooses."""
    if reason := unavailable(runtime):
        pytest.skip(reason)
    with open_runtime(runtime) as opened:
        for name, output in ONE_INPUT.items():
            g = GraphBuilder()
            x = g.input("x", (1, 8), "int8", **INT8)
            y = g.tensor("y", (1, 8), "int8", **output)
            options = {"SOFTMAX": {"beta": 1.0}, "LEAKY_RELU": {"alpha": 0.1}}.get(name)
            g.operator(name, [x], [y], options)
            sample = [np.arange(-4, 4, dtype=np.int8).reshape(1, 8)]
            ran = opened.run(write_model(g.build([y])), [sample], label=name)
            assert isinstance(ran, Ran), f"{name}: {ran}"


def test_reference_runs_narrow_weights() -> None:
    """int4 weights packed by the builder give the product of the codes they stand for."""
    runtime = "runtime:litert-reference"
    if reason := unavailable(runtime):
        pytest.skip(reason)
    weights = np.random.default_rng(1).integers(-8, 8, (3, 5))
    g = GraphBuilder()
    x = g.input("x", (1, 5), "int8", scale=1.0)
    w = g.constant("w", weights, "int4", scale=1.0)
    y = g.tensor("y", (1, 3), "int8", scale=1.0)
    g.operator("FULLY_CONNECTED", [x, w, OPTIONAL], [y])
    sample = np.array([[1, -1, 2, 0, -2]], np.int8)
    with open_runtime(runtime) as opened:
        ran = opened.run(write_model(g.build([y])), [[sample]])
    assert isinstance(ran, Ran)
    assert ran.outputs[0][0].tolist() == (sample @ weights.T).tolist()


def test_every_operator_can_be_built_and_written() -> None:
    """All builtin operators of the format, with their default options."""
    for name in layout().enums["BuiltinOperator"].values:
        g = GraphBuilder()
        g.operator(name, [], [])
        model = g.build()
        assert len(write_model(model)) > 60
        operator = model.subgraphs[0].operators[0]
        table = operator.options_type or operator.options_2_type
        assert table == layout().options.get(name)
