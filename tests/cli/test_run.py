"""The run command: batches, processes, what is saved, what is said."""

from __future__ import annotations

import json
import wave

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
MODEL = str(DATA / "digits_int8.tflite")
INPUT = ["--input", str(DATA / "digits_samples.npz")]


@pytest.mark.parametrize("options", [["--batch", "7"], ["--workers", "2"], ["--plain"]])
def test_options_change_no_result(tmp_path, capsys, options):
    """Batches, processes and the plain kernels give the outputs and tensors of the default."""
    files = [tmp_path / f"{name}.npz" for name in "abcd"]
    assert main(["run", MODEL, *INPUT, "--output", str(files[0]), "--save-all", str(files[1])]) == 0
    words = ["--output", str(files[2]), "--save-all", str(files[3]), *options]
    assert main(["run", MODEL, *INPUT, *words]) == 0
    capsys.readouterr()
    for one, other in ((files[0], files[2]), (files[1], files[3])):
        with np.load(one) as a, np.load(other) as b:
            assert set(a.files) == set(b.files)
            for name in a.files:
                np.testing.assert_array_equal(a[name], b[name])


def test_kept_tensors_are_counted(tmp_path, capsys):
    """--save-all says how many bytes it kept: those of the arrays in the file."""
    path = tmp_path / "all.npz"
    assert main(["run", MODEL, *INPUT, "--save-all", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    with np.load(path) as arrays:
        kept = sum(arrays[name].nbytes for name in arrays.files)
    assert f"{kept} bytes" in err
    assert json.loads(out)["preserved_bytes"] == kept


def test_workers_need_paths(capsys):
    """Random data and standard input cannot be divided among processes."""
    assert main(["run", MODEL, "--workers", "2"]) == 0  # one sample: nothing to divide
    capsys.readouterr()
    assert main(["run", MODEL, *INPUT, "--workers", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


def test_top_names_the_largest_scores(tmp_path, capsys):
    """--labels gives each score a name, --top says how many, by the codes that --output saves."""
    words = tmp_path / "words.txt"
    words.write_text("".join(f"digit {i}\n" for i in range(10)), "utf-8")
    saved = tmp_path / "y.npz"
    options = ["--labels", str(words), "--top", "2", "--output", str(saved), "--json"]
    assert main(["run", MODEL, *INPUT, *options]) == 0
    told = json.loads(capsys.readouterr().out)["samples"][0]["outputs"][0]["top"]
    with np.load(saved) as arrays:
        codes = arrays[arrays.files[0]][0].reshape(-1).tolist()
    assert [one["code"] for one in told] == sorted(codes, reverse=True)[:2]
    assert [one["label"] for one in told] == [f"digit {one['index']}" for one in told]
    assert [codes[one["index"]] for one in told] == [one["code"] for one in told]


def test_window_stride_cuts_a_sound(tmp_path, capsys):
    """Windows of the input's size, one behind the other, or every N values."""
    path = tmp_path / "s.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.arange(10, dtype="<i2").tobytes())
    graph = GraphBuilder()
    x, y = graph.input("x", (1, 4), "float32"), graph.tensor("y", (1, 4), "float32")
    graph.operator("RELU", [x], [y])
    model = tmp_path / "m.tflite"
    model.write_bytes(write_model(graph.build(outputs=[y])))
    counts = []
    for stride in ([], ["--window-stride", "3"]):
        assert main(["run", str(model), "--input", str(path), *stride, "--json"]) == 0
        counts.append(len(json.loads(capsys.readouterr().out)["samples"]))
    assert counts == [2, 3]
