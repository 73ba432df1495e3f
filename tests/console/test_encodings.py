"""Output in encodings that lack what tables and pictures are drawn with."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
from pathlib import Path

import pytest

import refinterp
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model
from refinterp.report.encodings import fall_back
from tests.console.script import MODEL, SAMPLES, SCRIPT, environment

COMMANDS = [
    ["tour"],
    ["arena", MODEL],
    ["arena", MODEL, "--all-targets"],
    ["debug", MODEL, "--data", SAMPLES, "--limit", "4", "--all"],
    ["explain", MODEL, "--op", "0", "--at", "0,1,1,1"],
    ["explain", MODEL],
    ["inspect", MODEL],
    ["lint", MODEL],
    ["ops"],
    ["run", MODEL],
    ["bench", "--help"],
    ["--help"],
]


def _bytes(words: list[str], encoding: str) -> bytes:
    done = subprocess.run(
        [SCRIPT, *words],
        env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr or done.stderr.decode(encoding)
    return done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_every_command(words, encoding):
    """Nothing fails, and no sign of a table is an escape or a question mark instead."""
    text = _bytes(words, encoding).decode(encoding)
    assert "\\u" not in text
    text = text.replace("?: never tried", "")  # a sign of inspect's own
    assert "?" not in text.replace("?\n", "\n").replace("? ", " ")
    assert len(text.splitlines()) == len(_bytes(words, "utf-8").decode().splitlines())


def test_columns_stay_below_each_other():
    """A table's lines are as long as they are in UTF-8."""
    plain = _bytes(["ops"], "ascii").decode("ascii").splitlines()
    rich = _bytes(["ops"], "utf-8").decode().splitlines()
    assert [len(a.rstrip()) for a in plain[3:-1]] == [len(b.rstrip()) for b in rich[3:-1]]


@pytest.fixture
def named(tmp_path):
    """A model whose tensors have names in other scripts, beyond the basic plane too."""
    graph = GraphBuilder()
    x = graph.input("Eingänge/入力", (1, 4), "float32")
    y = graph.tensor("出力/𝄞", (1, 4), "float32")
    graph.operator("RELU", [x], [y])
    path = tmp_path / "named.tflite"
    path.write_bytes(write_model(graph.build(outputs=[y])))
    return str(path)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "utf-16"])
def test_documents_are_the_same(named, encoding):
    """JSON means the same in every encoding, names of the model included."""
    text = _bytes(["inspect", named, "--json"], encoding).decode(encoding)
    assert "Eingänge/入力" in json.dumps(json.loads(text), ensure_ascii=False)
    assert "出力/𝄞" in json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_names_are_escaped(named, encoding):
    """Where the model's own letters cannot be shown, their codes are."""
    text = _bytes(["inspect", named], encoding).decode(encoding)
    assert "\\u5165\\u529b" in text
    assert ("Eingänge" in text) == (encoding == "cp1252")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "cp932"])
def test_a_file_in_place_of_standard_output(encoding, tmp_path):
    """A script that sends our output to a file in its encoding; the file is as it was before."""
    with (tmp_path / "out.txt").open("w", encoding=encoding) as file:
        with contextlib.redirect_stdout(file):
            assert main(["arena", MODEL]) == 0
        assert file.errors == "strict"
    assert "CONV_2D" in (tmp_path / "out.txt").read_text(encoding)


def test_every_sign_of_ours_has_a_spelling():
    """No character in the package's own strings ends as an escape."""
    signs = set()
    for path in Path(refinterp.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                signs |= set(node.value)
    signs |= set("─━│┃┄├┤┬┴┼╭╮╯╰═║╞╪╡╸╺")  # those of rich
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="")
    fall_back(stream)
    unsaid = set()
    for sign in sorted(signs):
        before = stream.buffer.tell()
        stream.write(sign)
        stream.flush()
        stream.buffer.seek(before)
        if b"\\" in stream.buffer.read() and sign != "\\":
            unsaid.add(sign)
    assert not {sign for sign in unsaid if sign.isprintable() and not sign.isalpha()}


def test_streams_with_a_will_of_their_own():
    """One that replaces or drops what it lacks, or has no encoding, stays as it is."""
    replacing = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    assert fall_back(replacing) is None
    assert replacing.errors == "replace"
    assert fall_back(io.StringIO()) is None
