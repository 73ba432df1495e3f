"""Every command on models with operators that read or write no tensor, and unforeseeable shapes."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model


def counter():
    """A resource variable to which each run adds its input; VAR_HANDLE reads no tensor."""
    g = GraphBuilder()
    x = g.input("x", (2,), "float32")
    handle = g.tensor("handle", (), "resource")
    old, new = g.tensor("old", (2,)), g.tensor("new", (2,))
    g.operator("VAR_HANDLE", [], [handle], {"container": "", "shared_name": "sum"})
    g.operator("READ_VARIABLE", [handle], [old])
    g.operator("ADD", [old, x], [new])
    g.operator("ASSIGN_VARIABLE", [handle, new], [])
    return g.build(outputs=[new])


def places():
    """WHERE, whose output is as long as there are elements other than zero."""
    g = GraphBuilder()
    x, y = g.input("x", (3,), "float32"), g.tensor("y", (3, 1), "int64")
    g.operator("WHERE", [x], [y])
    return g.build(outputs=[y])


@pytest.mark.parametrize("model", [counter(), places()], ids=["variables", "shapes"])
@pytest.mark.parametrize("command", ["inspect", "lint", "arena", "explain", "debug"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_commands_answer(model, command, form, tmp_path, capsys):
    """A result, or a refusal in words; never an unexpected exception."""
    path, data = tmp_path / "m.tflite", tmp_path / "x.npy"
    path.write_bytes(write_model(model))
    size = model.subgraphs[0].tensors[0].shape[0]
    np.save(data, np.ones((2, size), np.float32))
    words = [command, str(path), *form, *(["--data", str(data)] if command == "debug" else [])]
    code = main(words)
    out, err = capsys.readouterr()
    assert code in (0, 1) or (code == 2 and err.startswith("refinterp: "))
    assert out or err


def test_an_operator_that_writes_nothing_has_nothing_to_explain(tmp_path, capsys):
    """It is refused by name, not by an index error."""
    path = tmp_path / "m.tflite"
    path.write_bytes(write_model(counter()))
    assert main(["explain", str(path), "--op", "3", "--at", "0"]) == 2
    assert "ASSIGN_VARIABLE" in capsys.readouterr().err


def test_tensors_of_different_lengths_are_saved_one_by_one(tmp_path):
    """Where the data decide a shape, each sample has an entry of its own."""
    path, data, saved = tmp_path / "m.tflite", tmp_path / "x.npy", tmp_path / "y.npz"
    path.write_bytes(write_model(places()))
    np.save(data, np.array([[1, 0, 2], [0, 3, 0]], np.float32))
    assert main(["run", str(path), "--input", str(data), "--output", str(saved)]) == 0
    with np.load(saved) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {
            "y@0": [[0], [2]],
            "y@1": [[1]],
        }


def test_debug_follows_shapes_that_the_data_decide(tmp_path, capsys):
    """Two samples with places of different number, beside an int8 operator to measure."""
    g = GraphBuilder()
    x = g.input("x", (3,), "int8", scale=0.5)
    real, y = g.tensor("real", (3,)), g.tensor("y", (3, 1), "int64")
    z = g.tensor("z", (3,), "int8", scale=0.5)
    g.operator("DEQUANTIZE", [x], [real])
    g.operator("WHERE", [real], [y])
    g.operator("RELU", [x], [z])
    path, data = tmp_path / "m.tflite", tmp_path / "x.npy"
    path.write_bytes(write_model(g.build(outputs=[y, z])))
    np.save(data, np.array([[1, 0, 2], [0, 3, 0]], np.int8))
    assert main(["debug", str(path), "--data", str(data), "--json"]) == 0
    assert '"samples": 2' in capsys.readouterr().out
