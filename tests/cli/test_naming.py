"""Every message about a model's file begins with the file, or says that it was standard input."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from refinterp.cli.main import main
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from tests.test_bundled_models import ROOT

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
