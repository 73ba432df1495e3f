"""The GitHub Action's shell steps and the pre-commit hooks, run as those programs run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.corpus import ROOT

DATA = resources.files("refinterp") / "data"
DIGITS, SHAPES = (str(DATA / f"{name}.tflite") for name in ("digits_int8", "shapes_int8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
EXPRESSION = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


def step(name: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run one step with the inputs given and the defaults of the others, as a runner does."""
    inputs = {key: str(one.get("default", "")) for key, one in ACTION["inputs"].items()}
    unknown = {key.replace("_", "-") for key in given} - inputs.keys()
    assert not unknown
    inputs |= {key.replace("_", "-"): value for key, value in given.items()}
    values = {
        key: EXPRESSION.sub(lambda found: inputs[found[1]], value)
        for key, value in STEPS[name]["env"].items()
    }
    assert not any("${{" in value for value in values.values())
    python = Path(sys.executable)
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin" / "python3").exists():
        script = folder / "bin" / "python3"
        script.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', "utf-8")
        script.chmod(0o755)
    script = folder / "step.sh"
    script.write_text(STEPS[name]["run"], "utf-8")
    environment = (
        os.environ
        | values
        | {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_ACTION_PATH": str(ROOT),
        }
    )
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_every_input_is_used_and_every_step_says_its_shell():
    """No input without a use; what a step takes from inputs comes by its environment alone."""
    text = (ROOT / "action.yml").read_text("utf-8")
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == ACTION["inputs"].keys()
    for one in STEPS.values():
        assert one["shell"] == "bash"
        assert "${{" not in one["run"], "an input in a script is run as a script"


def test_fit_passes_and_fails_with_the_verdict(tmp_path):
    """Exit code and output are the command's; the summary has them too, and JUnit is written."""
    done = step("Fit", tmp_path, models=f"{DIGITS} {SHAPES}", board="pico", junit="fit.xml")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 models fit Raspberry Pi Pico" in done.stdout
    assert "2 of 2 models fit" in (tmp_path / "summary.md").read_text("utf-8")
    assert (tmp_path / "fit.xml").exists()
    done = step("Fit", tmp_path, models=SHAPES, board="pico\nblue pill\n")
    assert done.returncode == 1
    done = step("Fit", tmp_path, models=SHAPES, target="cortex-m4", ram="1K", flash="1M")
    assert done.returncode == 1
    assert "does not fit" in done.stdout
    assert step("Fit", tmp_path, models="none.tflite", board="pico").returncode == 2


def test_wildcards_are_expanded_and_names_of_boards_are_not(tmp_path):
    """Models are words of a shell, as people write them; a board's name may have blanks."""
    for name in ("a", "b"):
        shutil.copy(DIGITS, tmp_path / f"{name}.tflite")
    done = step("Fit", tmp_path, models="*.tflite", board="Arduino Nano 33 BLE")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 models fit Arduino Nano 33 BLE Sense" in done.stdout
    done = step("Fit", tmp_path, models="a.tflite", board="$(touch gone)")
    assert done.returncode == 2
    assert not (tmp_path / "gone").exists()


def test_arena_fails_over_a_limit(tmp_path):
    """On each board; the worst exit code is the step's."""
    done = step("Arena", tmp_path, models=DIGITS, board="pico\nesp32-cam", fail_over="60K")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kTensorArenaSize") == 2
    done = step("Arena", tmp_path, models=DIGITS, fail_over="1K", target="m7")
    assert done.returncode == 1
    assert step("Arena", tmp_path, models=DIGITS, board="pico", fail_over="1K").returncode == 1


def test_lint_fails_on_errors(tmp_path):
    """A model without faults passes, a file that is none does not."""
    assert step("Lint", tmp_path, models=DIGITS).returncode == 0
    (tmp_path / "no.tflite").write_bytes(b"no model")
    assert step("Lint", tmp_path, models="no.tflite").returncode == 2


def test_hooks_name_commands_that_there_are():
    """Each hook's entry is a command of ours and looks at models."""
    from refinterp.cli.commands import COMMANDS

    assert [hook["id"] for hook in HOOKS] == ["refinterp-lint", "refinterp-fit", "refinterp-arena"]
    for hook in HOOKS:
        program, command = hook["entry"].split()
        assert program == "refinterp"
        assert command in COMMANDS
        assert re.search(hook["files"], "models/kws.tflite")


@pytest.mark.skipif(find_spec("pre_commit") is None, reason="pre-commit is not installed")
def test_pre_commit_runs_the_hooks(tmp_path):
    """`pre-commit try-repo` installs this checkout and runs each hook on a model."""
    source, work = tmp_path / "source", tmp_path / "work"
    kept = ("refinterp", "schema", "pyproject.toml", "README.md", "LICENSE")
    source.mkdir()
    for name in (*kept, ".pre-commit-hooks.yaml"):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    work.mkdir()
    shutil.copy(DIGITS, work / "digits.tflite")
    (work / "broken.tflite").write_bytes(b"no model")
    for folder in (source, work):
        for words in (
            ["init", "-q"],
            ["add", "-A"],
            ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "t"],
        ):
            subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    environment = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "home")}

    def tried(hook: str, file: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "try-repo", str(source), hook, "--files", file,
             "--verbose"],
            cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=560,
        )  # fmt: skip

    done = tried("refinterp-lint", "digits.tflite")
    if "An unexpected error" in done.stdout and "pip" in done.stdout:
        pytest.skip("pip cannot install the package's dependencies here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "digits.tflite" in done.stdout
    assert tried("refinterp-lint", "broken.tflite").returncode == 1
    fits = tried("refinterp-fit", "digits.tflite")
    assert fits.returncode == 0, fits.stdout
    assert "of 78 boards" in " ".join(fits.stdout.split())
    assert "kTensorArenaSize" in tried("refinterp-arena", "digits.tflite").stdout
