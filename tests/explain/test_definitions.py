"""Definitions against the interpreter and against the runtimes, element by element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from conformance.operators.case import Case
from conformance.operators.cases import load_all as load_generators
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.explain.definition import DEFINITIONS, explain, load_all
from refinterp.explain.operation import Operation, record
from refinterp.graph.build import GraphBuilder
from refinterp.graph.specs import tensor_specs
from refinterp.kernels import registry
from refinterp.modelfile.writer import write_model
from refinterp.run.prepare import prepare
from refinterp.runtimes import Runtime
from refinterp.runtimes.outcome import Ran, Refused
from tests.kernels.oracle import opened
from tests.strategies import cases

OPERATORS = sorted({operator for operator, _ in load_all()})
ELEMENTS = 4  # explained per case


@pytest.fixture(scope="module")
def litert() -> Iterator[Runtime]:
    yield from opened("runtime:litert-reference")


@pytest.fixture(scope="module")
def tflm() -> Iterator[Runtime]:
    yield from opened("runtime:tflm")


def recorded(case: Case, flavour: str, sample: int = 0) -> Operation:
    """Run one sample of a one-operator model and return the operator as it ran."""
    return record(prepare(case.model, flavour=flavour), case.samples[sample], 0)


def some_indices(shape: Sequence[int], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """The first, the last and random indices of a shape; none of an empty one."""
    if not all(shape):
        return []
    drawn = [tuple(int(rng.integers(size)) for size in shape) for _ in range(ELEMENTS - 2)]
    return [tuple(0 for _ in shape), tuple(size - 1 for size in shape), *drawn]


def derived_equals(case: Case, runtime: Runtime, name: str, seed: int) -> bool:
    """Assert derived = stored = the runtime's, where it takes the case; False where it does not."""
    outcome = runtime.run(write_model(case.model), case.samples[:1])
    if isinstance(outcome, Refused):
        return False
    assert isinstance(outcome, Ran), str(outcome)
    operation = recorded(case, name.removeprefix("runtime:"))
    theirs = outcome.outputs[0][0]
    if case.model.subgraphs[0].operators[0].options.get("weights_format", "DEFAULT") != "DEFAULT":
        with pytest.raises(UnsupportedError, match="weights_format SHUFFLED4x16INT8"):
            explain(operation, tuple(0 for _ in operation.output.shape))
        return False
    for at in some_indices(operation.output.shape, np.random.default_rng(seed)):
        explanation = explain(operation, at)
        assert explanation.agrees, explanation
        if explanation.bound == 0.0:
            assert theirs[at] == explanation.derived or (
                np.isnan(theirs[at]) and np.isnan(explanation.derived)
            ), explanation
        else:
            assert abs(float(theirs[at]) - explanation.derived) <= explanation.bound, explanation
    return True


