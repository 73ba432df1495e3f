"""`export --for micropython`: what is written and said, and what cannot be a module."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from conformance.micropython.port import ARCHITECTURES, PortError, compiled, run_script
from refinterp.cli.main import main
from refinterp.export.micropython.weights_file import checksum
from refinterp.graph.build import GraphBuilder
from refinterp.graph.spec import TensorSpec
from refinterp.modelfile.writer import save_model
from refinterp.samples.convert import quantize
from tests.corpus import ROOT
from tests.export.port_of_micropython import needs_cross, needs_micropython

DIGITS = ROOT / "refinterp" / "data" / "digits_int8.tflite"
SAMPLES = ROOT / "refinterp" / "data" / "digits_samples.npz"
SCHEMA = json.loads((ROOT / "schema" / "export-micropython.schema.json").read_text("utf-8"))


def export(to: Path, *words: str, model: Path | str = DIGITS) -> int:
    """Export a model as a module."""
    return main(["export", str(model), "--for", "micropython", "--to", str(to), *words])


def script(folder: Path, *lines: str) -> str:
    """Run lines under MicroPython with a folder on its path."""
    return run_script(
        "\n".join(["import sys", f"sys.path.insert(0, {str(folder)!r})", *lines]), folder
    )


@pytest.mark.parametrize("weights", ["file", "module"])
@pytest.mark.parametrize("flavour", ["tflm", "litert-reference"])
def test_document_keeps_to_its_schema(tmp_path, capsys, flavour, weights):
    """Files with their digests; the heap is the sum of its terms."""
    to = tmp_path / "out"
    assert export(to, "--json", "--flavour", flavour, "--weights", weights) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    assert next(iter(document)) == "schema_version"
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in to.iterdir()}
    assert {row["path"]: row["sha256"] for row in document["files"]} == found
    total = sum(term["bytes"] for term in document["heap_terms"])
    assert 0 <= document["heap_bytes"] - total < 16
    assert ("digits_int8.bin" in found) == (weights == "file")


def test_the_answer_begins_with_the_heap(tmp_path, capsys):
    """In the first line, and in the README."""
    assert export(tmp_path / "out", "--name", "net") == 0
    first = " ".join(capsys.readouterr().out.split())
    assert first.startswith("verdict digits_int8.tflite: net.py in")
    said = first.split("heap at most ")[1].split(" ")[0]
    assert f"**{said} bytes**" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_a_heap_that_is_too_small(tmp_path, capsys):
    """Exit code 1, and what would make it fit; with --json as well."""
    assert export(tmp_path / "a", "--heap", "4K") == 1
    said = capsys.readouterr()
    assert "over the 4,096 asked for" in " ".join(said.out.split())
    assert export(tmp_path / "b", "--heap", "19K", "--weights", "module", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["fits"] is False
    assert any("--weights file" in one and "makes it fit" in one for one in document["suggestions"])
    assert export(tmp_path / "c", "--heap", "100K", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["fits"] is True
    assert document["suggestions"] == []


def test_the_same_bytes_again(tmp_path):
    """In another process and order of sets."""
    seen = []
    for seed in ("0", "1"):
        to = tmp_path / f"out{seed}"
        done = subprocess.run(
            [
                sys.executable, "-m", "refinterp", "export", str(DIGITS), "--for", "micropython",
                "--to", str(to),
            ],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        seen.append({p.name: p.read_bytes() for p in sorted(to.iterdir())})
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "words",
    [
        ("--for", "micropython", "--kernels", "reference"),
        ("--for", "micropython", "--board", "pico"),
        ("--for", "tflm", "--flavour", "tflm"),
        ("--for", "zephyr", "--heap", "9K"),
    ],
)
def test_options_of_other_layouts(tmp_path, capsys, words):
    """They are refused, not ignored."""
    assert main(["export", str(DIGITS), "--to", str(tmp_path / "out"), *words]) == 2
    assert words[2] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["time", "array", "main", "1x", "a b", "class", "", "é", "x" * 49])
def test_names_that_no_module_can_have(tmp_path, capsys, name):
    """Also those that would hide a module of MicroPython."""
    assert export(tmp_path / "out", "--name", name) == 2
    assert "--name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "bears"),
    [
        ("time.tflite", "time_model"),
        ("9-a.tflite", "m_9_a"),
        ("日.tflite", "exported_model"),
    ],
)
def test_names_of_files(tmp_path, file, bears):
    """They are made into names of modules."""
    (tmp_path / file).write_bytes(DIGITS.read_bytes())
    assert export(tmp_path / "out", model=tmp_path / file) == 0
    assert (tmp_path / "out" / f"{bears}.py").exists()


def test_all_reasons_at_once(tmp_path, capsys):
    """Every operator that there is no kernel for, and an end that is no codes."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    a = g.tensor("a", (1, 4), "int8", scale=0.5)
    b = g.tensor("b", (1, 4), "int8", scale=1 / 16, zero_point=127)
    y = g.tensor("y", (1, 4), "int16", scale=0.5)
    g.operator("MAXIMUM", [x, x], [a])
    g.operator("LOG_SOFTMAX", [a], [b], {})
    g.operator("QUANTIZE", [b], [y])
    save_model(g.build(outputs=[y]), str(tmp_path / "m.tflite"))
    assert export(tmp_path / "out", model=tmp_path / "m.tflite") == 2
    said = capsys.readouterr().err
    assert "operators[1] (LOG_SOFTMAX)" in said
    assert "operators[2] (QUANTIZE)" in said
    assert "output 0 'y': it is int16" in said
    assert not (tmp_path / "out").exists()


