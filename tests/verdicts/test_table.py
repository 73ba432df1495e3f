"""The table of what runtimes refuse: whose operators it has, and what it says of small models."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.evidence.matrix import TFLM as TFLM_ORACLE
from refinterp.evidence.matrix import matrix
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.kernels.registry import load_all
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Refused, open_runtime, unavailable
from refinterp.verdicts.inventory import has_kernel
from refinterp.verdicts.judge import verdicts
from refinterp.verdicts.table import load
from refinterp.verdicts.verdict import LITERT_REFERENCE, RUNTIMES, TFLM, Verdict


@pytest.mark.parametrize("runtime", ["litert", "tflm"])
def test_rules_are_keyed_by_the_registry(runtime: str) -> None:
    """No rule is for an operator that the registry does not have."""
    assert load(runtime).keys() <= {operator for operator, _ in load_all()}


@pytest.mark.parametrize(("table", "runtime"), [("litert", "litert-optimized"), ("tflm", "tflm")])
def test_every_operator_that_a_runtime_has_is_ruled(table: str, runtime: str) -> None:
    """Operators of the registry that the runtime has a kernel for have a rule."""
    known = {operator for operator, _ in load_all() if has_kernel(runtime, operator)}
    assert known - load(table).keys() <= {"VAR_HANDLE"}


def test_the_inventory_is_what_the_wheel_ran() -> None:
    """Operators that the TFLM wheel ran in the operator matrix are in its inventory."""
    ran = {
        operator for (operator, _, oracle), cell in matrix().items()
        if oracle == TFLM_ORACLE and cell.cases and operator != "GRAPH"
    }  # fmt: skip
    assert {operator for operator in ran if not has_kernel(TFLM, operator)} == set()


def dense(*, data: str = "int8", weights: str = "int8", bias_scale: float = 0.25) -> Model:
    """FULLY_CONNECTED of four elements, scales of 1/2."""
    g = GraphBuilder()
    mark = {} if data == "float32" else {"scale": 0.5}
    x = g.input("x", (1, 4), data, **mark)
    w = g.constant("w", np.ones((2, 4), np.int8), weights, scale=0.5)
    kind = "float32" if data == "float32" else "int32"
    b = g.constant("b", np.zeros(2), kind, **({} if data == "float32" else {"scale": bias_scale}))
    y = g.tensor("y", (1, 2), data, **mark)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    return g.build(outputs=[y])


def refusal(model: Model, runtime: str) -> Verdict | None:
    """The first verdict by which the runtime gets no further than preparing the model."""
    stopping = (v for v in verdicts(model, runtime) if v.stops and v.stage != "invoke")
    return next(stopping, None)


def test_hybrid_layers_are_refused_by_tflm_alone() -> None:
    """Float data with int8 weights."""
    model = dense(data="float32")
    assert refusal(model, LITERT_REFERENCE) is None
    found = refusal(model, TFLM)
    assert found is not None
    assert (found.verdict, found.rule, found.stage) == ("refuses", "hybrid", "prepare")
    assert "float32 with float32" in found.why


@pytest.mark.parametrize("runtime", [LITERT_REFERENCE, TFLM])
@pytest.mark.parametrize(("scale", "fits"), [(0.25, True), (0.26, True), (0.2601, False)])
def test_bias_scales_fit_to_two_hundredths(runtime: str, scale: float, fits: bool) -> None:
    """|0.5 * 0.5 - scale| / 0.5 is at most 0.02."""
    found = refusal(dense(bias_scale=scale), runtime)
    assert (found is None) == fits
    if found is not None:
        assert found.rule == "bias scale"
        assert "allowed: 0.02" in found.why


def short() -> Model:
    """A bias of two int32 whose buffer has a byte less."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    w = g.constant("w", np.ones((2, 4), np.int8), scale=0.5)
    stored = g.constant("stored", np.zeros(7, np.uint8))
    model = g.build(outputs=[x])
    b = g.tensor("b", (2,), "int32", scale=0.25, buffer=model.subgraphs[0].tensors[stored].buffer)
    y = g.tensor("y", (1, 2), "int8", scale=0.5)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    return g.build(outputs=[y])


def test_a_constant_that_is_too_short() -> None:
    """LiteRT refuses the file, TFLM reads what lies behind."""
    first = {runtime: verdicts(short(), runtime)[0] for runtime in RUNTIMES}
    for runtime, found in first.items():
        assert (found.operator, found.rule) == (None, "storage")
        assert found.verdict == ("refuses" if runtime.startswith("litert") else "differs")
        assert "tensor 3 ('b') is 1 byte shorter than its shape takes" in found.why


def test_litert_refuses_a_constant_that_is_too_short() -> None:
    """As it opens the file."""
    name = "runtime:litert-reference"
    if reason := unavailable(name):
        pytest.skip(reason)
    with open_runtime(name) as runtime:
        found = runtime.run(write_model(short()), [[np.zeros((1, 4), np.int8)]])
    assert isinstance(found, Refused)
    assert "required_bytes <= bytes was not true" in found.reason


def test_an_operator_that_is_not_there() -> None:
    """TFLM has no GELU, and LiteRT no ADD of version 20."""
    g = GraphBuilder()
    x = g.input("x", (4,))
    y = g.tensor("y", (4,))
    z = g.tensor("z", (4,))
    g.operator("GELU", [x], [y])
    g.operator("ADD", [y, y], [z], version=20)
    model = g.build(outputs=[z])
    assert [v.rule for v in verdicts(model, TFLM)] == ["kernel", ""]
    assert [v.rule for v in verdicts(model, LITERT_REFERENCE)] == ["", "version"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_judges_every_operator(runtime: str) -> None:
    """One verdict for each operator, and a sentence wherever it does not run."""
    for model in (dense(), dense(data="float32"), dense(bias_scale=1.0)):
        (verdict,) = verdicts(model, runtime)
        assert verdict.operator == 0
        assert bool(verdict.why) == (verdict.verdict != "runs")


def test_absurd_numbers_end_in_no_error() -> None:
    """Options and shapes that no check can be worked out for leave the verdict open."""
    g = GraphBuilder()
    x = g.input("x", (1, 4, 4, 2), "int8", scale=0.5)
    y = g.tensor("y", (1, 2, 2, 2), "int8", scale=0.5)
    g.operator("AVERAGE_POOL_2D", [x], [y], {"stride_w": 0, "stride_h": 0})
    g.operator("SPLIT", [x, x], [y, y], {"num_splits": 0})
    g.operator("GATHER", [], [])
    for runtime in RUNTIMES:
        assert len(verdicts(g.build(outputs=[y]), runtime)) == 3
