"""The data arguments of the commands that share them, as they are typed."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT
from tests.samples.models import relu, scores

DATA = ROOT / "refinterp" / "data"
DIGITS, TWIN = str(DATA / "digits_int8.tflite"), str(DATA / "digits_float.tflite")
SAMPLES = np.load(DATA / "digits_samples.npz")


def outputs(words, tmp_path, name="o.npz"):
    path = tmp_path / name
    assert main([*words, "--output", str(path)]) == 0
    with np.load(path) as archive:
        return next(iter(archive.values()))


@pytest.fixture
def model(tmp_path):
    """A model of 64 values in 0..1 and 10 scores."""
    path = tmp_path / "m.tflite"
    save_model(scores(64, 10), path)
    return str(path)


def test_the_same_data_in_every_form(tmp_path, capsys):
    """Reals, pixels, codes, rows of a table and images give the same outputs."""
    pixels = np.round(SAMPLES["image"][:7] * 255).astype(np.uint8)
    reals = pixels.astype(np.float32) / np.float32(255)
    np.save(tmp_path / "reals.npy", reals)
    np.save(tmp_path / "pixels.npy", pixels[..., 0])
    np.save(tmp_path / "wide.npy", pixels.astype(np.int64))
    np.save(tmp_path / "codes.npy", (pixels.astype(np.int16) - 128).astype(np.int8))
    np.savez(tmp_path / "keras.npz", x_train=pixels[:3], x_test=pixels, y_test=np.arange(7))
    (pixels.astype(np.int16) - 128).astype(np.int8).tofile(tmp_path / "codes.bin")
    rows = "\n".join(",".join(map(str, row)) for row in pixels.reshape(7, -1).tolist())
    (tmp_path / "rows.csv").write_text(rows)
    from PIL import Image

    (tmp_path / "images").mkdir()
    for place, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(tmp_path / "images" / f"{place}.png")
    names = ["reals.npy", "pixels.npy", "wide.npy", "codes.npy", "keras.npz", "codes.bin",
             "rows.csv", "images"]  # fmt: skip
    words = ["run", DIGITS, "--input"]
    expected = outputs([*words, str(tmp_path / names[0])], tmp_path)
    for name in names[1:]:
        np.testing.assert_array_equal(outputs([*words, str(tmp_path / name)], tmp_path), expected)
        assert f"{name}" in capsys.readouterr().err
    inside = f"{tmp_path / 'keras.npz'}:x_train"
    np.testing.assert_array_equal(outputs([*words, inside], tmp_path), expected[:3])


@pytest.mark.parametrize("flag", ["--image-range=-1..1", "--image-range -1..1"])
def test_a_range_that_begins_with_a_minus(tmp_path, flag):
    """As the help writes it."""
    np.save(tmp_path / "p.npy", np.array([[0, 255, 128, 64]], np.uint8))
    save_model(relu((1, 4), "float32", None), tmp_path / "m.tflite")
    words = ["run", str(tmp_path / "m.tflite"), "--input", str(tmp_path / "p.npy"), *flag.split()]
    assert outputs(words, tmp_path).reshape(-1).tolist() == pytest.approx(
        [0, 1, 128 / 255 * 2 - 1, 0], abs=1e-6
    )


def test_what_data_are_taken_as_is_said_first(tmp_path, capsys):
    """Count, type, shape, meaning and range; on standard error, so that --json stays alone."""
    assert main(["run", DIGITS, "--input", str(DATA / "digits_samples.npz"), "--json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    first = err.splitlines()[0]
    for part in ("digits_samples.npz:image", "128 sample(s)", "float32 [8, 8, 1]", "reals", "0..1"):
        assert part in first
    assert err.count("quantized to int8 with scale") == 1


@pytest.mark.parametrize("words", [["run", "--input", "a.npy"], ["debug", "--data", "a.npy"]])
def test_a_second_path_does_not_take_the_place_of_the_first(words, capsys):
    """Given twice, data are a mistake that says what holds several files."""
    assert main([*words, "--data", "-", DIGITS]) == 2
    assert "given twice; a folder holds several files" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "debug", "sensitivity"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (SAMPLES["image"][:4], "reals"),
        (np.rint(SAMPLES["image"][:4] * 255).astype(np.uint8), "pixels 0..255 for the reals 0..1"),
        (np.rint(SAMPLES["image"][:4] * 255 - 128).astype(np.int8), "codes"),
    ],
    ids=["reals", "pixels", "codes"],
)
def test_the_document_says_what_data_were_taken_as(command, values, words, tmp_path, capsys):
    """One entry for each input: what the file holds, and what that stands for."""
    np.save(tmp_path / "x.npy", values)
    assert main([command, DIGITS, "--data", str(tmp_path / "x.npy"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["data"]
    assert found["data"].endswith(f"x.npy: 4 sample(s) of {values.dtype} [8, 8, 1]")
    assert found["taken_as"].startswith(words)


def test_numbers_beyond_the_input_are_told(tmp_path, capsys):
    """Pixels stored as floats, which no reading may scale by their values."""
    np.save(tmp_path / "f.npy", SAMPLES["image"][:4] * 255)
    assert main(["run", DIGITS, "--input", str(tmp_path / "f.npy")]) == 0
    assert "lie outside of what input 'image' holds, 0..1" in capsys.readouterr().err


def test_standard_input(tmp_path, capsys, monkeypatch):
    """The kind is known by the first bytes."""
    stream = io.BytesIO()
    np.save(stream, SAMPLES["image"][:2])
    text = "\n".join(",".join(map(str, row)) for row in SAMPLES["image"][:2].reshape(2, -1))
    found = []
    for raw in (stream.getvalue(), text.encode()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        found.append(outputs(["run", DIGITS, "--input", "-"], tmp_path))
    np.testing.assert_array_equal(found[0], found[1])
    capsys.readouterr()
    assert main(["run", "-", "--input", "-"]) == 2
    assert "cannot both" in capsys.readouterr().err


def numbers(path, *values):
    np.save(path, np.array(values, np.float32))
    return str(path)


@pytest.mark.parametrize("command", ["run", "debug", "sensitivity"])
def test_nan_is_an_error_that_says_where(command, model, tmp_path, capsys):
    """Or counted, or left out, where that is asked for."""
    data = np.full((4, 64), 0.5, np.float32)
    data[2, 5] = np.nan
    data[3, 1] = -np.inf
    path = tmp_path / "d.npy"
    np.save(path, data)
    words = [command, model, "--data", str(path)]
    assert main(words) == 2
    assert "d.npy, sample 2: nan at [0, 5]" in capsys.readouterr().err
    assert main([*words, "--non-finite", "count"]) == 0
    assert "2 value(s) in 2 of 4 sample(s)" in capsys.readouterr().err
    assert main([*words, "--non-finite", "skip", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "left out" in err
    count = json.loads(out)["samples"]
    assert (len(count) if isinstance(count, list) else count) == 2


def test_debug_without_data(capsys):
    """Random data, and what they cannot show, in the first lines and the document."""
    assert main(["debug", DIGITS]) == 0
    out, err = capsys.readouterr()
    assert "random" in out.splitlines()[2] or "random" in "\n".join(out.splitlines()[:4])
    assert "neither accuracy" in " ".join(out.split())
    assert "seed 42" in err
    assert main(["debug", DIGITS, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["random_data"] is True
    found = {cause["id"] for layer in document["layers"] for cause in layer["causes"]}
    assert not found & {"range_too_wide", "range_clipped", "input_scaling"}


@pytest.mark.parametrize(
    "words",
    [
        ["debug", "--fail-under", "20"],
        ["debug", "--labels", "l.txt"],
        ["sensitivity", "--recover", "30"],
        ["sensitivity", "--labels", "l.txt"],
        ["sensitivity", "--target", "metric"],
    ],
)
def test_what_needs_data_says_so(words, capsys):
    """A gate on noise would mean nothing."""
    assert main([words[0], DIGITS, *words[1:]]) == 2
    err = capsys.readouterr().err
    assert words[1] in err
    assert "--data" in err


def test_labels_beyond_the_classes(model, tmp_path, capsys):
    """Which label of which sample, and what is allowed."""
    np.save(tmp_path / "x.npy", np.zeros((3, 64), np.float32))
    words = ["debug", model, "--data", str(tmp_path / "x.npy"), "--labels"]
    (tmp_path / "l.txt").write_text("0\n10\n3\n")
    assert main([*words, str(tmp_path / "l.txt")]) == 2
    err = capsys.readouterr().err
    for part in ("l.txt", "label 10 of sample 1", "10 scores, 0..9"):
        assert part in err
    (tmp_path / "l.txt").write_text("0\n1\n")
    assert main([*words, str(tmp_path / "l.txt")]) == 2
    assert "2 label(s) for 3 sample(s)" in capsys.readouterr().err


def test_labels_in_a_column(model, tmp_path, capsys):
    """By its name, or FILE.csv:COLUMN; the column is no data."""
    lines = ["what," + ",".join(f"p{i}" for i in range(64))]
    lines += [f"{k}," + ",".join(["0.5"] * 64) for k in (3, 4)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    for labels in ("what", f"{path}:what", "0"):
        assert main(["debug", model, "--data", str(path), "--labels", labels, "--json"]) == 0
        metric = json.loads(capsys.readouterr().out)["outputs"][0]["metric"]
        assert (metric["name"], metric["samples"]) == ("accuracy", 2)


def open_convolution():
    """int8, of open height and width: 3 channels to 4, and their mean."""
    rng = np.random.default_rng(5)
    g = GraphBuilder()
    x = g.input("x", (1, 1, 1, 3), "int8", scale=1 / 255, zero_point=-128,
                shape_signature=(-1, -1, -1, 3))  # fmt: skip
    w = g.constant("w", rng.integers(-127, 128, (4, 3, 3, 3), np.int8), scale=0.01)
    b = g.constant("b", np.zeros(4, np.int32), scale=0.01 / 255)
    y = g.tensor("y", (1, 1, 1, 4), "int8", scale=0.05, zero_point=0)
    g.operator("CONV_2D", [x, w, b], [y], {"padding": "SAME", "stride_w": 2, "stride_h": 2})
    axes = g.constant("axes", np.array([1, 2], np.int32))
    z = g.tensor("z", (1, 4), "int8", scale=0.05, zero_point=0)
    g.operator("MEAN", [y, axes], [z], {"keep_dims": False})
    return g.build(outputs=[z])


@pytest.mark.parametrize("command", ["run", "debug", "sensitivity", "explain"])
def test_open_sizes_come_from_data_or_shape(command, tmp_path, capsys):
    """The data's own, or what --shape says; both say what the model runs at."""
    model = tmp_path / "m.tflite"
    save_model(open_convolution(), model)
    data = tmp_path / "d.npy"
    np.save(data, np.random.default_rng(1).random((3, 10, 6, 3), np.float32))
    words = [command, str(model), *(["--op", "0", "--at", "0,4,2,1"] * (command == "explain"))]
    assert main([*words, "--data", str(data)]) == 0
    assert "runs at 'x' [1, 10, 6, 3]" in capsys.readouterr().err
    for shape in ("x=1,10,6,3", "1,10,6,3"):
        assert main([*words, "--shape", shape]) == 0
        assert "runs at 'x' [1, 10, 6, 3]" in capsys.readouterr().err
    assert main([*words, "--data", str(data), "--shape", "1,8,8,3"]) == 2
    assert "[1, 8, 8, 3]" in capsys.readouterr().err
    for wrong, said in (("q=1,2,2,3", "is no input"), ("1,2", "axes"), ("1,a", "is no shape")):
        assert main([*words, "--shape", wrong]) == 2
        assert said in capsys.readouterr().err


