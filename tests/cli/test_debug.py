"""The debug command: its table, documents and exit codes."""

from __future__ import annotations

import csv
import json

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
MODEL, TWIN = str(DATA / "digits_int8.tflite"), str(DATA / "digits_float.tflite")
SAMPLES = ["--data", str(DATA / "digits_samples.npz"), "--limit", "16"]
SCHEMA = json.loads((ROOT / "schema" / "debug.schema.json").read_text("utf-8"))


def checked(text: str) -> dict:
    document = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    return document


@pytest.mark.parametrize("twin", [[], ["--float", TWIN]])
def test_document_keeps_to_its_schema(capsys, twin):
    """Standard output is one valid document, worst layer first; what is said goes beside it."""
    assert main(["debug", MODEL, *twin, *SAMPLES, "--json"]) == 0
    out, err = capsys.readouterr()
    document = checked(out)
    assert next(iter(document)) == "schema_version"
    assert document["samples"] == 16
    assert document["reference"] == ("float model" if twin else "shadow")
    errors = [layer["local"]["rmse_over_scale"] for layer in document["layers"]]
    assert len(errors) == 13
    assert errors == sorted(errors, reverse=True)
    assert document["outputs"][0]["top1_agreement"] == 1.0
    assert "float32 data quantized to int8" in err
    assert document["notes"][0] in err