def hold_operator(operator: str, runtime: Runtime, name: str) -> None:
    """Draw cases of every type of an operator."""
    known = load_generators()
    keys = [key for key in load_all() if key[0] == operator and key in known]
    held = []

    @settings(max_examples=max(20, settings.default.max_examples // 2))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(keys))
        case = data.draw(cases(known[key]))
        ran = derived_equals(case, runtime, name, data.draw(st.integers(0, 2**32 - 1)))
        event(f"{key[1]} {'ran' if ran else 'refused'}")
        held.append(ran)

    check()
    assert any(held)


@pytest.mark.parametrize("operator", OPERATORS)
def test_derived_is_stored_and_litert_s(operator: str, litert: Runtime) -> None:
    """What a definition comes to is what the run stored, and what LiteRT computes."""
    hold_operator(operator, litert, "runtime:litert-reference")


@pytest.mark.parametrize("operator", OPERATORS)
def test_derived_is_stored_and_tflm_s(operator: str, tflm: Runtime) -> None:
    """The same under TFLM's rules, which round differently here and there."""
    hold_operator(operator, tflm, "runtime:tflm")


def test_keys_are_the_registry_s() -> None:
    """Definitions exist for kernels only; what is missing is printed (pytest -rP)."""
    kernels = registry.load_all()
    assert load_all().keys() <= kernels.keys()
    missing = sorted(kernels.keys() - load_all().keys())
    print("no definition:", ", ".join(f"{operator} {dtype}" for operator, dtype in missing))


def convolution(**tensors: Any) -> Case:
    """A 2x2 CONV_2D on a 3x3 image; the output's scale and more can be set."""
    g = GraphBuilder()
    x = g.input("x", (1, 3, 3, 1), "int8", scale=0.5, zero_point=-1)
    w = g.constant("w", np.array([1, 2, 3, 4], np.int8).reshape(1, 2, 2, 1), scale=0.25)
    b = g.constant("b", np.array([100], np.int32), scale=0.125)
    y = g.tensor("y", (1, 3, 3, 1), "int8", **{"scale": 1.0, "zero_point": 3} | tensors)
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    image = np.arange(9, dtype=np.int8).reshape(1, 3, 3, 1)
    return Case(g.build(outputs=[y]), [[image]])


def test_every_step_of_a_convolution() -> None:
    """A corner worked out by hand: taps, padding, sum, bias, both roundings, zero point, clamp."""
    found = explain(recorded(convolution(), "litert-reference"), (0, 2, 2, 0))
    assert [(t.index, t.code, t.centred, t.weight, t.product) for t in found.taps] == [
        ((0, 2, 2, 0), 8, 9, 1, 9),
        ((0, 2, 3, 0), None, None, 2, 0),
        ((0, 3, 2, 0), None, None, 3, 0),
        ((0, 3, 3, 0), None, None, 4, 0),
    ]
    assert [tap.padding for tap in found.taps] == [False, True, True, True]
    assert {step.name: step.value for step in found.steps} == {
        "sum of products": 9,
        "bias": 100,
        "accumulator": 109,
        "real multiplier": 0.125,
        "exponent": -2,
        "mantissa": 2**30,
        "first rounding": 55,  # 54.5, halves up
        "second rounding": 14,  # 13.75
        "zero point": 17,
        "clamp": 17,
    }
    assert (found.stored, found.derived, found.agrees) == (17, 17, True)


def test_a_wrong_byte_does_not_agree() -> None:
    """Every other stored code than the derived one is told apart."""
    operation = recorded(convolution(), "litert-reference")
    values = operation.output.values
    assert values is not None
    right = int(values[0, 1, 1, 0])
    for wrong in set(range(-128, 128)) - {right}:
        values[0, 1, 1, 0] = wrong
        assert not explain(operation, (0, 1, 1, 0)).agrees


@pytest.mark.parametrize(
    "at", [(), (0, 0, 0), (0, 0, 0, 0, 0), (1, 0, 0, 0), (0, 3, 0, 0), (0, 0, -1, 0)]
)
def test_an_index_outside_is_refused(at: tuple[int, ...]) -> None:
    """The message names the shape that an index has to fit."""
    with pytest.raises(UsageError, match=r"\[1, 3, 3, 1\]"):
        explain(recorded(convolution(), "litert-reference"), at)


def test_a_scale_of_zero_is_refused() -> None:
    """A model that asks for a division by zero is the model's mistake, named with its tensor."""
    model = convolution(scale=0.0).model
    operation = Operation.of(model, 0, 0, tensor_specs(model, 0), "litert-reference")
    with pytest.raises(ModelError, match="'y'"):
        explain(operation, (0, 0, 0, 0))


def test_an_operator_without_a_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message lists the types on which the operator can be explained."""
    operation = recorded(convolution(), "litert-reference")
    load_all()
    monkeypatch.delitem(DEFINITIONS, ("CONV_2D", "int8"))
    with pytest.raises(UnsupportedError, match=r"CONV_2D can on float32, int16x4"):
        explain(operation, (0, 0, 0, 0))
