"""Other platforms: what was committed of Pyodide, and types as an installed package gives them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from conformance.platforms.digests import digests
from conformance.platforms.page import BEGIN, END, PAGE, RESULTS, table
from conformance.platforms.pyodide import BUNDLED, is_quantized, missing
from refinterp.modelfile.reader import read_model
from tests.corpus import ROOT

RESULT = json.loads(RESULTS.read_text("utf-8"))


def test_pyodide_gave_what_we_give_now():
    """The committed digests of every bundled quantized model are those of the present sources."""
    quantized = {
        path.stem
        for folder in BUNDLED
        for path in folder.glob("*.tflite")
        if is_quantized(read_model(path))
    }
    assert len(quantized) == 8
    now = {
        f"{row['model']} {row['flavour']}": row["integers"]
        for folder in BUNDLED
        for row in digests(folder)
        if row["model"] in quantized
    }
    assert now == RESULT["bundled"]["digests"]


@pytest.mark.parametrize("group", ["bundled", "corpus", "cases"])
def test_nothing_differed(group):
    """Every quantized run was equal in every tensor, every document in every byte."""
    found = RESULT[group]
    assert found["quantized_runs_equal"] == found["quantized_runs"] > 0
    assert found["documents_equal"] == found["documents"]
    assert not found["differing"]


def test_the_page_says_so():
    """The table is that of the results."""
    text = PAGE.read_text("utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == table(RESULT)


def test_pyodide_itself():
    """The command, where a Pyodide is named: a case of every operator and the bundled models."""
    reason = missing(os.environ.get("REFINTERP_PYODIDE"))
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "conformance.platforms.pyodide", "--check", "--cases", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


USER = """
from refinterp import Interpreter, ModelError, read_model

def first(path: str) -> str:
    try:
        model = read_model(path)
    except ModelError as error:
        return str(error)
    reveal_type(model.subgraphs[0].tensors[0].shape)
    own = Interpreter(model_path=path, num_threads=1)
    own.allocate_tensors()
    own.invoke()
    own.no_such_method()
    print(model.nowhere)
    return ""
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_types_of_an_installed_wheel(tmp_path):
    """A user's program is checked against the wheel's types: two mistakes in it, two errors."""
    wheels, site, program = tmp_path / "wheels", tmp_path / "site", tmp_path / "user.py"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("hatchling, which builds the wheel, is not installed")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("refinterp-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "-t", str(site), str(wheel)], check=True)
    assert (site / "refinterp" / "py.typed").exists()
    program.write_text(USER, "utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull,
         "--cache-dir", str(tmp_path / "cache"), str(program)],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": "", "PYTHONPATH": str(site)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = checked.stdout
    assert "tuple[int, ...]" in said.replace("builtins.", "")
    assert '"Interpreter" has no attribute "no_such_method"' in said
    assert '"Model" has no attribute "nowhere"' in said
    assert said.count("error:") == 2, said