def test_numbers_that_are_not_finite_are_null_with_a_note(tmp_path, capsys):
    """An operator that loses nothing has no SQNR that JSON could hold, and says so."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    y = g.tensor("y", (4,), "int8", scale=0.5)
    g.operator("RESHAPE", [x, g.constant("shape", np.array([4], np.int32))], [y])
    save_model(g.build(outputs=[y]), tmp_path / "m.tflite")
    np.save(tmp_path / "d.npy", np.ones((2, 1, 4), np.int8))
    data = ["--data", str(tmp_path / "d.npy")]
    assert main(["debug", str(tmp_path / "m.tflite"), *data, "--json"]) == 0
    local = checked(capsys.readouterr().out)["layers"][0]["local"]
    assert local["sqnr_db"] is None
    assert local["sqnr_db_note"] == "inf"
    assert main(["debug", str(tmp_path / "m.tflite"), *data, "--fail-under", "200"]) == 0
    assert "∞" in capsys.readouterr().out


def test_gate(capsys):
    """Below --fail-under the exit code is 1 and the figure is told; above it is 0."""
    assert main(["debug", MODEL, "--float", TWIN, *SAMPLES, "--fail-under", "20"]) == 0
    assert main(["debug", MODEL, "--float", TWIN, *SAMPLES, "--fail-under", "90"]) == 1
    out, err = capsys.readouterr()
    assert "below the 90 dB" in err
    assert "verdict  the worst output reaches the 20 dB asked for" in out
    assert "verdict  the worst output is below the 90 dB asked for" in out


@pytest.mark.parametrize(
    "words",
    [
        ["debug", MODEL, "--data", "nowhere.npy"],
        ["debug", TWIN, *SAMPLES],
        ["debug", MODEL, "--float", str(DATA / "shapes_float.tflite"), *SAMPLES],
        ["debug", "nowhere.tflite", *SAMPLES],
        ["debug", MODEL, *SAMPLES, "--csv", "/nowhere/at/all.csv"],
    ],
)
def test_mistakes_exit_with_2(words, capsys):
    """Missing files, a float model, a twin of another model: 2, and a message without a trace."""
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("refinterp: ")


@pytest.mark.parametrize("words", [["--limit", "0"], ["--batch", "-1"], ["--limit", "x"]])
def test_counts_start_at_1(words, capsys):
    """A limit or batch that cannot be meant is a mistake in usage."""
    assert main(["debug", MODEL, *SAMPLES[:2], *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_csv_is_quantization_debuggers(tmp_path, capsys):
    """Its columns in its order, a row per layer in order of execution, means over samples."""
    path = tmp_path / "layers.csv"
    words = ["debug", MODEL, "--float", TWIN, *SAMPLES, "--csv", str(path), "--json"]
    assert main(words) == 0
    document = checked(capsys.readouterr().out)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[0]) == (
        "op_name,tensor_idx,num_elements,stddev,mean_error,max_abs_error,mean_squared_error,"
        "scale,zero_point,tensor_name"
    )
    layers = sorted(document["layers"], key=lambda layer: layer["operator"])
    assert len(rows) == len(layers) + 1
    for row, layer in zip(rows[1:], layers, strict=True):
        found = dict(zip(rows[0], row, strict=True))
        assert found["op_name"] == layer["op_name"]
        assert int(found["tensor_idx"]) == layer["tensor"]
        assert int(found["num_elements"]) == np.prod(layer["shape"])
        assert float(found["mean_squared_error"]) == layer["local"]["mean_squared_error"]
        assert float(found["scale"]) == layer["scale"][0]
        assert float(found["max_abs_error"]) <= layer["local"]["max_abs_error"]
        spread, mean = float(found["stddev"]), float(found["mean_error"])
        assert spread**2 <= float(found["mean_squared_error"]) * (1 + 1e-12)
        assert abs(mean) <= float(found["max_abs_error"])
        assert found["tensor_name"] == layer["name"]


@pytest.mark.parametrize("width", [80, 100])
def test_table_fits_a_screen(capsys, monkeypatch, width):
    """No line is wider than the terminal, nor the table longer; the worst layer is marked."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "24")
    shapes = [str(DATA / f"shapes_{kind}.tflite") for kind in ("int8", "float")]
    data = ["--data", str(DATA / "shapes_samples.npz"), "--limit", "8"]
    assert main(["debug", shapes[0], "--float", shapes[1], *data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= (24 if width == 100 else 30)
    marked = [line for line in lines if line.lstrip().startswith("▶")]
    assert len(marked) == 1
    assert "████████" in marked[0]
    assert all(len(line) <= width for line in lines)
    assert "SQNR" in lines[0]
    assert "top-1 agreement" in " ".join(lines)
    assert main(["debug", shapes[0], *data, "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 25


def test_names_cannot_move_the_cursor(tmp_path, capsys):
    """Control characters and markup in a tensor's name are shown, not obeyed."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    y = g.tensor("\x1b[2J[red]\nname" * 2, (1, 4), "int8", scale=0.5)
    g.operator("RELU", [x], [y])
    save_model(g.build(outputs=[y]), tmp_path / "m.tflite")
    np.save(tmp_path / "d.npy", np.ones((1, 1, 4), np.int8))
    assert main(["debug", str(tmp_path / "m.tflite"), "--data", str(tmp_path / "d.npy")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]\\nname" in out


def test_causes_are_named_and_explained(tmp_path, capsys):
    """A range divided by 8 is named with its evidence and remedy, in the table and the document."""
    from conformance.faults.editable import EditableModel
    from refinterp.modelfile.reader import read_model

    edited = EditableModel(read_model(MODEL))
    edited.rescale(edited.operators[5].outputs[0], 1 / 8)
    path = tmp_path / "m.tflite"
    save_model(edited.build(), path)
    words = ["debug", str(path), "--float", TWIN, *SAMPLES]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "layer    5 CONV_2D" in out
    assert "cause    range_clipped: reals 0.." in out
    assert "remedy   calibrate" in out
    assert main([*words, "--json"]) == 0
    first = checked(capsys.readouterr().out)["layers"][0]
    assert first["operator"] == 5
    assert [c["id"] for c in first["causes"]] == ["range_clipped"]
    assert first["causes"][0]["implied_by"] is None
    assert sum(first["codes"]["histogram"]) == 16 * np.prod(first["shape"])
    assert first["codes"]["high_fraction"] > 0.05
    assert first["reals"]["above_fraction"] > 0.05
    assert len(first["channels"]) == 8
    assert main([*words, "--all"]) == 0
    assert "   remedy: " in capsys.readouterr().out


def test_a_model_that_cannot_run_is_explained(tmp_path, capsys):
    """Refused by its SOFTMAX: exit code 2, a valid document, and the cause at that operator."""
    from conformance.faults.editable import EditableModel
    from refinterp.modelfile.reader import read_model

    edited = EditableModel(read_model(MODEL))
    edited.set_grid(edited.operators[12].outputs[0], scale=1 / 64)
    path = tmp_path / "m.tflite"
    save_model(edited.build(), path)
    assert main(["debug", str(path), *SAMPLES, "--json"]) == 2
    out, err = capsys.readouterr()
    document = checked(out)
    assert "cannot be run" in err
    assert document["refused"]
    assert document["samples"] == 0
    assert document["layers"][0]["operator"] == 12
    assert [c["id"] for c in document["layers"][0]["causes"]] == ["fixed_output_scale"]
    assert main(["debug", str(path), *SAMPLES]) == 2
    assert "fixed_output_scale" in capsys.readouterr().out
    page, rows = tmp_path / "p.html", tmp_path / "r.csv"
    assert main(["debug", str(path), *SAMPLES, "--html", str(page), "--csv", str(rows)]) == 2
    assert "fixed_output_scale" in page.read_text("utf-8")
    assert rows.read_text("utf-8").startswith("op_name,tensor_idx,")


@pytest.mark.parametrize("suffix", ["npy", "npz", "txt"])
def test_labels_give_the_metric(tmp_path, capsys, suffix):
    """Labels of each format count the samples that both sides get right; too few are refused."""
    archive = np.load(DATA / "digits_samples.npz")
    labels = archive["labels"]
    wrong = labels.copy()
    wrong[:4] = (wrong[:4] + 1) % 10
    path = tmp_path / f"labels.{suffix}"
    if suffix == "npy":
        np.save(path, wrong)
    elif suffix == "npz":
        np.savez(path, labels=wrong)
    else:
        path.write_text("\n".join(map(str, wrong)), "utf-8")
    words = ["debug", MODEL, "--float", TWIN, *SAMPLES, "--json"]
    assert main(words) == 0
    own = checked(capsys.readouterr().out)["outputs"][0]["metric"]
    assert main([*words, "--labels", str(path)]) == 0
    output = checked(capsys.readouterr().out)["outputs"][0]
    assert output["metric"]["name"] == "accuracy"
    assert output["metric"]["samples"] == 16
    assert output["metric"]["quantized"] == pytest.approx(own["quantized"] - 4 / 16)
    assert output["kl_divergence"] < 0.01
    short = tmp_path / "short.npy"
    np.save(short, labels[:3])
    assert main([*words, "--labels", str(short)]) == 2
