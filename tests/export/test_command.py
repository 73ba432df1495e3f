"""The command: what it writes and says, and what it says of what cannot be exported."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.export.layout import LAYOUTS
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import OPTIONAL
from refinterp.modelfile.writer import save_model
from refinterp.tflm.ledger import totals
from refinterp.tflm.targets import profile
from tests.corpus import ROOT
from tests.export.models import KINDS, NASTY, codes

DIGITS = ROOT / "refinterp" / "data" / "digits_int8.tflite"
SCHEMA = json.loads((ROOT / "schema" / "export.schema.json").read_text("utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(capsys, *words: str) -> str:
    """What a refused command says: exit code 2, no file, no traceback."""
    assert main(["export", *words]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize("layout", LAYOUTS)
def test_document_keeps_to_its_schema_and_names_every_file(tmp_path, capsys, layout):
    """Files with their digests, and the arena of the ledger."""
    to = tmp_path / "out"
    assert main(["export", str(DIGITS), "--for", layout, "--to", str(to), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    assert next(iter(document)) == "schema_version"
    found = {path: hashlib.sha256(data).hexdigest() for path, data in contents(to).items()}
    assert {row["path"]: row["sha256"] for row in document["files"]} == found
    readme = (to / "README.md").read_text("utf-8")
    assert all(f"`{path}`" in readme for path in found if path != "README.md")
    assert ("has not been built" in readme) != LAYOUTS[layout].ran
    assert document["model_sha256"] == hashlib.sha256(DIGITS.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("target", "kernels"),
    [("cortex-m4", "cmsis-nn"), ("cortex-m55", "reference"), ("generic-32", "esp-nn-s3")],
)
def test_the_arena_is_the_ledgers(tmp_path, capsys, target, kernels):
    """In the answer's first line and in the header, whose parts add up."""
    from refinterp.modelfile.reader import read_model

    where = profile(target, kernels)
    used, size = totals(read_model(DIGITS), where)
    words = ["--target", target, "--kernels", kernels, "--to", str(tmp_path / "out")]
    assert main(["export", str(DIGITS), "--for", "tflm", *words]) == 0
    first = " ".join(capsys.readouterr().out.split())
    assert first.startswith("verdict")
    assert f"kArenaBytes = {size} on {target} with {kernels} kernels" in first
    text = (tmp_path / "out" / "src" / "digits_int8_model_arena.h").read_text()
    assert f"ARENA_BYTES {size}\n" in text
    rows = re.findall(r"^// +([\d,]+)( {2,})(\S.*)$", text, re.M)
    parts = {what: int(number.replace(",", "")) for number, _, what in rows}
    head, tail = (next(n for w, n in parts.items() if w.startswith(s)) for s in ("head", "tail"))
    inside = [int(n.replace(",", "")) for n, gap, _ in rows if len(gap) == 4]
    assert sum(inside) == tail
    assert head + tail == used == parts["used, as arena_used_bytes() says"]
    assert ("derived" in text) == (not where.measured)
    place = ["--target", target, "--kernels", kernels]
    assert main(["arena", str(DIGITS), *place, "--json"]) == 0
    arena = json.loads(capsys.readouterr().out)
    assert (head, tail, size) == (
        arena["head_bytes"], arena["tail_bytes"], arena["minimum_arena_bytes"],
    )  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_bytes_again(tmp_path, layout):
    """In another process, folder, locale and order of sets."""
    seen = []
    for seed in ("0", "1"):
        to = tmp_path / f"out{seed}"
        home = tmp_path / f"home{seed}"
        home.mkdir()
        done = subprocess.run(
            [
                sys.executable, "-m", "refinterp", "export", os.path.relpath(DIGITS, home),
                "--for", layout, "--to", str(to),
            ],
            cwd=home, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}", "LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        seen.append(contents(to))
    assert seen[0] == seen[1]
    assert not any(str(tmp_path).encode() in data for data in seen[0].values())


def test_a_c_array_is_the_model_it_holds(tmp_path, capsys):
    """What was exported can be exported again; the name is the array's."""
    first, again = tmp_path / "first", tmp_path / "again"
    assert main(["export", str(DIGITS), "--for", "tflm", "--to", str(first)]) == 0
    source = first / "src" / "digits_int8_model_data.cpp"
    words = ["--for", "tflm", "--to", str(again), "--name", "digits_int8"]
    assert main(["export", str(source), *words]) == 0
    name = "src/digits_int8_model_data.cpp"
    assert contents(again)[name] == contents(first)[name]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "bears"),
    [("net", "net_model"), ("a_model", "a_model"), ("class", "class_model"), ("Z9", "Z9_model")],
)
def test_names(tmp_path, name, bears):
    """A name gets an ending that no keyword, macro or function has."""
    to = tmp_path / "out"
    assert main(["export", str(DIGITS), "--for", "tflm", "--to", str(to), "--name", name]) == 0
    assert f"namespace {bears} {{" in (to / "src" / f"{bears}.h").read_text()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("", ""), ("1x", "'m_1x'"), ("_x", "'x'"), ("a b", "'a_b'"), ("a__b", "'a_b'"),
        ("é", ""), ("../x", "'x'"), ("a-b", "'a_b'"), ("x_", "'x'"), ("a" * 49, ""), ("a\nb", ""),
    ],
)  # fmt: skip
def test_names_that_are_none(tmp_path, capsys, name, hint):
    """They are refused, with one that would do."""
    said = refused(
        capsys, str(DIGITS), "--for", "tflm", "--to", str(tmp_path / "out"), "--name", name
    )
    assert "--name" in said
    assert hint in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "bears"),
    [
        ("9 lives.tflite", "m_9_lives_model"),
        ("日本.tflite", "exported_model"),
        ("a--b..c.tflite", "a_b_c_model"),
        ("model.tflite", "exported_model"),
        ("-.tflite", "exported_model"),
        ("x" * 90 + ".tflite", "x" * 48 + "_model"),
    ],
)
def test_names_of_files_that_are_no_identifiers(tmp_path, file, bears):
    """They are made into some."""
    model = tmp_path / file
    model.write_bytes(DIGITS.read_bytes())
    to = tmp_path / "out"
    assert main(["export", str(model), "--for", "tflm", "--to", str(to)]) == 0
    assert (to / "src" / f"{bears}.h").exists()


