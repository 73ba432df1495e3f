"""With --json, what has no result is a document as well: of every command, for every reason."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import jsonschema
import pytest

from refinterp.cli.commands import COMMANDS
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from tests.console.script import MODEL, SAMPLES

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "schema" / "error.schema.json").read_text("utf-8")
)
MORE = {
    "debug": ["--data", SAMPLES],
    "sensitivity": ["--data", SAMPLES],
    "explain": ["--op", "0", "--at", "0"],
    "export": ["--for", "tflm", "--to", "/nonexistent"],
}
"""What a command needs beside a model."""
WITH_MODEL = [name for name, command in COMMANDS.items() if "MODEL" in command.arguments]


def refused(capsys, *words, code=2):
    """Run with --json: exit code, one document that fits the schema, its message on stderr."""
    assert main([*words, "--json"]) == code
    out, err = capsys.readouterr()
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    assert f"refinterp: {found['error']['message']}\n" in err
    return found


@pytest.mark.parametrize("name", list(COMMANDS))
def test_an_unknown_option(name, capsys):
    """The kind is usage; the message is the one line that matters."""
    found = refused(capsys, name, "--nope")
    assert found["error"]["kind"] == "usage"
    assert "no option --nope" in found["error"]["message"]
    assert "\n" not in found["error"]["message"]
    assert "model" not in found


@pytest.mark.parametrize("name", WITH_MODEL)
def test_models_that_cannot_be_read(name, capsys, tmp_path):
    """No file, a folder, an empty file, and bytes that are no model."""
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "text.tflite").write_bytes(b"this is no model at all, at all")
    (tmp_path / "cut.tflite").write_bytes(Path(MODEL).read_bytes()[:3000])
    kinds = {"none": "usage", "empty": "model", "text": "model", "cut": "model"}
    for stem, kind in kinds.items():
        path = str(tmp_path / f"{stem}.tflite")
        found = refused(capsys, name, path, *MORE.get(name, []))
        assert (found["model"], found["error"]["kind"]) == (path, kind)
        assert f"{stem}.tflite" in found["error"]["message"]
    assert refused(capsys, name, str(tmp_path), *MORE.get(name, []))["model"] == str(tmp_path)


@pytest.mark.parametrize("name", ["run", "bench"])
def test_what_is_not_supported(name, capsys, tmp_path):
    """A custom operator that nobody registered."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "float32")
    y = g.tensor("y", (1, 4), "float32")
    g.operator("Nobody", [x], [y], custom_options=b"")
    path = str(tmp_path / "custom.tflite")
    save_model(g.build(outputs=[y]), path)
    assert refused(capsys, name, path)["error"]["kind"] == "unsupported"


@pytest.mark.parametrize("words", [["nope"], ["help", "nope"], ["--json", "ops"], ["run"]])
def test_other_words_that_cannot_be_meant(words, capsys):
    """No command, no such help, an option before the command, no model."""
    assert refused(capsys, *words)["error"]["kind"] == "usage"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (MemoryError("8 GiB"), "memory", 2),
        (OSError(28, "No space left on device", "f.npz"), "system", 2),
        (ZeroDivisionError("by zero"), "bug", 3),
    ],
)
def test_what_nobody_foresaw(error, kind, code, capsys, monkeypatch):
    """The exit code is unchanged, and the document says of which kind it is."""

    def fail(path):
        raise error

    command = importlib.import_module("refinterp.cli.inspect")
    monkeypatch.setattr(command, "read_model", fail)
    assert refused(capsys, "inspect", MODEL, code=code)["error"]["kind"] == kind


def test_without_json_nothing_is_on_standard_output(capsys):
    """Also where --json is an argument's value, behind a lone `--`."""
    assert main(["inspect", "nowhere.tflite"]) == 2
    assert main(["inspect", "--", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("No such file") == 2
