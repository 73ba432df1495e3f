"""arena --optimize and --planner optimal: what they print, write, refuse."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from refinterp.arena.offline import offline_offsets
from refinterp.arena.tensor_plan import plan_model
from refinterp.cli.main import main
from refinterp.modelfile.reader import read_model
from refinterp.tflm import planning
from refinterp.tflm.what_if import SECONDS
from tests.corpus import ROOT

MODEL = str(ROOT / "refinterp" / "data" / "shapes_int8.tflite")
SCHEMA = json.loads((ROOT / "schema" / "arena.schema.json").read_text("utf-8"))


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["arena", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize("more", [[], ["--reorder"], ["--planner", "optimal"]])
def test_the_document_is_about_the_new_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, more: list[str]
) -> None:
    """Head, bound and gain are those of the file that was written, which plans itself."""
    output = str(tmp_path / "small.tflite")
    found = document(capsys, MODEL, "--optimize", "-o", output, "--tflm", "wheel-20261023", *more)
    gained = found["optimized"]
    assert (gained["head_bytes_before"], gained["head_bytes"]) == (22112, 15456)
    assert gained["gain_bytes"] == 22112 - 15456
    assert found["head_bytes"] == found["lower_bound_bytes"] == 15456
    assert (found["proven"], found["gap_bytes"]) == (True, 0)
    assert gained["output"] == output
    assert offline_offsets(read_model(output))
    again = document(capsys, output, "--tflm", "wheel-20261023")
    assert again["head_bytes"] == 15456
    assert again["arena_used_bytes"] == found["arena_used_bytes"]


def test_the_gain_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The text names the gain and the proof, and standard error the file."""
    output = str(tmp_path / "small.tflite")
    assert main(["arena", MODEL, "--optimize", "-o", output]) == 0
    out, err = capsys.readouterr()
    assert "head 22,112 -> 15,456 B, 6,656 B (30.1 %) less" in " ".join(out.split())
    assert "proven: no plan of these operators in this order is smaller" in " ".join(out.split())
    assert f"wrote {output}" in err


def test_what_the_plan_costs_elsewhere_and_in_order_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Builds on which each file, measured by itself, needs more; and that orders were tried."""
    output = str(tmp_path / "small.tflite")
    found = document(capsys, MODEL, "--optimize", "--reorder", "-o", output)["optimized"]
    needs = []
    for path in (MODEL, output):
        results = document(capsys, path, "--all-targets")["results"]
        needs.append({(r["target"], r["kernels"]): r["minimum_arena_bytes"] for r in results})
    before, after = needs
    worse = {
        where: (before[where], after[where]) for where in before if after[where] > before[where]
    }
    assert worse
    assert worse == {
        (one["target"], one["kernels"]): (
            one["minimum_arena_bytes_before"],
            one["minimum_arena_bytes"],
        )
        for one in found["dearer_on"]
    }
    assert (found["reorder_tried"], found["orders"]) == (True, None)
    assert main(["arena", MODEL, "--optimize", "--reorder", "-o", output]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "planned for cortex-m4 with cmsis-nn alone" in out
    assert "--reorder found no order that needs less" in out


def test_the_optimal_planner(capsys: pytest.CaptureFixture[str]) -> None:
    """--planner optimal shows the plan, proven, without writing anything."""
    found = document(capsys, MODEL, "--planner", "optimal", "--time-limit", "5")
    assert (found["planner"], found["head_bytes"], found["proven"]) == ("optimal", 15456, True)
    greedy = document(capsys, MODEL)
    assert (greedy["proven"], greedy["gap_bytes"]) == (False, 22112 - 15456)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--optimize"], "both needed"),
        (["-o", "small.tflite"], "both needed"),
        (["--reorder"], "both needed"),
        ([MODEL, "--optimize", "-o", "x"], "one model for one target"),
        (["--all-targets", "--optimize", "-o", "x"], "one model for one target"),
        (["--planner", "linear", "--optimize", "-o", "x"], "--planner linear has no part in it"),
        (["--planner", "optimal", "--time-limit", "-1"], "--time-limit is -1"),
        (["--optimize", "-o", "no/such/folder/x.tflite"], "cannot be written"),
    ],
)
def test_what_does_not_go_together(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """Half of a request, several models, a file that cannot be written: exit 2 and the reason."""
    assert main(["arena", MODEL, *arguments]) == 2
    assert words in capsys.readouterr().err


def test_what_ifs_keep_to_the_time_limit_and_to_plans_that_are_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without time the optimal plan gains nothing; with it no problem is planned twice."""
    found = document(capsys, MODEL, "--time-limit", "0")
    assert [w["gain_bytes"] for w in found["what_if"] if w["planner"] == "optimal"] == [0]
    asked = []

    def counted(model, planner, *, shapes, scratch, time_limit):
        asked.append((planner, tuple((shapes or {}).items()), tuple(scratch), time_limit))
        return plan_model(model, planner, shapes=shapes, scratch=scratch, time_limit=time_limit)

    monkeypatch.setattr(planning, "plan_model", counted)
    document(capsys, MODEL, "--planner", "optimal", "--time-limit", "5")
    assert len(asked) == len({(planner, shapes, scratch) for planner, shapes, scratch, _ in asked})
    assert {limit for *_, limit in asked[1:]} == {SECONDS}
    assert asked[0][3] == 5