def test_a_folder_that_is_not_empty(tmp_path, capsys):
    """It is left alone but with --force, and then what is not ours stays."""
    (tmp_path / "mine.txt").write_text("mine")
    words = [str(DIGITS), "--for", "tflm", "--to", str(tmp_path)]
    assert "not empty" in refused(capsys, *words)
    assert contents(tmp_path) == {"mine.txt": b"mine"}
    assert main(["export", *words, "--force"]) == 0
    assert contents(tmp_path)["mine.txt"] == b"mine"


def test_folders_that_cannot_be_written(tmp_path, capsys):
    """A file, what lies below one, and a folder without the right to write."""
    (tmp_path / "file").write_text("")
    words = [str(DIGITS), "--for", "tflm", "--to"]
    assert "this is a file" in refused(capsys, *words, str(tmp_path / "file"))
    assert "cannot be" in refused(capsys, *words, str(tmp_path / "file" / "below"))
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o500)
    if os.access(shut, os.W_OK):
        pytest.skip("this user may write anywhere")
    assert "cannot be written" in refused(capsys, *words, str(shut / "below"))


def _saved(g: GraphBuilder, path: Path, *outputs: int) -> str:
    save_model(g.build(outputs=outputs), path)
    return str(path)


def test_what_cannot_be_exported(tmp_path, capsys):
    """Types without a C++ type, inputs that are no tensor, operators that TFLM has not."""
    path, to = tmp_path / "net.tflite", ["--for", "tflm", "--to", str(tmp_path / "out")]
    g = GraphBuilder()
    x, y = g.input("x", (2,), "complex64"), g.tensor("y", (2,), "float32")
    g.operator("REAL", [x], [y])
    said = refused(capsys, _saved(g, path, y), *to)
    assert '"x" is complex64; exported sources hold float32, int8' in said

    g = GraphBuilder()
    x, y = g.input("x", (2,)), g.tensor("y", (2,))
    g.operator("MyOwn", [x], [y], custom_options=b"\0")
    assert "MyOwn" in refused(capsys, _saved(g, path, y), *to)

    g = GraphBuilder()
    x, y = g.input("x", (0, 2)), g.tensor("y", (0, 2))
    g.operator("RELU", [x], [y])
    assert "holds no element" in refused(capsys, _saved(g, path, y), *to)

    model = codes("int8", 0.5, 0)
    graph = replace(model.subgraphs[0], inputs=(OPTIONAL,))
    save_model(replace(model, subgraphs=(graph,)), path)
    assert "is no tensor" in refused(capsys, str(path), *to)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--shape", "image=1,16,16,1"], ["--samples", "0"]])
def test_options_that_do_not_go_with_the_model(tmp_path, capsys, words):
    """They are told before anything is written."""
    to = tmp_path / "out"
    refused(capsys, str(DIGITS), "--for", "tflm", "--to", str(to), *words)
    assert not to.exists()


def test_data_of_ones_own(tmp_path, capsys):
    """The golden inputs are the samples given, quantized as the input asks."""
    samples = np.linspace(0, 1, 3 * 64, dtype=np.float32).reshape(3, 8, 8, 1)
    np.save(tmp_path / "x.npy", samples)
    to = tmp_path / "out"
    words = ["--for", "tflm", "--to", str(to), "--data", str(tmp_path / "x.npy"), "--json"]
    assert main(["export", str(DIGITS), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert document["golden"]["samples"] == 3
    assert document["data"]
    text = (to / "src" / "digits_int8_model_golden.cpp").read_text()
    body = re.search(r"kGoldenInput0.*?= \{(.*?)\};", text, re.S)
    assert body is not None
    numbers = np.array([int(n) for n in re.findall(r"-?\d+", body[1])])
    expected = np.rint(samples.astype(np.float64) / np.float32(1 / 255)).reshape(-1) - 128
    np.testing.assert_array_equal(numbers, expected)


def test_signatures_that_tflm_cannot_run_are_named(tmp_path, capsys):
    """TFLM runs the first subgraph; the answer, the README and nothing else break."""
    path = tmp_path / "net.tflite"
    save_model(KINDS["branches"](), path)
    to = tmp_path / "out"
    assert main(["export", str(path), "--for", "tflm", "--to", str(to)]) == 0
    assert "cannot run 'only_RELU', 'only_RELU6'" in " ".join(capsys.readouterr().out.split())
    assert "'only_RELU6'" in (to / "README.md").read_text("utf-8")


def test_names_of_tensors_stay_inside_their_comments(tmp_path):
    """Whatever a file calls its tensors, no line of the sources begins with it."""
    path = tmp_path / "net.tflite"
    save_model(KINDS["two and two"](), path)
    to = tmp_path / "out"
    assert main(["export", str(path), "--for", "tflm", "--to", str(to)]) == 0
    text = (to / "src" / "net_model_numbers.h").read_text("ascii")
    assert "#error" in NASTY
    assert not re.search(r"^\s*#error", text, re.M)
    assert not re.search(r"\\$", text, re.M)
    assert '"left"' in text
