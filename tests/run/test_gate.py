"""What a runtime refuses, its flavour refuses: the commands, the drop-in, and being lenient."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from refinterp import Interpreter
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model, write_model
from refinterp.run.gate import refusals
from refinterp.verdicts.verdict import TFLM
from tests.corpus import corpus
from tests.verdicts.test_table import dense


@pytest.fixture
def hybrid(tmp_path: Path) -> str:
    """A model of float data and int8 weights, which TFLM refuses."""
    path = tmp_path / "hybrid.tflite"
    path.write_bytes(write_model(dense(data="float32")))
    return str(path)


@pytest.mark.parametrize(
    "words", [["run", "--flavour", "tflm"], ["bench", "--flavour", "tflm", "--seconds", "0.01"],
              ["arena"]],
)  # fmt: skip
def test_commands_refuse_what_tflm_refuses(words: list[str], hybrid: str, capsys) -> None:
    """Exit 2, and the operator, what was found and what is allowed."""
    assert main([words[0], hybrid, *words[1:]]) == 2
    err = capsys.readouterr().err
    assert "operators[0] (FULLY_CONNECTED)" in err
    assert "float32" in err


def test_lenient_runs_it_all_the_same(hybrid: str, capsys) -> None:
    """With a warning, on standard error."""
    assert main(["run", hybrid, "--flavour", "tflm"]) == 2
    assert "--lenient" in capsys.readouterr().err
    assert main(["run", hybrid, "--flavour", "tflm", "--lenient", "--json"]) == 0
    assert "warning: subgraphs[0].operators[0] (FULLY_CONNECTED): tflm refuses it" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("command", ["inspect", "lint"])
def test_commands_that_only_tell_go_on(command: str, hybrid: str, capsys) -> None:
    """They say it, and end well."""
    assert main([command, hybrid]) == 0


def test_explaining_warns_and_goes_on(hybrid: str, capsys) -> None:
    """What TFLM refuses is no reason not to explain it."""
    assert main(["explain", hybrid, "--flavour", "tflm"]) == 0
    assert "tflm refuses it" in capsys.readouterr().err


def test_the_drop_in_refuses_when_tensors_are_allocated() -> None:
    """As LiteRT does, with a RuntimeError."""
    content = write_model(dense(bias_scale=1.0))
    interpreter = Interpreter(model_content=content)
    with pytest.raises(RuntimeError, match="has scale 1, but that of"):
        interpreter.allocate_tensors()


def test_a_lenient_drop_in_warns_and_runs() -> None:
    """The results are those of the kernel, which takes the bias as it is."""
    interpreter = Interpreter(model_content=write_model(dense(bias_scale=1.0)), lenient=True)
    with pytest.warns(UserWarning, match="litert-reference refuses it"):
        interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.full((1, 4), 2, np.int8))
    interpreter.invoke()
    assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist() == [[4, 4]]


def test_what_a_run_finds_out_is_refused_in_a_run() -> None:
    """LiteRT prepares a MAXIMUM of bool, and refuses to run it; GREATER of bool likewise."""
    g = GraphBuilder()
    x = g.input("x", (4,), "bool")
    y = g.tensor("y", (4,), "bool")
    g.operator("RELU", [x], [y])
    model = g.build(outputs=[y])
    (found,) = refusals(model, "litert-reference")
    assert found.stage == "invoke"


def test_shapes_are_those_that_were_worked_out() -> None:
    """A wrong shape of an intermediate tensor in the file refuses nothing: LiteRT makes its own."""
    g = GraphBuilder()
    x = g.input("x", (2, 3))
    y = g.tensor("y", (7,))
    z = g.tensor("z", (2, 3))
    g.operator("RELU", [x], [y])
    g.operator("ADD", [y, x], [z])
    interpreter = Interpreter(model_content=write_model(g.build(outputs=[z])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interpreter.allocate_tensors()


def test_no_model_that_tflm_ran_is_refused() -> None:
    """Those whose arenas were measured in TFLM, and those alone, pass."""
    folder = corpus()
    measured = json.loads((folder / "tflm_arena.json").read_text("utf-8"))["x86_64_ref"]
    wrong = []
    for name, figures in measured.items():
        place = next((p for p in (folder / name, folder / "models" / name) if p.exists()), None)
        if place is None or figures.get("error") == "crash":
            continue  # the tool that measured ended on it, and says nothing of a refusal
        refused = any(v.stage != "invoke" for v in refusals(read_model(str(place)), TFLM))
        if refused != ("arena_used" not in figures):
            wrong.append((name, refused))
    assert wrong == []


def test_being_lenient_is_in_the_verdict(tmp_path, capsys) -> None:
    """Each operator that the runtime would refuse is named in what is on standard output."""
    g = GraphBuilder()
    at = g.input("x", (1, 4), "float32")
    for number in range(3):
        weights = np.ones((4, 4), np.int8)
        w = g.constant(f"w{number}", weights, scale=0.5, zero_point=0)
        at, before = g.tensor(f"y{number}", (1, 4), "float32"), at
        g.operator("FULLY_CONNECTED", [before, w], [at])
    path = str(tmp_path / "three.tflite")
    save_model(g.build([at]), path)
    assert main(["run", path, "--flavour", "tflm", "--lenient", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"]["verdict"].endswith("; tflm would refuse operators 0, 1, 2")
    assert "(operators 1, 2 too)" in err
