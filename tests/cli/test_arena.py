"""The arena command: its document, its exit codes, what it draws and refuses."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model

DATA = resources.files("refinterp") / "data"
DIGITS, SHAPES = (str(DATA / f"{name}.tflite") for name in ("digits_int8", "shapes_int8"))
SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "schema" / "arena.schema.json").read_text("utf-8")
)


def document(capsys, *words):
    """Run the command and return its document, checked against the schema."""
    assert main(["arena", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize(
    "words",
    [
        [DIGITS],
        [DIGITS, "--target", "x86-64", "--planner", "linear"],
        [DIGITS, "--tflm", "wheel-20261023"],
        [DIGITS, SHAPES, "--target", "cortex-m55", "--kernels", "cmsis-nn-size"],
        [SHAPES, "--all-targets"],
        [DIGITS, "--kernels", "esp-nn-p4"],
    ],
)
def test_documents_validate(capsys, words):
    """Whatever is asked, the document is one of the schema's."""
    found = document(capsys, *words)
    for result in found.get("results", [found]):
        tail = sum(e["bytes"] for e in result["ledger"] if e["section"] == "tail")
        assert tail == result["tail_bytes"]
        assert result["arena_used_bytes"] == result["head_bytes"] + tail


def test_several_models_come_with_their_shared_arena(capsys, tmp_path):
    """Two models have two results, and what both come to in one arena, on the page too."""
    page = tmp_path / "both.html"
    found = document(capsys, DIGITS, SHAPES, "--html", str(page))
    assert f"{found['shared']['minimum_arena_bytes']:,} B" in page.read_text("utf-8")
    heads = [result["head_bytes"] for result in found["results"]]
    assert found["shared"]["head_bytes"] == max(heads)
    assert len(found["shared"]["tail_bytes_each"]) == 2


def test_fail_over_is_about_the_smallest_arena(capsys):
    """Exit 1 when a model needs more bytes than allowed, and 0 when it needs just as many."""
    least = document(capsys, DIGITS)["minimum_arena_bytes"]
    assert main(["arena", DIGITS, "--fail-over", str(least)]) == 0
    capsys.readouterr()
    assert main(["arena", DIGITS, "--fail-over", str(least - 1)]) == 1
    assert "1 more than" in capsys.readouterr().err


def test_the_screen_shows_answer_owners_and_other_targets(capsys):
    """The figure to type, what decides it, categories, operators and the what-if table."""
    assert main(["arena", SHAPES, "--ledger"]) == 0
    out = capsys.readouterr().out
    for words in ("smallest arena", "tail, by category", "what if", "cortex-m55", "in order"):
        assert words in out


def test_all_targets_are_one_table(capsys):
    """One row per chip and kernel library; derived ones are marked."""
    assert main(["arena", DIGITS, "--all-targets"]) == 0
    out = capsys.readouterr().out
    assert out.count("cortex-m") == 6
    assert "derived: " in out


def test_pictures_and_pages_are_written(capsys, tmp_path):
    """--svg and --html write files that name the model."""
    svg, page = tmp_path / "a.svg", tmp_path / "a.html"
    assert main(["arena", DIGITS, "--svg", str(svg), "--html", str(page)]) == 0
    assert "digits_int8" in svg.read_text("utf-8")
    assert "minimum_arena_bytes" in page.read_text("utf-8")


def test_refused_models_exit_with_2_and_a_name(capsys, tmp_path):
    """A model TFLM has no kernel for is refused; among all targets too, when all refuse it."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    y = g.tensor("y", (1, 4))
    g.operator("GELU", [x], [y])
    path = tmp_path / "gelu.tflite"
    save_model(g.build([y]), path)
    for more in ([], ["--all-targets"]):
        assert main(["arena", str(path), *more]) == 2
        assert "gelu.tflite: TFLM has no kernel for GELU" in capsys.readouterr().err


def test_what_cannot_be_drawn_or_built_is_a_usage_error(capsys):
    """--svg of several models, and combinations that do not exist."""
    assert main(["arena", DIGITS, SHAPES, "--svg", "x.svg"]) == 2
    assert main(["arena", DIGITS, "--tflm", "wheel-20261023", "--target", "cortex-m4"]) == 2
    assert main(["arena", DIGITS, "--all-targets", "--tflm", "wheel-20261023"]) == 2
    assert "--all-targets is for" in capsys.readouterr().err


def test_a_target_that_refuses_is_a_row(capsys, tmp_path):
    """int16 weights per channel run on reference kernels only; the document says why elsewhere."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int16", scale=0.1, zero_point=0)
    w = g.constant("w", np.zeros((3, 4), np.int8), scale=[0.1] * 3, zero_point=[0] * 3)
    y = g.tensor("y", (1, 3), "int16", scale=0.1, zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    path = tmp_path / "dense.tflite"
    save_model(g.build([y]), path)
    found = document(capsys, str(path), "--all-targets")
    refused = {r["target"]: r["refused"] for r in found["results"] if "refused" in r}
    assert set(refused) == {"cortex-m3", "cortex-m4", "cortex-m55"}
    assert all("scale per channel" in reason for reason in refused.values())
