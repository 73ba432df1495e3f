"""Variables that are set by inputs or by operators."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.operators.case import Case
from conformance.operators.compare import run_ours
from refinterp.graph.build import GraphBuilder
from refinterp.run.prepare import prepare
from tests.kernels.oracle import hold, opened


@pytest.fixture(scope="module")
def reference():
    """LiteRT's reference kernels."""
    yield from opened("runtime:litert-reference")


def variable_as_input():
    """SUB of an input and of a variable that is an input too."""
    g = GraphBuilder()
    x = g.input("x", (1, 3))
    v = g.input("v", (1, 3), is_variable=True)
    y = g.tensor("y", (1, 3))
    g.operator("SUB", [x, v], [y])
    data = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
    return Case(g.build(outputs=[y]), [[a, 2 * a + 1] for a in data])


def constant_state():
    """SVDF whose state starts as a dequantized constant: LiteRT fills it in the first run only."""
    g = GraphBuilder()
    x = g.input("x", (1, 2))
    first = g.constant("first", np.full((1, 6), 0.5, np.float16), "float16")
    state = g.variable("state", (1, 6))
    feature = g.constant("feature", np.array([[1, 2], [3, 4]], np.float32))
    time = g.constant("time", np.arange(6, dtype=np.float32).reshape(2, 3))
    y = g.tensor("y", (1, 2))
    g.operator("DEQUANTIZE", [first], [state])
    g.operator("SVDF", [x, feature, time, -1, state], [y], {"rank": 1})
    data = np.arange(8, dtype=np.float32).reshape(4, 1, 2)
    return Case(g.build(outputs=[y]), [[a] for a in data])


@pytest.mark.parametrize("make", [variable_as_input, constant_state])
def test_variables_set_within_a_run_keep_samples_apart(reference, make):
    """Such a program takes one sample at a time, and gives LiteRT's results whatever is asked."""
    case = make()
    assert not prepare(case.model).batchable
    assert hold(case, reference, "runtime:litert-reference")
    singly = run_ours(case.model, case.samples, flavour="litert-reference", batched=False)
    together = run_ours(case.model, case.samples, flavour="litert-reference", batched=True)
    for one, other in zip(singly, together, strict=True):
        for tensor, array in one.items():
            np.testing.assert_array_equal(array, other[tensor])


def grown_resource():
    """A resource that is assigned five elements and read as four."""
    g = GraphBuilder()
    x, y = g.input("x", (5,)), g.tensor("y", (2, 2))
    handle, z = g.tensor("handle", (), "resource"), g.tensor("z", (2, 2))
    g.operator("VAR_HANDLE", [], [handle], {"container": "", "shared_name": "v"})
    g.operator("ASSIGN_VARIABLE", [handle, x], [])
    g.operator("READ_VARIABLE", [handle], [y])
    g.operator("ABS", [y], [z])
    return Case(g.build(outputs=[z]), [[np.arange(-2, 3, dtype=np.float32)]])


def test_reading_takes_as_many_elements_as_the_file_says(reference):
    """From the start of what was assigned, however much that is."""
    assert hold(grown_resource(), reference, "runtime:litert-reference")