def test_open_sizes_in_processes_and_with_a_twin(tmp_path, capsys):
    """Workers settle them alike."""
    model = tmp_path / "m.tflite"
    save_model(open_convolution(), model)
    data = tmp_path / "d.npy"
    np.save(data, np.random.default_rng(1).random((40, 10, 6, 3), np.float32))
    words = ["debug", str(model), "--data", str(data), "--json"]
    assert main(words) == 0
    alone = capsys.readouterr().out
    assert main([*words, "--workers", "2"]) == 0
    assert capsys.readouterr().out == alone
    words = ["run", str(model), "--input", str(data)]
    np.testing.assert_array_equal(
        outputs([*words, "--workers", "2"], tmp_path), outputs(words, tmp_path)
    )


def test_class_folders_give_accuracy(tmp_path, capsys):
    """Labels from the names of folders, which are said with their numbers."""
    for sample, label in zip(SAMPLES["image"][:40], SAMPLES["labels"][:40], strict=True):
        folder = tmp_path / "tree" / f"digit {label}"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{len(list(folder.iterdir()))}.npy", sample)
    words = ["debug", DIGITS, "--float", TWIN, "--data", str(tmp_path / "tree"), "--json"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    metric = json.loads(out)["outputs"][0]["metric"]
    assert metric["name"] == "accuracy"
    assert metric["quantized"] > 0.8
    assert "3 digit 3" in err


def test_missing_files_name_themselves(capsys):
    """A path that is not there, also with a name inside."""
    for path in ("none.npy", "none.npz:x", "none/"):
        assert main(["run", DIGITS, "--input", path]) == 2
        assert "none" in capsys.readouterr().err


def test_the_page_shows_what_is_said(tmp_path, capsys, monkeypatch):
    """docs/data.md quotes these lines."""
    with np.load(DATA / "shapes_samples.npz") as shapes:
        pixels = np.round(shapes["image"][..., 0] * 255).astype(np.uint8)
        labels = shapes["labels"]
    monkeypatch.chdir(tmp_path)
    np.savez("mnist.npz", x_test=pixels[:64], y_test=labels[:64])
    assert main(["run", str(DATA / "shapes_int8.tflite"), "--input", "mnist.npz:x_test"]) == 0
    page = (ROOT / "docs" / "data.md").read_text("utf-8")
    quoted = page.split("```text\n")[1].split("```")[0]
    assert capsys.readouterr().err == quoted


def test_bench_takes_data_and_sizes(tmp_path, capsys):
    """The same arguments; runtimes get the model at the data's sizes."""
    pytest.importorskip("ai_edge_litert")
    save_model(open_convolution(), tmp_path / "m.tflite")
    np.save(tmp_path / "d.npy", np.random.default_rng(1).random((3, 10, 6, 3), np.float32))
    words = ["bench", str(tmp_path / "m.tflite"), "--seconds", "0.05", "--json"]
    words += ["--against", "runtime:litert-reference", "--per-op"]
    assert main([*words, "--data", str(tmp_path / "d.npy")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["results"][0]["operators"][0]["shape"] == [1, 5, 3, 4]
    assert "runs at 'x' [1, 10, 6, 3]" in err


def test_arena_says_what_is_open_and_takes_sizes(tmp_path, capsys):
    """TFLM takes the file's sizes; others are asked for by --shape."""
    save_model(open_convolution(), tmp_path / "m.tflite")
    words = ["arena", str(tmp_path / "m.tflite"), "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert "axes 0, 1, 2 are open" in document["summary"]["open"]
    assert main([*words, "--shape", "1,24,24,3"]) == 0
    larger = json.loads(capsys.readouterr().out)
    assert "open" not in larger["summary"]
    assert larger["arena_used_bytes"] > document["arena_used_bytes"] + 24 * 24 * 3


def test_folders_that_are_no_classes_of_the_model(model, tmp_path, capsys):
    """Their names are said to be no labels, unless --labels makes them some."""
    for place in range(11):
        (tmp_path / "days" / f"day {place:02}").mkdir(parents=True)
        np.save(tmp_path / "days" / f"day {place:02}" / "a.npy", np.zeros((1, 64), np.float32))
    words = ["debug", model, "--data", str(tmp_path / "days")]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert "taken as without labels" in err
    assert json.loads(out)["outputs"][0]["metric"] is None
    (tmp_path / "names.txt").write_text("\n".join(f"day {i:02}" for i in range(11)))
    assert main([*words, "--labels", str(tmp_path / "names.txt")]) == 2
    assert "label 10 of sample 10" in capsys.readouterr().err
