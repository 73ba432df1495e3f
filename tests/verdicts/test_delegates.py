"""What delegates take: XNNPACK as LiteRT's own list of nodes shows it, an Ethos-U as Vela says."""

from __future__ import annotations

import json
from functools import cache

import jsonschema
import numpy as np
import pytest

from conformance.cost.delegates import (
    RESULTS,
    corpus_models,
    delegated_nodes,
    disagreements,
    litert_nodes,
    living,
)
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from refinterp.cli.main import main
from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.graph.operators import OPERATORS
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.runtimes import unavailable
from refinterp.verdicts.delegates.rules import RULES
from refinterp.verdicts.delegates.taken import DELEGATES, _table, taken
from tests.corpus import ROOT, corpus

DIGITS = str(ROOT / "refinterp" / "data" / "digits_int8.tflite")


@cache
def told():
    """LiteRT's nodes of every model of the corpus, and of the checkout."""
    if reason := unavailable("runtime:litert"):
        pytest.skip(reason)
    return litert_nodes(corpus_models(corpus()))


def test_xnnpack_as_litert_lists_its_nodes():
    """On every model that LiteRT opens: each operator that an output depends on, in or out."""
    seen = judged = 0
    for path, nodes in told().items():
        if isinstance(nodes, str):
            continue
        model = read_model(str(path))
        left = set(range(len(model.subgraphs[0].operators))) - delegated_nodes(nodes)
        assert list(disagreements(model, "xnnpack", left)) == [], path
        answers = [one for one in taken(model, "xnnpack") if one.operator in living(model)]
        assert all(one.answer != "not tried" for one in answers), path
        seen += 1
        judged += len(answers)
    assert seen > 400
    assert judged > 1000


def test_xnnpack_on_models_drawn_at_random(tmp_path):
    """Operators and types that the rules speak of, on models that no corpus holds."""
    if reason := unavailable("runtime:litert"):
        pytest.skip(reason)
    paths = []
    for place, ((name, dtype), draw) in enumerate(sorted(load_all().items())):
        if _table("xnnpack")["operators"].get(name, {}).get("types"):
            paths.append(tmp_path / f"{name}-{dtype}.tflite")
            save_model(draw(RandomDraw([99, place, 0])).model, paths[-1])
    judged, wrong = 0, []
    for path, nodes in litert_nodes(paths).items():
        if not isinstance(nodes, str):
            model = read_model(str(path))
            left = set(range(len(model.subgraphs[0].operators))) - delegated_nodes(nodes)
            wrong += [(path.name, *one) for one in disagreements(model, "xnnpack", left)]
            judged += sum(one.answer != "not tried" for one in taken(model, "xnnpack"))
    assert not wrong
    assert judged > 60


def test_the_ethos_u_as_vela_placed_them():
    """The committed comparison with Vela on the corpus: nothing but what is listed is off."""
    found = json.loads(RESULTS.read_text("utf-8"))
    for one in found["counts"].values():
        assert one["models"] > 100
        assert one["operators"] > 300
    assert found["counts"]["xnnpack"]["off"] == 0
    assert len(found["off"]) == sum(one["off"] for one in found["counts"].values())
    assert found["counts"]["ethos-u55"]["off"] <= 0.02 * found["counts"]["ethos-u55"]["operators"]


def add(scale: float) -> Model:
    """ADD of two int8 inputs; the output's scale is given."""
    g = GraphBuilder()
    x, y = (g.input(name, (1, 4, 4, 2), "int8", scale=1.0, zero_point=0) for name in "xy")
    z = g.tensor("z", (1, 4, 4, 2), "int8", scale=scale, zero_point=0)
    g.operator("ADD", [x, y], [z], {"fused_activation_function": "NONE"})
    return g.build(outputs=[z])


