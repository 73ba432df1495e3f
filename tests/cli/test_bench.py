"""The bench command: its table, document and exit codes."""

from __future__ import annotations

import json

import jsonschema
import pytest

from refinterp.cli.main import main
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
MODEL = str(DATA / "digits_int8.tflite")
SCHEMA = json.loads((ROOT / "schema" / "bench.schema.json").read_text("utf-8"))
QUICK = ["--seconds", "0.02"]


def test_document_keeps_to_its_schema(capsys):
    """One document for all models: subjects, ratios, operators and memory."""
    words = ["bench", MODEL, str(DATA / "shapes_int8.tflite"), "--against", "tflm", *QUICK]
    assert main([*words, "--batch", "4", "--per-op", "--memory", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    assert next(iter(document)) == "schema_version"
    assert document["batch"] == 4
    assert [r["model"] for r in document["results"]] == words[1:3]
    for result in document["results"]:
        ours, other = result["subjects"]
        assert ours["ratio"] is None
        assert other["ratio"]["median"] > 0
        assert result["macs"] == sum(o["macs"] for o in result["operators"]) > 0
        assert result["memory"]["peak_bytes"] < result["memory"]["bound_bytes"]


def test_table_fits_a_screen(capsys, monkeypatch):
    """No line of the tables is wider than 80 columns, and every operator has one."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["bench", MODEL, "--against", "tflm", "--per-op", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.strip().startswith("tflm") for line in lines)
    assert sum(" SOFTMAX" in line for line in lines) == 1
    assert all(len(line) <= 80 for line in lines if not line.startswith(MODEL))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bench", "nowhere.tflite"], "cannot read"),
        (["bench", MODEL, "--against", "runtime:none"], "names are"),
        (["bench", MODEL, "--against", "litert-reference"], "being timed"),
    ],
)
def test_mistakes_exit_with_2(words, said, capsys):
    """Missing files and unknown names: 2, and a message that says what is allowed."""
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("refinterp: ")
    assert said in err


def test_file_that_is_no_model(tmp_path, capsys):
    """A file that is no model is told of before anything is measured."""
    (tmp_path / "m.tflite").write_bytes(b"no model")
    assert main(["bench", str(tmp_path / "m.tflite")]) == 2
    assert capsys.readouterr().err.startswith("refinterp: ")
