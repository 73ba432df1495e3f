"""Sizes that no machine has memory for end in a sentence that names the tensor."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare

FAR = 2**62


def _model(operator, operand, dtype, *more, declared=(1, 2, 2, 1)):
    g = GraphBuilder()
    x = g.input("x", (1, 2, 2, 1), "float32")
    given = [g.constant("given", np.array(operand, dtype))]
    given += [g.constant(f"more {i}", one) for i, one in enumerate(more)]
    y = g.tensor("y", declared, "float32")
    g.operator(operator, [x, *given], [y])
    return g.build(outputs=[y])


ABSURD = {
    "TILE": _model("TILE", [2**40, 2**40, 1, 1], "int64"),
    "TILE far less": _model("TILE", [2**16, 2**16, 1, 1], "int64"),
    "BROADCAST_TO": _model("BROADCAST_TO", [FAR, 2, 2, 1], "int64"),
    "PAD": _model("PAD", [[0, 0], [FAR, FAR], [FAR, 0], [0, 0]], "int64"),
    "DILATE": _model("DILATE", [1, 2**31 - 1, 2**31 - 1, 1], "int32", np.float32(0)),
    "RESIZE_BILINEAR": _model("RESIZE_BILINEAR", [2**31 - 1, 2**31 - 1], "int32"),
    "UNSORTED_SEGMENT_MAX": _model("UNSORTED_SEGMENT_MAX", [0], "int32", np.int32(2**31 - 1)),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_sizes_are_refused_before_a_run(name):
    """`prepare` names tensor and bytes."""
    with pytest.raises(ModelError, match=r"tensor 'y': found .* bytes.*allowed: 4,294,967,296"):
        prepare(ABSURD[name])


def test_a_size_that_only_a_run_tells():
    """The same where the shape is an input of the model."""
    g = GraphBuilder()
    x = g.input("x", (1,), "float32")
    shape = g.input("shape", (2,), "int32")
    y = g.tensor("y", (1, 1), "float32")
    g.operator("BROADCAST_TO", [x, shape], [y])
    executor = Executor(prepare(g.build(outputs=[y])))
    executor.input(shape)[0] = [2**31 - 1, 2**31 - 1]
    with pytest.raises(ModelError, match=r"tensor 'y': found .* bytes"):
        executor.invoke()


@pytest.mark.parametrize("command", [["run", "--lenient"], ["arena"], ["lint"], ["inspect"]])
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_commands_on_absurd_sizes(command, dtype, tmp_path, capsys):
    """Nothing is a bug of ours."""
    extents = (1, 2**31 - 1, 2**31 - 1, 2**31 - 1)
    path = tmp_path / "absurd.tflite"
    path.write_bytes(write_model(_model("BROADCAST_TO", extents, dtype, declared=extents)))
    code = main([command[0], str(path), *command[1:]])
    assert code in ((2,) if command[0] in ("run", "arena") else (0, 1, 2))
    shown = capsys.readouterr()
    assert "bug of ours" not in shown.out + shown.err
