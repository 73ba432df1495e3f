"""The inspect command: the answer first, what each runtime does, and no model that stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from conformance.operators.draw import RandomDraw
from conformance.operators.known_edits import usual
from conformance.operators.known_sparse import sparse
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.writer import save_model
from refinterp.verdicts.differences.table import by_id
from refinterp.verdicts.verdict import RUNTIMES
from tests.corpus import ROOT, corpus

SCHEMA = json.loads((ROOT / "schema" / "inspect.schema.json").read_text("utf-8"))
HEALTHY = ROOT / "refinterp" / "data" / "digits_int8.tflite"
LITERT = ("litert-reference", "litert-optimized", "litert")
BUILDS = ("tflm", "cmsis-nn-mve", "esp-nn")


def padded_batches() -> Model:
    """SPACE_TO_BATCH_ND that pads, between an operator before and one behind."""
    g = GraphBuilder()
    x = g.input("x", (1, 6, 1, 2), "int8", scale=0.5, zero_point=-3)
    a = g.tensor("a", (1, 6, 1, 2), "int8", scale=0.5, zero_point=-3)
    block = g.constant("block", np.array([2, 1], np.int32))
    pads = g.constant("pads", np.array([[2, 2], [0, 0]], np.int32))
    b = g.tensor("b", (2, 5, 1, 2), "int8", scale=0.5, zero_point=-3)
    g.operator("RELU", [x], [a])
    g.operator("SPACE_TO_BATCH_ND", [a, block, pads], [b])
    return g.build(outputs=[b])


def document(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict:
    """Run the command with --json, and hold its output against the schema."""
    assert main(["inspect", *words, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


def saved(model: Model, folder: Path, name: str = "m.tflite") -> str:
    path = folder / name
    save_model(model, path)
    return str(path)


def test_a_healthy_model_runs_everywhere(capsys) -> None:
    """Line one says so, and so does the document, runtime by runtime."""
    assert main(["inspect", str(HEALTHY)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("verdict  refinterp runs it")
    found = document(capsys, str(HEALTHY))
    assert found["runs"]
    assert found["summary"]["verdict"].startswith("refinterp runs it; litert-reference, ")
    assert {name: one["verdict"] for name, one in found["runtimes"].items()} == dict.fromkeys(
        RUNTIMES, "runs"
    )
    for operator in found["operators"]:
        assert all(one == {"verdict": "runs", "why": "", "row": None}
                   for one in operator["runtimes"].values())  # fmt: skip


def test_a_known_difference_is_told_where_it_is_met(capsys, tmp_path) -> None:
    """TFLM pads with what its stack holds: of the model, the operator, the row and the remedy."""
    path = saved(padded_batches(), tmp_path)
    assert main(["inspect", path]) == 0
    text = capsys.readouterr().out
    assert "compute something else" in text.splitlines()[0]
    said = " ".join(text.split())
    assert "tflm, cmsis-nn-mve, esp-nn, operator 1 (SPACE_TO_BATCH_ND)" in said
    assert "docs/known-differences.md#tflm-space-to-batch-paddings" in said
    assert by_id()["tflm-space-to-batch-paddings"].remedy in said
    found = document(capsys, path)
    for name in BUILDS:
        assert found["runtimes"][name]["verdict"] == "differs"
        assert found["runtimes"][name]["operators"] == [{"subgraph": 0, "operator": 1}]
        assert [op["runtimes"][name]["verdict"] for op in found["operators"]] == ["runs", "differs"]
    for name in LITERT:
        assert found["runtimes"][name]["verdict"] == "runs"


def test_sparse_weights_are_refused_here_and_misread_there(capsys, tmp_path) -> None:
    """FULLY_CONNECTED that reads sparse int8 weights itself."""
    draw = sparse("FULLY_CONNECTED", "int8", lambda node: not node.inputs[1].zeros.any(), 1, 1)
    found = document(capsys, saved(draw(RandomDraw(3)).model, tmp_path))
    verdicts = {name: one["verdict"] for name, one in found["operators"][0]["runtimes"].items()}
    assert verdicts == {
        "litert-reference": "refuses", "litert-optimized": "refuses", "litert": "differs",
        **dict.fromkeys(BUILDS, "differs"),
    }  # fmt: skip


def test_what_was_never_tried_is_not_said_to_run(capsys, tmp_path) -> None:
    """int16x8 convolutions by CMSIS-NN were not measured: null, and why."""
    model = usual("CONV_2D", "int16x8")(RandomDraw(1)).model
    found = document(capsys, saved(model, tmp_path))
    one = found["operators"][0]["runtimes"]["cmsis-nn-mve"]
    assert one["verdict"] is None
    assert "never tried" in one["why"]


def test_wrong_operands_do_not_stop_it(capsys, tmp_path) -> None:
    """An operator whose tensors do not exist is shown with the others; the verdict says why."""
    model = padded_batches()
    graph = model.subgraphs[0]
    broken = replace(graph.operators[0], inputs=(99,), outputs=(-1,))
    changed = replace(graph, operators=(broken, *graph.operators[1:]))
    path = saved(replace(model, subgraphs=(changed,)), tmp_path)
    assert main(["inspect", path]) == 0
    text = capsys.readouterr().out
    assert text.startswith("verdict  refinterp does not run it")
    assert "SPACE_TO_BATCH_ND" in text
    found = document(capsys, path)
    assert not found["runs"]
    assert "99" in found["why"]
    assert len(found["operators"]) == 2


def test_several_models_and_one_that_cannot_be_read(capsys, tmp_path) -> None:
    """The refused one is a row with its reason; exit code 2, and the others are shown."""
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(b"nothing of the kind")
    found = document(capsys, str(HEALTHY), str(wrong), code=2)
    first, second = found["results"]
    assert first["runs"]
    assert second["model"] == str(wrong)
    assert second["error"]["kind"] == "model"
    assert main(["inspect", str(wrong), str(HEALTHY)]) == 2
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("verdict refinterp runs 1 of 2 models; 1 cannot be read")
    assert "verdict refused: " in text
    assert "verdict refinterp runs it" in text


@pytest.mark.parametrize("width", [72, 80, 120])
def test_nothing_is_cut(capsys, tmp_path, monkeypatch, width) -> None:
    """No line is wider than the screen, and every operator's index is whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    g = GraphBuilder()
    at = g.input("x", (1, 224, 224, 3), "int8", scale=0.5)
    for number in range(1203):
        made = g.tensor(
            f"model/block_{number}/with/a/long/name", (1, 224, 224, 3), "int8", scale=0.5
        )
        g.operator("RELU", [at], [made])
        at = made
    assert main(["inspect", saved(g.build(outputs=[at]), tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    shown = {word for line in lines for word in line.split()[:1]}
    assert {str(number) for number in range(1203)} <= shown


def test_reports_02_and_09(capsys) -> None:
    """What was reported gets the answer that was asked for."""
    folder = corpus() / "reports"
    if not folder.is_dir():
        pytest.skip(f"no reports at {folder}")
    tcn = document(capsys, str(folder / "02_tcn_space_to_batch_tflm" / "tcn_s2b_int8.tflite"))
    assert tcn["operators"][0]["op_name"] == "SPACE_TO_BATCH_ND"
    assert tcn["operators"][0]["runtimes"]["tflm"]["verdict"] == "differs"
    assert tcn["runtimes"]["litert-reference"]["verdict"] == "runs"
    weights = document(capsys, str(folder / "09_sparse_weights" / "sparsefc.tflite"))
    assert weights["runtimes"]["litert-reference"]["verdict"] == "refuses"
    assert weights["runtimes"]["litert"]["verdict"] == "differs"
    assert weights["runtimes"]["tflm"]["verdict"] == "differs"
