"""The how-to pages' code runs, and gives what the pages say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

import refinterp
from refinterp.cli.main import main
from refinterp.kernels.registry import dtypes_of
from tests.corpus import corpus

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def _blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((DOCS / page).read_text("utf-8"))


@pytest.fixture
def no_customs():
    """Custom operators that a test registers are forgotten after it."""
    yield
    for name in ("Scale", "RunningMaximum", "Refused"):
        if dtypes_of(name):
            refinterp.unregister_custom(name)


def test_custom_operators_page(no_customs):
    """Its Python blocks run one after the other and print what stands below them."""
    namespace: dict = {}
    printed, shown = "", 0
    for kind, text in _blocks("custom-operators.md"):
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "custom-operators.md", "exec"), namespace)
            printed = out.getvalue()
        elif kind == "text":
            assert printed == text
            shown += 1
    assert shown == 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the corpus's models and inputs, to run commands in."""
    root = corpus()
    for source in [*(root / "models").glob("*.tflite"), *(root / "inputs").iterdir()]:
        (tmp_path / source.name).symlink_to(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def _run_shell(text: str) -> str:
    """Run a block: our own commands in this process, others in a shell. Returns what ours print."""
    out = io.StringIO()
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line)
        if words[:1] != ["refinterp"]:
            subprocess.run(line, shell=True, check=True)
            continue
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            assert main(words[1:]) == 0
    return out.getvalue()


@pytest.mark.parametrize(("word", "codes"), [("yes", [-128, -128, 127, -128]), ("no", None)])
def test_keyword_from_sound(folder, word, codes):
    """The page's commands hear both words; so does its Python."""
    blocks = _blocks("data.md")
    shell = next(text for kind, text in blocks if kind == "sh" and "micro_speech" in text)
    assert f"{word} " in _run_shell(shell.replace("yes_1000ms", f"{word}_1000ms"))
    with np.load("features.npz") as features:
        assert [array.shape for array in features.values()] == [(49, 40)]
    python = next(text for kind, text in blocks if kind == "python")
    namespace: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(python, "data.md", "exec"), namespace)
    heard = namespace["word"](f"{word}_1000ms.wav")
    assert heard.tolist() == (codes or [-128, -114, -128, 114])


@pytest.mark.parametrize("digit", range(5))
@pytest.mark.parametrize("flavour", ["tflm", "litert-reference"])
def test_digit_from_image(folder, digit, flavour):
    """The LSTM's largest output is the digit that is drawn, in both runtimes' arithmetic."""
    text = next(t for k, t in _blocks("data.md") if k == "sh" and "digits" in t)
    text = text.replace("mnist_3", f"mnist_{digit}").replace("tflm", flavour)
    shown = _run_shell(text + "")
    assert re.search(rf"\b{digit} 0\.\d+|\b{digit} 1\b", shown), shown


def test_registration_mistakes(no_customs):
    """A taken name, a class that lacks a method and what is no code at all are refused."""
    with pytest.raises(refinterp.UsageError, match="registered already"):
        refinterp.register_custom("CONV_2D", lambda inputs, options: inputs[0])
    with pytest.raises(refinterp.UsageError, match=r"derive from refinterp\.Kernel"):
        refinterp.register_custom("Refused", type("OfOldForm", (), {"eval": None}))
    with pytest.raises(refinterp.UsageError, match="lacks prepare, output_shapes, eval"):
        refinterp.register_custom("Refused", type("Empty", (refinterp.Kernel,), {}))
    forgetful = dict.fromkeys(("prepare", "output_shapes", "eval", "state"))
    with pytest.raises(refinterp.UsageError, match="remembers = True"):
        refinterp.register_custom("Refused", type("Forgetful", (refinterp.Kernel,), forgetful))
    with pytest.raises(refinterp.UsageError, match="neither"):
        refinterp.register_custom("Refused", 3)
    with pytest.raises(refinterp.UsageError, match="not registered"):
        refinterp.unregister_custom("Refused")


def test_function_with_a_wrong_shape(no_customs):
    """A function that gives another shape than the file's is told both."""
    refinterp.register_custom("Refused", lambda inputs, options: np.zeros(2))
    g = refinterp.GraphBuilder()
    x, y = g.input("x", (3,)), g.tensor("y", (3,))
    g.operator("Refused", [x], [y], custom_options=b"")
    interpreter = refinterp.Interpreter(model_content=refinterp.write_model(g.build(outputs=[y])))
    interpreter.allocate_tensors()
    with pytest.raises(refinterp.UsageError, match=r"shape \[2\].*'y'.*\[3\]"):
        interpreter.invoke()


def test_npu_code_is_refused_with_a_reason():
    """A model for an Ethos-U says why it cannot run."""
    g = refinterp.GraphBuilder()
    x, y = g.input("x", (3,), "int8"), g.tensor("y", (3,), "int8")
    g.operator("ethos-u", [x], [y], custom_options=b"")
    interpreter = refinterp.Interpreter(model_content=refinterp.write_model(g.build(outputs=[y])))
    with pytest.raises(refinterp.UnsupportedError, match="Ethos-U NPU, made by the Vela compiler"):
        interpreter.allocate_tensors()
