"""The arena command: its document, its exit codes, what it draws and refuses."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from refinterp.cli.common import size
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
        [DIGITS, "--tflm", "chirale-2.0.0"],
        [DIGITS, "--tflm", "other"],
        [DIGITS, SHAPES, "--tflm", "pico-tflmicro"],
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
    assert len([line for line in out.splitlines() if line.startswith(" cortex-m")]) == 6
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
        err = capsys.readouterr().err
        assert "gelu.tflite: TFLM has no kernel for GELU" in err
        assert "convert it again without this" in err


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


def test_the_number_to_type_is_in_the_first_line(capsys):
    """Then the plain interpreter's figures, the recording one's, and the Python wheel's."""
    assert main(["arena", DIGITS]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = document(capsys, DIGITS)
    assert f"kTensorArenaSize = {found['minimum_arena_bytes']} " in lines[0]
    top = " ".join(" ".join(lines[:12]).split())
    assert f"MicroInterpreter: arena used {found['arena_used_bytes']:,} B" in top
    assert f"used {found['recording']['total_bytes']:,} B" in top
    assert "cortex-m4 with cmsis-nn kernels, TFLM snapshot, measured" in top
    assert f"used {found['wheel']['arena_used_bytes']:,} B, smallest arena" in top
    wheel = document(capsys, DIGITS, "--tflm", "wheel-20261023")
    assert found["wheel"]["arena_used_bytes"] == wheel["recording"]["total_bytes"]
    assert found["wheel"]["minimum_arena_bytes"] == wheel["recording"]["minimum_arena_bytes"]


def test_which_are_over_the_limit_is_said(capsys):
    """Models in the answer, the table and the document; builds with their kernels."""
    words = [DIGITS, SHAPES, "--fail-over", "20K"]
    assert main(["arena", *words, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    by = found["results"][1]["minimum_arena_bytes"] - 20480
    said = f"1 of 2 models needs more than the 20,480 B allowed: shapes_int8.tflite by {by:,} B"
    assert found["summary"]["limit"] == said
    assert main(["arena", *words]) == 1
    out = capsys.readouterr().out
    assert said in " ".join(out.split())
    assert f"{by:,} over" in out
    assert main(["arena", *words, "--all-targets"]) == 1
    out, err = capsys.readouterr()
    assert "largest of 2 models" in " ".join(out.split())
    assert "on generic-32 with esp-nn-s3, " in err
    assert main(["arena", DIGITS, "--all-targets", "--fail-over", "9136"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "1 of 11 builds needs more than the 9,136 B allowed: cortex-m55 with cmsis-nn by" in out


@pytest.mark.parametrize(
    ("name", "target", "kernels", "core"),
    [
        ("cortex-m4", "cortex-m4", "cmsis-nn", "cortex-m4"),
        ("cortex-m7", "cortex-m4", "cmsis-nn", "cortex-m7"),
        ("Cortex_M33", "cortex-m4", "cmsis-nn", "cortex-m33"),
        ("m0plus", "cortex-m3", "cmsis-nn", "cortex-m0plus"),
        ("Cortex-M0+", "cortex-m3", "cmsis-nn", "cortex-m0plus"),
        ("cortex-m85", "cortex-m55", "cmsis-nn", "cortex-m85"),
        ("esp32", "generic-32", "esp-nn", "esp32"),
        ("ESP32-S3", "generic-32", "esp-nn-s3", "esp32-s3"),
        ("esp32 c3", "generic-32", "esp-nn", "esp32-c3"),
        ("RP2040", "cortex-m3", "cmsis-nn", "cortex-m0plus"),
        ("rp2350", "cortex-m4", "cmsis-nn", "cortex-m33"),
        ("STM32H743ZI", "cortex-m4", "cmsis-nn", "cortex-m7"),
        ("stm32h7", "cortex-m4", "cmsis-nn", "cortex-m7"),
        ("STM32WBA52", "cortex-m4", "cmsis-nn", "cortex-m33"),
        ("Arduino Nano 33 BLE", "cortex-m4", "cmsis-nn", "cortex-m4"),
        ("riscv", "generic-32", "reference", "riscv32"),
    ],
)
def test_a_target_may_be_named_as_people_do(name, target, kernels, core, capsys):
    """The figures are those of the target that stands for it; of another core they are derived."""
    found = document(capsys, DIGITS, "--target", name)
    told = found["asked"], found["target"], found["kernels"], found["core"]
    assert told == (name, target, kernels, core)
    same = document(capsys, DIGITS, "--target", target, "--kernels", kernels)
    assert found["minimum_arena_bytes"] == same["minimum_arena_bytes"]
    assert (found["provenance"] == "measured") == (core == target)
    if core != target:
        assert f"{core} (as {target}) with" in found["summary"]["verdict"] or core == "esp32"


def test_a_target_that_is_none_is_told_what_there_is(capsys):
    """Exit 2, and names to type."""
    assert main(["arena", DIGITS, "--target", "stm32h"]) == 2
    assert "there is no target 'stm32h'; did you mean stm32h" in capsys.readouterr().err
    assert main(["arena", DIGITS, "--target", "avr"]) == 2
    assert "There are cortex-m0, " in capsys.readouterr().err


def test_a_board_is_its_core_with_the_usual_distribution(capsys, tmp_path, monkeypatch):
    """--board takes the board's core; files of users add boards, the latest counts."""
    found = document(capsys, DIGITS, "--board", "nano 33 ble")
    assert (found["asked"], found["board"]) == ("nano 33 ble", "Arduino Nano 33 BLE Sense")
    assert found["target"] == "cortex-m4"
    for name, core in (("environment", "cortex-m3"), ("option", "cortex-m55")):
        row = {"name": "My board", "core": core}
        (tmp_path / f"{name}.json").write_text(json.dumps({"boards": [row]}), "utf-8")
    monkeypatch.setenv("REFINTERP_BOARDS", str(tmp_path / "environment.json"))
    assert document(capsys, DIGITS, "--board", "my-board")["target"] == "cortex-m3"
    words = [DIGITS, "--board", "MY BOARD", "--boards", str(tmp_path / "option.json")]
    assert document(capsys, *words)["target"] == "cortex-m55"
    assert main(["arena", DIGITS, "--board", "nono 33 ble"]) == 2
    assert "did you mean Nano 33 BLE" in capsys.readouterr().err


def test_a_model_that_is_refused_does_not_stop_the_others(capsys, tmp_path):
    """It is a row with its reason, in the document an error; the exit code at the end is 2."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4)), g.tensor("y", (1, 4))
    g.operator("GELU", [x], [y])
    save_model(g.build([y]), tmp_path / "gelu.tflite")
    (tmp_path / "no.tflite").write_bytes(b"no model at all, whatever its name says")
    page = tmp_path / "p.html"
    words = [DIGITS, str(tmp_path / "gelu.tflite"), str(tmp_path / "no.tflite"), SHAPES]
    assert main(["arena", *words, "--json", "--html", str(page)]) == 2
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert ["error" in result for result in found["results"]] == [False, True, True, False]
    assert [r["error"]["kind"] for r in found["results"][1:3]] == ["unsupported", "model"]
    assert "GELU" in found["results"][1]["error"]["message"]
    assert found["results"][2]["model"].endswith("no.tflite")
    assert len(found["shared"]["tail_bytes_each"]) == 2
    assert "no kernel for GELU" in page.read_text("utf-8")
    assert main(["arena", *words, "--fail-over", "1"]) == 2
    out, err = capsys.readouterr()
    assert "2 of 4 refused" in " ".join(out.split())
    assert "refused: gelu.tflite: TFLM has no kernel for GELU" in " ".join(out.split())
    assert "2 of 4 models refused: " in err
    assert "GELU" not in err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("61440", 61440), ("60K", 61440), ("60k", 61440), ("60KiB", 61440), ("61,440", 61440),
        ("1M", 1048576), ("1.5M", 1572864), ("0.5 K", 512), ("61_440", 61440),
    ],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text, value):
    """K is 1,024 and M is 1,048,576."""
    assert size(text) == value


@pytest.mark.parametrize(
    "text", ["60KB", "60kB", "", "K", "-1", "1e3", "0.3", "1,5M", "60G", "60 KK"]
)
def test_what_is_no_size_is_refused(text, capsys):
    """What could mean two things, or nothing, is a mistake in usage that names what is allowed."""
    assert main(["arena", DIGITS, f"--fail-over={text}"]) == 2
    err = capsys.readouterr().err
    assert "write 61440, or 60K" in err or "not a whole number" in err
