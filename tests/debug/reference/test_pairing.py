"""Operators of twins find each other, and what finds nobody is listed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refinterp.debug.compare import Comparison
from refinterp.debug.reference.pairing import pair
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.run.prepare import prepare
from tests.corpus import ROOT, corpus

DATA = ROOT / "refinterp" / "data"


def branches(dtype: str, order: str, *, names: bool = True, convert: bool = False) -> Model:
    """Two chains of the given additions of 1 from one input, joined: "ab" or another order.

    order: which chain's operator comes next. convert: the input arrives as float32.
    """
    g = GraphBuilder()
    grid = {"scale": 0.5} if dtype == "int8" else {}
    x = g.input("x", (1, 4), "float32" if convert else dtype, **({} if convert else grid))
    if convert:
        q = g.tensor("x_int8", (1, 4), dtype, **grid)
        g.operator("QUANTIZE", [x], [q])
        x = q
    ends = {"a": x, "b": x}
    for at, branch in enumerate(order):
        size = 4
        one = g.constant(f"one{at}", np.ones((1, size), dtype), **grid)
        name = f"{branch}{at}" if names else ""
        y = g.tensor(name, (1, size), dtype, **grid)
        g.operator("SUB", [ends[branch], one], [y])
        ends[branch] = y
    z = g.tensor("z", (1, 4), dtype, **grid)
    g.operator("SUB", [ends["a"], ends["b"]], [z])
    return g.build(outputs=[z])


def paired(quantized: Model, twin: Model):
    a, b = prepare(quantized), prepare(twin)
    return pair(a, b, dict(zip(a.graph.inputs, b.graph.inputs, strict=True)))


def test_equal_graphs_pair_by_structure():
    """Operator by operator, without any names."""
    result = paired(branches("int8", "ab", names=False), branches("float32", "ab", names=False))
    assert dict(result.operators) == {0: 0, 1: 1, 2: 2}
    assert set(result.how.values()) == {"structure"}
    assert result.unpaired == ()


def test_conversions_are_skipped():
    """A quantized input by way of QUANTIZE pairs the tensors behind it."""
    result = paired(branches("int8", "ab", convert=True), branches("float32", "ab"))
    assert dict(result.operators) == {1: 0, 2: 1, 3: 2}
    assert result.tensors[1] == 0
    assert result.unpaired == ()


def test_branches_in_another_order_pair_by_name_and_structure():
    """Chains of different length that are written in another order still meet."""
    a, b = branches("int8", "abb", names=True), branches("float32", "bba", names=True)
    named = {"b0": "b1", "b1": "b2", "a2": "a0"}  # as the quantized graph numbers them
    graph = b.subgraphs[0]
    tensors = tuple(replace(t, name=named.get(t.name, t.name)) for t in graph.tensors)
    twin = replace(b, subgraphs=(replace(graph, tensors=tensors),))
    assert dict(paired(a, twin).operators) == {0: 2, 1: 0, 2: 1, 3: 3}


def test_what_has_no_partner_is_listed():
    """Operators only one side has are named with their side; the rest is paired all the same."""
    result = paired(branches("int8", "aab"), branches("float32", "ab"))
    assert len(result.operators) == 3
    (left,) = result.unpaired
    assert (left.model, left.op_name) == ("quantized", "SUB")
    assert left.reason
    result = paired(branches("int8", "ab"), branches("float32", "aab"))
    assert [(u.model, u.op_name) for u in result.unpaired] == [("float", "SUB")]


def test_another_kind_of_operator_is_no_partner():
    """Same inputs, name and shape do not make a MUL of a SUB."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    y = g.tensor("z", (1, 4))
    g.operator("MUL", [x, x], [y])
    result = paired(branches("int8", ""), g.build(outputs=[y]))
    assert dict(result.operators) == {}
    assert {u.model for u in result.unpaired} == {"quantized", "float"}


@pytest.mark.parametrize("family", ["digits", "shapes"])
def test_bundled_twins_pair_completely(family):
    """Every operator of the bundled models has its partner of the same index."""
    quantized = read_model(DATA / f"{family}_int8.tflite")
    pairing = Comparison(quantized, read_model(DATA / f"{family}_float.tflite")).setup.pairing
    count = len(quantized.subgraphs[0].operators)
    assert dict(pairing.operators) == {i: i for i in range(count)}
    assert pairing.unpaired == ()


@pytest.mark.parametrize("family", ["ad01", "resnet8_cifar", "vww_96", "mobilenet_v2_224"])
def test_corpus_twins_pair_completely(family):
    """No operator of the measured models is left over on either side."""
    folder = corpus() / "models"
    comparison = Comparison(
        read_model(folder / f"{family}_int8.tflite"), read_model(folder / f"{family}_float.tflite")
    )
    assert comparison.setup.pairing.unpaired == ()
    assert {one.reference for one in comparison.setup.local.values()} == {"float model"}
