"""The arena and lint commands for distributions of TFLM."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import numpy as np

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT

SCHEMA = json.loads((ROOT / "schema" / "arena.schema.json").read_text("utf-8"))
DATA = resources.files("refinterp") / "data"
DIGITS, SHAPES = (str(DATA / f"{name}.tflite") for name in ("digits_int8", "shapes_int8"))


def test_a_distribution_is_named_with_its_commit(capsys):
    """In the first line, in the document, and on the page."""
    assert main(["arena", SHAPES, "--tflm", "chirale-2.0.0"]) == 0
    out = capsys.readouterr().out
    assert "TFLM chirale-2.0.0 at" in out
    assert "46da2f989205a9216229d38cd3d1c657d79d6781" in out
    assert main(["arena", SHAPES, "--tflm", "chirale-2.0.0", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["distribution"]["commit"].startswith("46da2f989")
    assert (document["provenance"], document["margin"]) == ("measured", None)


def test_a_distribution_that_is_not_known_gets_a_margin(capsys):
    """`other` says how much is put on, why, and what each known one needs."""
    assert main(["arena", SHAPES, "--tflm", "other", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    known = [row["minimum_arena_bytes"] for row in document["margin"]["known"]]
    assert document["minimum_arena_bytes"] == max(size for size in known if size)
    assert "not known" in document["summary"]["margin"]


def test_zephyrs_measured_figure_comes_with_that_of_zephyrs_build_files(capsys):
    """Both in the first line and the document, for what reason; limits hold for the larger."""
    assert main(["arena", DIGITS, "--tflm", "zephyr", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert main(["arena", DIGITS, "--tflm", "zephyr-build", "--json"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert other["as_built"] is None
    size, larger = document["minimum_arena_bytes"], other["minimum_arena_bytes"]
    assert size < larger == document["as_built"]["minimum_arena_bytes"]
    verdict = document["summary"]["verdict"]
    assert verdict.startswith(f"kTensorArenaSize = {size} ")
    assert f"{larger} with zephyr-build" in verdict
    assert "TF_LITE_STATIC_MEMORY undefined" in document["summary"]["margin"]
    for limit, code in ((size, 1), (larger, 0)):
        assert main(["arena", DIGITS, "--tflm", "zephyr", "--fail-over", str(limit)]) == code
        assert main(["arena", DIGITS, SHAPES, "--tflm", "zephyr", "--fail-over", "27248"]) == 0
    out = capsys.readouterr().out
    assert "5600 is 208 B more than the 5,392 B allowed" in " ".join(out.split())
    assert "with zephyr-build" in out.split("shared", 1)[1]
    assert main(["arena", DIGITS, "--tflm", "zephyr", "--all-targets", "--fail-over", "5399"]) == 1
    assert "margin" in capsys.readouterr().out


def test_a_distribution_that_is_misspelt_is_a_usage_error(capsys):
    """The nearest name, and the list."""
    assert main(["arena", SHAPES, "--tflm", "edge_impulse"]) == 2
    assert "did you mean edge-impulse? There are snapshot, " in capsys.readouterr().err


def test_what_a_distribution_crashes_on_has_no_figure(capsys, tmp_path):
    """A convolution without a bias: exit code 2 with the reason; `lint --tflm` lists it."""
    g = GraphBuilder()
    x = g.input("x", (1, 4, 4, 1))
    w = g.constant("w", np.zeros((1, 1, 1, 1), np.float32))
    y = g.tensor("y", (1, 4, 4, 1))
    g.operator("CONV_2D", [x, w], [y], {"stride_h": 1, "stride_w": 1})
    g.output(y)
    path = tmp_path / "unbiased.tflite"
    save_model(g.build(), path)
    assert main(["arena", str(path), "--tflm", "arduino"]) == 2
    err = capsys.readouterr().err
    assert "arduino aborts: it has no bias" in err
    assert "lint --tflm arduino" in err
    assert main(["lint", str(path), "--tflm", "arduino", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["findings"][0]["id"] == "distribution_crashes"
    assert main(["lint", str(path), "--tflm", "esp-tflite-micro"]) == 0
    assert "distribution_" not in capsys.readouterr().out


def test_all_targets_of_a_distribution_are_those_it_is_built_for(capsys):
    """One row for each build, derived ones marked; `other` has none."""
    assert main(["arena", SHAPES, "--all-targets", "--tflm", "esp-tflite-micro"]) == 0
    out = capsys.readouterr().out
    assert out.count("esp-nn") >= 3
    assert "esp-tflite-micro at 99f49e149" in out.replace("\n         ", " ")
    assert "derived: " in out
    assert main(["arena", SHAPES, "--all-targets", "--tflm", "other"]) == 2
    assert "--all-targets is for" in capsys.readouterr().err


def test_an_unknown_distribution_in_a_shared_arena(capsys):
    """Two models in one arena need no less than either, and it is said what for."""
    assert main(["arena", SHAPES, DIGITS, "--tflm", "other", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    each = [row["minimum_arena_bytes"] for row in document["results"]]
    assert document["shared"]["minimum_arena_bytes"] >= max(each)
