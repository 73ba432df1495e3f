"""Operators that are not what their row says: every command answers, and names the operand."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.cli.inspect import inspected
from refinterp.cli.main import main
from refinterp.debug.faults.lint import lint
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.operators import OPERATORS
from refinterp.modelfile.writer import write_model
from refinterp.run.prepare import prepare
from tests.malformed import malformed

COMMANDS = (
    (("run",), 2),
    (("arena",), 2),
    (("explain", "--op", "0", "--at", "0"), 2),
    (("lint",), 1),
    (("inspect",), 0),
)


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_what_the_row_forbids_is_refused_by_name(operator):
    """`prepare` names operator and operand; `lint` has an error, `inspect` the sentence."""
    for one in malformed(operator):
        with pytest.raises((ModelError, UnsupportedError)) as caught:
            prepare(one.model)
        if caught.type is UnsupportedError:
            assert one.way.startswith("type"), str(one)
            continue
        said = str(caught.value)
        assert f"({operator})" in said, str(one)
        assert one.operand in said, str(one)
        assert "found" in said, str(one)
        assert "allowed" in said, str(one)
        assert any(finding.severity == "error" for finding in lint(one.model)), str(one)
        assert any(one.operand in "; ".join(k.misfits) for k in inspected(one.model).kernels)


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_commands_end_as_they_should(operator, tmp_path, capsys):
    """One of the ways, from a file: no traceback, and the operand's name where it can be told."""
    ways = list(malformed(operator))
    if not ways:  # an operator without operands and results can only have too many
        pytest.skip("the row forbids nothing")
    one = ways[len(operator) % len(ways)]
    path = tmp_path / "malformed.tflite"
    path.write_bytes(write_model(one.model))
    for command, code in COMMANDS:
        assert main([command[0], str(path), *command[1:]]) == code, (command, str(one))
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        if command[0] in ("run", "explain") and not one.way.startswith("type"):
            assert one.operand in " ".join((shown.out + shown.err).split()), (command, str(one))


def test_many_ways_are_tried():
    """The tests above would pass on no models at all."""
    found = [one.way for operator in ("CONV_2D", "LSTM", "MEAN") for one in malformed(operator)]
    assert len(found) > 200
    assert len(set(found)) == 11


@pytest.mark.parametrize("extents", [(1,), (3,), (5,)])
def test_a_bias_of_another_length(extents):
    """A float bias that is no channel's is refused by name, not met in the middle of a run."""
    g = GraphBuilder()
    x = g.input("x", (1, 4, 4, 2), "float32")
    w = g.constant("w", np.ones((4, 1, 1, 2), np.float32))
    b = g.constant("b", np.ones(extents, np.float32))
    y = g.tensor("y", (1, 4, 4, 4), "float32")
    options = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
    g.operator("CONV_2D", [x, w, b], [y], options)
    with pytest.raises(ModelError, match=rf"operand bias 'b': found {extents[0]} elem.*allowed: 4"):
        prepare(g.build(outputs=[y]))