def test_uint8_is_refused(tmp_path, capsys):
    """With the reason."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "uint8", scale=0.5, zero_point=3)
    y = g.tensor("y", (1, 4), "uint8", scale=0.5, zero_point=3)
    g.operator("RELU", [x], [y])
    save_model(g.build(outputs=[y]), str(tmp_path / "m.tflite"))
    assert export(tmp_path / "out", model=tmp_path / "m.tflite") == 2
    assert "it is uint8; int8 is needed" in capsys.readouterr().err


def test_a_checksum_sees_any_one_byte():
    """Each of a file's bytes, changed in each of its bits; the sum is that of its definition."""
    data = bytes(range(7, 250, 3))
    slow = 1
    for byte in data:
        slow = (slow * 33 + byte) % 2**30
    assert checksum(data) == slow
    long = np.random.default_rng(1).integers(0, 256, 9001, np.uint8).tobytes()
    slow = 1
    for byte in long:
        slow = (slow * 33 + byte) % 2**30
    assert checksum(long) == slow
    for at in range(len(data)):
        for bit in range(8):
            other = bytearray(data)
            other[at] ^= 1 << bit
            assert checksum(bytes(other)) != checksum(data)


@needs_micropython
def test_the_check_module_checks(tmp_path, capsys):
    """Right as written; where a byte of what is expected is another, it raises."""
    to = tmp_path / "out"
    assert export(to, "--name", "net", "--data", str(SAMPLES)) == 0
    capsys.readouterr()
    assert "net: 4 samples, 0 differ" in script(to, "import net_check")
    text = (to / "net_check.py").read_text("utf-8")
    before, after = text.split("OUTPUTS = (\n    b")
    broken = before + "OUTPUTS = (\n    b" + after.replace("\\x80", "\\x81", 1)
    assert broken != text
    (to / "net_check.py").write_text(broken, "utf-8")
    with pytest.raises(PortError, match="1 differ"):
        script(to, "import net_check")


@needs_micropython
def test_what_users_of_a_module_can_get_wrong(tmp_path, capsys):
    """Lengths and counts are ValueErrors with both numbers; files are OSErrors that name them."""
    to = tmp_path / "out"
    assert export(to, "--name", "net") == 0
    capsys.readouterr()
    said = script(
        to,
        "import net",
        "m = net.Model()",
        "for x in (bytes(63), bytes(65), b''):",
        "    try:",
        "        m.run(x)",
        "    except ValueError as e:",
        "        print(e)",
    )
    assert said.splitlines() == [f"the input has 64 codes, not {n}" for n in (63, 65, 0)]
    whole = (to / "net.bin").read_bytes()
    for wrong in (whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1]), b"", None):
        (to / "net.bin").unlink()
        if wrong is not None:
            (to / "net.bin").write_bytes(wrong)
        with pytest.raises(PortError, match=r"OSError: .*net\.bin"):
            script(to, "import net", "net.Model()")
        (to / "net.bin").write_bytes(whole)


@needs_micropython
def test_numbers_codes_and_the_largest(tmp_path, capsys):
    """Quantize and dequantize as our own; the same array at every run; pixels as they are."""
    to = tmp_path / "out"
    assert export(to, "--name", "net") == 0
    capsys.readouterr()
    said = script(
        to,
        "import net",
        "m = net.Model()",
        "print(m.input.shape, m.output.zero_point, len(m.inputs))",
        "print(list(m.quantize([0.0, 1.0, 0.5, -3.0, 9.0, 0.001])))",
        "y = m.run(bytes(64))",
        "a = list(y)",
        "z = m.run_image(bytes([128] * 64))",
        "print(y is z, a == list(z), len(m.dequantize(y)))",
        "top = m.top(3)",
        "print([i for i, _ in top])",
        "print(len(m.top(99)))",
        "print(a)",
    )
    *said_first, indices, count, codes = said.splitlines()
    wanted = sorted(range(10), key=lambda i: -json.loads(codes)[i])[:3]
    assert json.loads(indices) == wanted
    assert count == "10"
    reals = np.array([0.0, 1.0, 0.5, -3.0, 9.0, 0.001], np.float32)
    spec = TensorSpec.of("x", (6,), "int8", 0.00392156885936856, -128)
    assert said_first == [
        "(1, 8, 8, 1) -128 1", str(quantize(reals, spec).tolist()), "True True 10",
    ]  # fmt: skip


@needs_cross
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_modules_compile_for_boards(tmp_path, capsys, architecture):
    """For each processor; constants of more than 30 bits would be objects there."""
    to = tmp_path / "out"
    for flavour in ("tflm", "litert-reference"):
        assert export(to, "--name", "net", "--flavour", flavour, "--force") == 0
        assert compiled(to / "net.py", architecture) == ""
    assert compiled(to / "net_check.py", architecture) == ""
    capsys.readouterr()
