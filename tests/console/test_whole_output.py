"""The answer first, and whole: every command on every model, piped, at 80 columns.

No line is wider than 80 columns, but for names that are printed to be copied (`denylisted_nodes`).
No remedy and no evidence is cut: the JSON document of the same run has the texts that must be
there. Operators' indices stand whole in their tables. The first line is the verdict.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.faults.editable import EditableModel
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.report.words import columns
from tests.corpus import ROOT, corpus

WIDTH = 80
FOLDERS = (ROOT / "refinterp" / "data", ROOT / "conformance" / "models")
MODELS = sorted(path for folder in FOLDERS for path in folder.glob("*.tflite"))
QUANTIZED = [path for path in MODELS if not path.stem.endswith("float")]
COPIED = re.compile(r"    (['\"]).*\1,")  # names to paste, whole whatever their width
CORPUS = ("hello_world_int8", "keyword_scrambled_8bit", "person_detect", "trained_lstm_int8",
          "vww_96_int8", "kws_ref_model_hybrid", "dtln_noise_suppression")  # fmt: skip


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody says the width of is 80 columns wide."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)


def samples(path: Path) -> Path:
    """The data that comes with a bundled model."""
    return path.with_name(f"{path.stem.split('_')[0]}_samples.npz")


def printed(capsys: Any, *words: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run a command, hold its lines to the width and its first line to being the verdict."""
    assert main(list(words)) in codes, words
    out: str = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].startswith("verdict "), words
    wide = [line for line in lines if columns(line) > WIDTH and not COPIED.fullmatch(line)]
    assert wide == [], words
    return out


