"""Every measured model on boards of every kind: verdict and bytes against TFLM's own figures."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.runtimes import Ran, Runtime, open_runtime, unavailable
from tests.corpus import ROOT, corpus

SCHEMA = json.loads((ROOT / "schema" / "fit.schema.json").read_text("utf-8"))
BOARDS = {
    "ST NUCLEO-F401RE": "cm4_cmsis",
    "ST NUCLEO-L432KC": "cm4_cmsis",
    "ST NUCLEO-G474RE": "cm4_cmsis",
    "ST NUCLEO-WL55JC": "cm4_cmsis",
    "ST STM32F746G-DISCO": "cm4_cmsis",
    "ST NUCLEO-U575ZI-Q": "cm4_cmsis",
    "ST NUCLEO-F103RB": "cm3_cmsis",
    "ST NUCLEO-L152RE": "cm3_cmsis",
    "ST NUCLEO-G071RB": "cm3_cmsis",
    "Renesas EK-RA8D1": "cm55_cmsis",
    "Ambiq Apollo510 EVB": "cm55_cmsis",
    "Ambiq Apollo3 Blue EVB": "cm4_cmsis",
}
"""Board → the build of TFLM that its figures were measured on."""
OWN = 2500
"""More than all that TFLM and the C library have outside of the arena takes in RAM."""


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and its document, checked against the schema."""
    code = main(["fit", *words, "--json"])
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return code, found


@cache
def measured() -> dict[str, dict[str, Any]]:
    """TFLM's own figures, by build and model."""
    found: dict[str, dict[str, Any]] = json.loads((corpus() / "tflm_arena.json").read_text("utf-8"))
    return found


@cache
def memories() -> dict[str, tuple[int, int]]:
    """RAM and flash for one program, by board."""
    with (corpus() / "boards.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        row["board"]: (
            min(int(row[c]) for c in ("sram_bytes_largest_contiguous", "pio_max_ram") if row[c]),
            min([int(row[c]) for c in ("flash_bytes", "flash_pio_max") if row[c]], default=0),
        )
        for row in rows
    }


def models() -> list[str]:
    """The names of all models."""
    folder = corpus() / "models"
    return sorted(path.name for path in folder.glob("*.tflite"))


def test_every_model_on_every_board(capsys):
    """The arena is TFLM's to the byte, sums are sums, and the verdict is about them."""
    names = models()
    assert len(names) >= 20
    paths = [str(corpus() / "models" / name) for name in names]
    words = [word for board in BOARDS for word in ("--board", board)]
    _, found = document(capsys, *paths, *words, "--tflm", "snapshot")
    assert len(found["results"]) == len(names) * len(BOARDS)
    for one in found["results"]:
        name = Path(one["model"]).name
        truth = measured()[BOARDS[one["board"]]].get(name)
        ram, flash = memories()[one["board"]]
        assert (one["ram_available_bytes"], one["flash_available_bytes"]) == (ram, flash or None)
        assert one["model_bytes"] == Path(one["model"]).stat().st_size
        assert one["flash_bytes"] == one["model_bytes"] + one["code_bytes"]
        if truth is None:  # not measured: too large for the emulated boards
            assert name.startswith("mobilenet_v2")
            continue
        if "error" in truth:
            assert one["unsupported"]
            assert not one["fits"]
            continue
        assert one["arena_bytes"] == truth["min_arena_mult16"], (name, one["board"])
        rest = one["interpreter_ram_bytes"] + one["variables_bytes"]
        assert one["ram_bytes"] == one["arena_bytes"] + rest + one["stack_bytes"]
        assert 272 <= one["stack_bytes"] < 2048  # the interpreter alone; the deepest LSTM is 1,520
        assert 200 < rest < OWN
        assert one["fits"] == (one["ram_bytes"] <= ram and one["flash_bytes"] <= flash)
        assert not one["unsupported"]


@pytest.fixture(scope="module")
def wheel() -> Iterator[Runtime]:
    """TFLM's wheel in a process of its own."""
    if reason := unavailable("runtime:tflm"):
        pytest.skip(reason)
    with open_runtime("runtime:tflm") as runtime:
        yield runtime


def outputs(wheel: Runtime, file: bytes) -> list[bytes]:
    """What the wheel computes for a few random samples."""
    loaded = wheel.run(file)
    assert isinstance(loaded, Ran), loaded
    rng = np.random.default_rng(7)
    samples = []
    for _ in range(3):
        sample = []
        for index in loaded.inputs:
            one = loaded.details[index]
            if one.dtype.kind == "f":
                sample.append(rng.uniform(-1, 1, one.shape).astype(one.dtype))
            else:
                sample.append(rng.integers(-128, 128, one.shape).astype(one.dtype))
        samples.append(sample)
    ran = wheel.run(file, samples)
    assert isinstance(ran, Ran), ran
    return [array.tobytes() for sample in ran.outputs for array in sample]


@pytest.mark.parametrize("board", ["ST NUCLEO-F401RE", "Renesas EK-RA8D1"])
def test_commands_that_are_suggested_do_what_they_promise(
    board, capsys, tmp_path, monkeypatch, wheel
):
    """Applied, each gives the bytes it named; the wheel runs the result to the same outputs."""
    monkeypatch.chdir(tmp_path)
    done = 0
    for name in models():
        path = str(corpus() / "models" / name)
        _, before = document(capsys, path, "--board", board, "--tflm", "snapshot")
        for one in before["suggestions"]:
            assert one["ram_bytes"] == before["ram_bytes"] - one["ram_gain_bytes"]
            assert one["flash_bytes"] == before["flash_bytes"] - one["flash_gain_bytes"]
            if one["command"] is None:
                assert one["id"] in ("integer_ends", "drop_dead_channels", "smaller_input")
                continue
            program, *command = shlex.split(one["command"])
            assert program == "refinterp"
            if command[0] == "fit":
                _, after = document(capsys, *command[1:])
            else:
                assert main(command) == 0
                capsys.readouterr()
                output = command[command.index("-o") + 1]
                _, after = document(capsys, output, "--board", board, "--tflm", "snapshot")
                assert not one["changes_outputs"]
                new, old = Path(output).read_bytes(), Path(path).read_bytes()
                assert outputs(wheel, new) == outputs(wheel, old)
            for field in ("arena_bytes", "ram_bytes"):  # a longer search may find more
                assert after[field] <= one[field], (name, one["id"], field)
            assert (after["flash_bytes"], after["fits"]) == (one["flash_bytes"], one["fits"])
            done += 1
    assert done >= 5
