"""What is said of TensorFlow's QuantizationDebugger is what the committed results hold."""

from __future__ import annotations

import json

import pytest

from conformance.quantization_debugger.match import match
from conformance.quantization_debugger.page import (
    EQUAL,
    RESULTS,
    cause,
    comes_in,
    on_reference,
    own,
    page,
    page_path,
    takes_reals,
)


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text("utf-8"))


def test_the_page_is_generated(results):
    """The page is what the results give, to the letter."""
    assert page_path().read_text("utf-8") == page(results)


def test_every_layer_agrees_or_has_a_cause(results):
    """On reference kernels all agree but what is fed otherwise; no difference goes unexplained."""
    layers = results["figures"]["layers"]
    assert len(layers) == 65
    apart = [layer for layer in layers if on_reference(layer) > EQUAL]
    assert [takes_reals(layer) for layer in apart] == [True]
    assert "not explained" not in {cause(layer) for layer in layers}
    for layer in layers:
        total = layer["refinterp"] + comes_in(layer) + own(layer)
        assert total == pytest.approx(layer["tensorflow"], abs=1e-12)


def test_a_layer_that_disagrees_is_called_so(results):
    """A figure that no evidence supports is not given a cause."""
    layer = {**results["figures"]["layers"][5]}
    layer["refinterp"] += 0.01
    assert cause(layer) == "not explained"
    assert "no reason found: 1." in page(
        {**results, "figures": {**results["figures"], "layers": [layer]}}
    )


def test_layers_match_by_name_then_without_their_last_digit():
    """Equal names first; a digit less only where the operator is the same; the rest is left."""

    def rows(*names):
        return [dict(zip(("tensor_name", "op_name"), n.split(), strict=True)) for n in names]

    theirs = rows("a ADD", "b CONV_2D", "out:0 SOFTMAX", "lost ADD")
    ours = rows("q QUANTIZE", "b CONV_2D", "a ADD", "out:01 SOFTMAX", "lost1 MUL")
    assert match(theirs, ours) == ([(0, 2), (1, 1), (2, 3)], [3], [0, 4])