def document(capsys: Any, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
    """The same run's document."""
    assert main([*words, "--json"]) in codes, words
    return json.loads(capsys.readouterr().out)


def letters(text: str) -> str:
    """A text without the spaces and line ends that folding moves."""
    return "".join(text.split())


def indices(out: str, heading: str) -> list[int]:
    """The first numbers of the rows below a heading that starts with `op`."""
    lines = out.splitlines()
    begin = next(i for i, line in enumerate(lines) if re.match(rf" *op +{heading}", line))
    found = []
    for line in lines[begin + 1 :]:
        row = re.match(r" *▶?(\d+) ", line)
        if row:
            found.append(int(row[1]))
        elif line and not line.startswith((" ", "─")):
            break
    return found


def holds_summary(out: str, found: dict[str, Any]) -> None:
    """Each line of the summary is on the screen, whole."""
    for text in found["summary"].values():
        assert letters(text) in letters(out)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_what_the_file_alone_tells(path, capsys):
    """inspect, lint, arena and explain of each bundled model."""
    model = str(path)
    printed(capsys, "inspect", model)
    holds_summary(printed(capsys, "lint", model), document(capsys, "lint", model))
    out = printed(capsys, "arena", model, "--ledger")
    found = document(capsys, "arena", model)
    holds_summary(out, found)
    assert f"kTensorArenaSize = {found['minimum_arena_bytes']} " in out.splitlines()[0]
    printed(capsys, "explain", model)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_what_a_run_tells(path, capsys):
    """Run of each bundled model on random data, and explain of its first operator's first code."""
    model = str(path)
    holds_summary(printed(capsys, "run", model), document(capsys, "run", model))
    shape = document(capsys, "explain", model)["operators"][0]["operands"][-1]["shape"]
    at = ",".join("0" * len(shape))
    printed(capsys, "explain", model, "--op", "0", "--at", at)


@pytest.mark.parametrize("path", QUANTIZED, ids=lambda path: path.stem)
def test_debug_cuts_nothing(path, capsys):
    """Short and with --all: evidence, remedies and every operator's index are whole."""
    words = ["debug", str(path), "--data", str(samples(path)), "--limit", "2"]
    found = document(capsys, *words)
    holds_summary(printed(capsys, *words), found)
    everything = printed(capsys, *words, "--all")
    holds_summary(everything, found)
    holds_causes(everything, found)
    assert sorted(indices(everything, "operator")) == sorted(
        layer["operator"] for layer in found["layers"]
    )


def holds_causes(out: str, found: dict[str, Any]) -> None:
    """All evidence and all remedies are on the screen; evidence may leave out the layer's name."""
    seen = letters(out)
    for layer in found["layers"]:
        for cause in layer["causes"]:
            assert letters(cause["remedy"]) in seen
            name = repr(layer["name"])
            evidence = cause["evidence"].replace(f"{name}: ", "").replace(f" ({name})", "")
            assert letters(evidence) in seen


@pytest.mark.parametrize("path", QUANTIZED[::2], ids=lambda path: path.stem)
def test_sensitivity_cuts_nothing(path, capsys):
    """The verdict, the table of layers, the set found and the ranges."""
    words = ["sensitivity", str(path), "--data", str(samples(path)), "--limit", "2"]
    words += ["--no-alone", "--recover", "30"]
    found = document(capsys, *words, codes=(0, 1))
    out = printed(capsys, *words, "--all", codes=(0, 1))
    holds_summary(out, found)
    assert sorted(indices(out, "operator")) == sorted(
        layer["operator"] for layer in found["layers"]
    )
    for name in found["search"]["denylisted_nodes"]:
        assert f"    {name!r},\n" in out


def test_commands_without_a_model_or_with_many(capsys, tmp_path):
    """ops; arena, lint and bench of several models, one of which is refused."""
    printed(capsys, "ops")
    (tmp_path / f"{'long_name_' * 12}.tflite").write_bytes(b"this is no model at all, at all")
    several = [str(path) for path in QUANTIZED[:2]] + [str(next(tmp_path.iterdir()))]
    for command, *more in (["arena"], ["lint"], ["bench", "--seconds", "0.01"]):
        out = printed(capsys, command, *several, *more, codes=(2,))
        message = document(capsys, command, *several, *more, codes=(2,))["results"][-1]["error"]
        assert letters(message["message"]) in letters(out)
    printed(capsys, "arena", several[0], "--all-targets")
    printed(capsys, "bench", several[0], "--per-op", "--memory", "--seconds", "0.01")


def _long(operators: int) -> Model:
    """A chain of more than a thousand operators with long names, the last of them faulty."""
    g = GraphBuilder()
    at = g.input("x" * 120, (1, 4), "int8", scale=0.5)
    for number in range(operators):
        name = f"a/very/long/name/as/converters/make/them/of/layer{number}/Relu;and/more/of/it"
        after = g.tensor(name, (1, 4), "int8", scale=0.5 if number < operators - 1 else 0.01)
        g.operator("RELU", [at], [after])
        at = after
    return g.build(outputs=[at])


def test_indices_beyond_a_thousand_are_whole(capsys, tmp_path):
    """In debug's table and answer, in inspect's table, and in arena's map."""
    path, data = str(tmp_path / "long.tflite"), str(tmp_path / "d.npy")
    save_model(_long(1004), path)
    np.save(data, np.full((1, 1, 4), 100, np.int8))
    out = printed(capsys, "debug", path, "--data", data, "--all")
    assert sorted(indices(out, "operator")) == list(range(1004))
    assert "▶1003 RELU" in out
    assert "layer    1003 RELU" in out
    assert set(indices(printed(capsys, "inspect", path), "operator")) == set(range(1004))
    assert re.search(r"▶? *\d+–1004 ", printed(capsys, "arena", path))


def _faulty() -> Model:
    """The digits model with faults of several kinds at layers with long names."""
    edited = EditableModel(read_model(FOLDERS[0] / "digits_int8.tflite"))
    edited.rescale(edited.operators[5].outputs[0], 1 / 8)
    edited.rescale(edited.operators[1].outputs[0], 16)
    for operator in (2, 7):
        bias = edited.operators[operator].inputs[2]
        edited.set_grid(bias, scale=edited.scale(bias) * 3)
    return edited.build()


def test_planted_faults_are_told_whole(capsys, tmp_path):
    """Causes of several kinds in debug, and lint's findings: one remedy each, all evidence."""
    path = str(tmp_path / "m.tflite")
    save_model(_faulty(), path)
    words = ["debug", path, "--data", str(FOLDERS[0] / "digits_samples.npz"), "--limit", "4"]
    found = document(capsys, *words)
    assert len({c["id"] for layer in found["layers"] for c in layer["causes"]}) >= 2
    out = printed(capsys, *words, "--all")
    holds_summary(out, found)
    holds_causes(out, found)
    short = printed(capsys, *words)
    first = found["layers"][0]
    assert letters(first["causes"][0]["remedy"]) in letters(short)
    assert f"layer    {first['operator']} {first['op_name']}" in short
    told = document(capsys, "lint", path, codes=(1,))
    out = printed(capsys, "lint", path, "--all", codes=(1,))
    for finding in told["findings"]:
        assert letters(finding["evidence"]) in letters(out)
        assert letters(out).count(letters(f"remedy: {finding['remedy']}")) == 1


@pytest.mark.parametrize("name", CORPUS)
def test_real_models(name, capsys):
    """What other people's models say, where they are there: the same rules."""
    path = str(corpus() / "models" / f"{name}.tflite")
    printed(capsys, "inspect", path)
    told = document(capsys, "lint", path, codes=(0, 1))
    out = printed(capsys, "lint", path, "--all", codes=(0, 1))
    for finding in told["findings"]:
        assert letters(finding["evidence"]) in letters(out)
    if main(["arena", path]) == 0:
        assert "kTensorArenaSize" in capsys.readouterr().out.splitlines()[0]
        printed(capsys, "arena", path)
    capsys.readouterr()
    printed(capsys, "explain", path)


@pytest.mark.parametrize("name", CORPUS)
def test_real_models_debugged(name, capsys):
    """On random data: every cause's evidence and remedy, every index."""
    words = ["debug", str(corpus() / "models" / f"{name}.tflite")]
    found = document(capsys, *words)
    holds_summary(printed(capsys, *words), found)
    out = printed(capsys, *words, "--all")
    holds_causes(out, found)
    assert sorted(indices(out, "operator")) == sorted(
        layer["operator"] for layer in found["layers"]
    )
