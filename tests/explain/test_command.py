"""`refinterp explain`: what it prints, its document, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.explain import definition
from refinterp.explain.steps import DerivationStep
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model, write_model
from tests.explain.test_definitions import convolution

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schema" / "explain.schema.json").read_text("utf-8"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A CONV_2D of one tensor, as a file."""
    path = tmp_path / "conv.tflite"
    path.write_bytes(write_model(convolution().model))
    return str(path)


def document(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    """Run with --json, and hold the document to its schema."""
    assert main(["explain", *words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


def test_text(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Taps, both roundings and the verdict are on the screen."""
    data = tmp_path / "x.npy"
    np.save(data, np.arange(9, dtype=np.int8).reshape(1, 3, 3, 1))
    assert main(["explain", model, "--op", "0", "--at", "0,2,2,0", "--data", str(data)]) == 0
    out, err = capsys.readouterr()
    assert "operators[0] CONV_2D -> y[0, 2, 2, 0]" in out
    assert "y = clamp(R(sum(w · (x + 1)) + b) + 3)" in out
    assert out.count("padding") >= 3
    assert "round(round(109 · 1073741824 / 2^31) / 2^2)" in out
    assert "stored 17, derived 17: equal" in out
    assert "taken as codes: 0..8" in err


def test_document(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The document has stored, derived and steps, and says what data it is about."""
    found = document(capsys, model, "--op", "0", "--at", "0,1,1,0", "--sample", "2")
    assert found["stored"] == found["derived"]
    assert found["steps"][-1]["value"] == found["derived"]
    assert found["index"] == [0, 1, 1, 0]
    assert found["sample"] == 2
    assert "seed" in found["data"]
    assert len(found["taps"]) == 4


def test_random_data_is_said(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --data the seed goes to standard error, and runs repeat."""
    runs = []
    for _ in range(2):
        runs.append(document(capsys, model, "--op", "0", "--at", "0,0,0,0"))
    assert runs[0] == runs[1]
    assert main(["explain", model, "--op", "0", "--at", "0,0,0,0"]) == 0
    assert "random data, seed 42" in capsys.readouterr().err


def test_overview(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --op every operator comes with its words and formula."""
    found = document(capsys, model)
    assert [entry["op_name"] for entry in found["operators"]] == ["CONV_2D"]
    assert "weighted sum" in found["operators"][0]["words"]
    assert main(["explain", model]) == 0
    assert "y = clamp(R(sum(w · (x + 1)) + b) + 3)" in capsys.readouterr().out


def test_bundled_model(capsys: pytest.CaptureFixture[str]) -> None:
    """The overview of a whole model names operators without a definition too."""
    model = ROOT / "refinterp" / "data" / "digits_int8.tflite"
    names = [entry["op_name"] for entry in document(capsys, str(model))["operators"]]
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "FULLY_CONNECTED", "SOFTMAX"} <= set(names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--op", "0"], "[1, 3, 3, 1]"),
        (["--op", "0", "--at", "0,0"], "[1, 3, 3, 1]"),
        (["--op", "0", "--at", "0,3,0,0"], "0..2"),
        (["--op", "0", "--at", "a,b"], "[1, 3, 3, 1]"),
        (["--op", "1", "--at", "0"], "operators are 0..0"),
        (["--op", "-1", "--at", "0"], "operators are 0..0"),
        (["--at", "0,0,0,0"], "--op"),
        (["--op", "0", "--at", "0,0,0,0", "--sample", "-1"], "--sample -1"),
    ],
)
def test_mistakes(
    words: list[str], said: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong argument is exit code 2, and the message says what is allowed."""
    assert main(["explain", model, *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_disagreement_is_exit_code_1(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A derived code that is not the stored one is reported as a bug."""
    right = definition.load_all()["CONV_2D", "int8"]

    def wrong(op: Any, at: Any) -> Any:
        value = yield from right.derive(op, at)
        yield DerivationStep("mistake", f"{value} + 1", value + 1)
        return value + 1

    broken = definition.Definition(right.words, right.formula, right.operands, wrong)
    monkeypatch.setitem(definition.DEFINITIONS, ("CONV_2D", "int8"), broken)
    found = document(capsys, model, "--op", "0", "--at", "0,0,0,0", code=1)
    assert (found["equal"], found["derived"] - found["stored"]) == (False, 1)
    assert main(["explain", model, "--op", "0", "--at", "0,0,0,0"]) == 1
    assert "report it as a bug" in capsys.readouterr().out


def test_taps_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A long table is cut, and --all shows it whole."""
    from refinterp.graph.build import GraphBuilder

    g = GraphBuilder()
    x = g.input("x", (1, 40), "int8", scale=0.5)
    w = g.constant("w", np.ones((1, 40), np.int8), scale=0.5)
    y = g.tensor("y", (1, 1), "int8", scale=0.5)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    path = tmp_path / "fc.tflite"
    path.write_bytes(write_model(g.build(outputs=[y])))
    command = ["explain", str(path), "--op", "0", "--at", "0,0"]
    assert main(command) == 0
    short = capsys.readouterr().out
    assert "28 more taps" in short
    assert main([*command, "--all"]) == 0
    whole = capsys.readouterr().out
    assert "more taps" not in whole
    assert whole.count("\n") - short.count("\n") == 27


def test_an_output_without_dimensions_needs_no_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its only element is meant, even where an operand's scale is 0."""
    g = GraphBuilder()
    x = g.input("x", (), "int8", scale=0.5, zero_point=3)
    zero = g.constant("zero", np.int8(4), scale=0.0)
    y = g.tensor("y", (), "int8", scale=0.25, zero_point=-7)
    g.operator("MUL", [x, zero], [y])
    path = tmp_path / "scalar.tflite"
    path.write_bytes(write_model(g.build(outputs=[y])))
    assert document(capsys, str(path), "--op", "0")["stored"] == -7
    assert main(["explain", str(path), "--op", "0", "--at", "0"]) == 2


def test_an_operator_without_definition_names_the_one_before_it(tmp_path, capsys) -> None:
    """The nearest on the way of its data, through operators that have none either."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    other = g.tensor("other", (1, 4), "int8", scale=1.0)
    total = g.tensor("total", (1, 4), "int8", scale=1.0)
    flat = g.tensor("flat", (4,), "int8", scale=1.0)
    end = g.tensor("end", (4,), "int8", scale=1 / 256, zero_point=-128)
    g.operator("ADD", [x, x], [total])
    g.operator("ADD", [x, x], [other])
    g.operator("RESHAPE", [total, g.constant("shape", np.array([4], np.int32))], [flat])
    g.operator("SOFTMAX", [flat], [end], {"beta": 1.0})
    path = str(tmp_path / "chain.tflite")
    save_model(g.build([end, other]), path)
    assert main(["explain", path, "--op", "3", "--at", "0"]) == 2
    err = capsys.readouterr().err
    assert "--op 3, SOFTMAX (int8), cannot be explained" in err
    assert "--op 0 (ADD)" in err
    assert main(["explain", path, "--op", "0", "--at", "0,0"]) == 0
