"""Every message about a model's file begins with the file, or says that it was standard input."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT

DIGITS = ROOT / "refinterp" / "data" / "digits_int8.tflite"
COMMANDS = (
    ["run"], ["bench"], ["explain", "--op", "0", "--at", "0,0,0,0"], ["debug"], ["sensitivity"],
)  # fmt: skip


def short(path: Path) -> Path:
    """The digits with a constant that lacks a byte."""
    model = read_model(DIGITS)
    graph = model.subgraphs[0]
    place = graph.tensors[graph.operators[0].inputs[1]].buffer
    buffers = list(model.buffers)
    buffers[place] = replace(buffers[place], data=buffers[place].data[:-1])
    save_model(replace(model, buffers=tuple(buffers)), path)
    return path


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_refusals_and_warnings_name_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Whatever the command, and once."""
    path = short(tmp_path / "short.tflite")
    assert main([words[0], str(path), *words[1:]]) == 2
    lines = capsys.readouterr().err.splitlines()
    about = [line for line in lines if "takes" in line and "holds" in line]
    assert about
    for line in about:
        assert line.removeprefix("refinterp: ").removeprefix("warning: ").startswith(f"{path}: ")
        assert line.count(str(path)) == 1


def test_standard_input_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As such."""
    content = short(tmp_path / "short.tflite").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["run", "-"]) == 2
    assert "refinterp: standard input: " in capsys.readouterr().err


def test_a_name_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal that names the file already is left as it is."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4)), g.tensor("y", (1, 4))
    g.operator("edgetpu-custom-op", [x], [y], custom_options=b"\0")
    path = tmp_path / "net_edgetpu.tflite"
    save_model(g.build(outputs=[y]), path)
    for command in ("arena", "run"):
        assert main([command, str(path)]) == 2
        said = [
            line for line in capsys.readouterr().err.splitlines() if "edgetpu-custom-op" in line
        ]
        assert "Coral Edge TPU" in " ".join(said)
        assert " ".join(said).count(path.name) <= 1