def pool(stride: int, window: int) -> Model:
    """MAX_POOL_2D of int8."""
    g = GraphBuilder()
    x = g.input("x", (1, 12, 12, 2), "int8", scale=1.0, zero_point=0)
    size = -(-(12 - window + 1) // stride)
    y = g.tensor("y", (1, size, size, 2), "int8", scale=1.0, zero_point=0)
    g.operator(
        "MAX_POOL_2D", [x], [y],
        {"padding": "VALID", "stride_w": stride, "stride_h": stride, "filter_width": window,
         "filter_height": window, "fused_activation_function": "NONE"},
    )  # fmt: skip
    return g.build(outputs=[y])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (add(1.0), "taken"), (add(2.0**-7), "taken"), (add(2.0**-8), "stays"),
        (add(2.0**10), "taken"), (add(2.0**10 * 1.0001), "stays"),
        (pool(2, 2), "taken"), (pool(2, 1), "stays"), (pool(1, 3), "taken"),
    ],
)  # fmt: skip
def test_the_edges_of_xnnpack(model, expected, tmp_path):
    """On both sides of a bound, asked of LiteRT as well."""
    (one,) = taken(model, "xnnpack")
    assert one.answer == expected
    assert bool(one.why) == (expected == "stays")
    if reason := unavailable("runtime:litert"):
        pytest.skip(reason)
    path = tmp_path / "m.tflite"
    save_model(model, path)
    nodes = litert_nodes([path])[path]
    assert not isinstance(nodes, str)
    assert (delegated_nodes(nodes) == {0}) == (expected == "taken")


def dense(bias_constant: bool = True, dtype: str = "int8") -> Model:
    """FULLY_CONNECTED, its bias in the file or an input."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), dtype, scale=1.0, zero_point=0)
    w = g.constant("w", np.ones((3, 4), np.int8), scale=0.1)
    more = {"scale": 0.1, "zero_point": 0}
    b = (
        g.constant("b", np.ones(3, np.int32), **more)
        if bias_constant
        else g.input("b", (3,), "int32", **more)
    )
    y = g.tensor("y", (1, 3), dtype, scale=1.0, zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    return g.build(outputs=[y])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (dense(), ""), (dense(dtype="int16"), ""), (dense(False), "its bias is no constant"),
        (dense(dtype="float32"), "it is on float32, int8; taken are int8; uint8; int16"),
        (pool(4, 4), ""), (add(0.5), ""),
    ],
)  # fmt: skip
def test_constraints_of_the_ethos_u(model, said):
    """Constraints of Vela's list, one by one."""
    for name in ("ethos-u55", "ethos-u65"):
        (one,) = taken(model, name)
        assert (one.answer, one.why) == ("stays" if said else "taken", said)


def test_tables_name_rules_and_operators_there_are():
    """A misspelt name would be a rule that nobody asks."""
    for name in DELEGATES:
        rows = _table(name)["operators"]
        assert set(rows) - {"RELU_0_TO_1"} <= set(OPERATORS)
        assert {rule for row in rows.values() for rule in row["rules"]} <= set(RULES)
    with pytest.raises(UsageError, match="there are xnnpack, ethos-u55, ethos-u65"):
        taken(add(1.0), "edgetpu")


def test_fit_tells_what_delegates_take(capsys):
    """A line for each, and every operator in the document."""
    words = ["fit", DIGITS, "--target", "cortex-m55", "--delegate", "ethos-u55"]
    assert main([*words, "--delegate", "xnnpack", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "schema" / "fit.schema.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    first, second = found["delegates"]
    assert (first["delegate"], first["taken"], first["macs_fraction"]) == ("ethos-u55", 13, 1.0)
    stays = [one["op_name"] for one in second["operators"] if one["answer"] == "stays"]
    assert stays == ["AVERAGE_POOL_2D", "SOFTMAX"]
    assert "takes 11 of 13 operators" in found["summary"]["xnnpack"]
    assert main(["fit", DIGITS, "--delegate", "tpu"]) == 2
    assert "xnnpack" in capsys.readouterr().err
