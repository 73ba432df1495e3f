"""The boards command: its list, its search, its document."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from refinterp.cli.main import main

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "schema" / "boards.schema.json").read_text("utf-8")
)


def document(capsys, *words):
    """Run the command and return its document, checked against the schema."""
    assert main(["boards", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


def test_all_boards(capsys):
    """78 boards with their sources; the screen has a row for each."""
    found = document(capsys)
    assert len(found["boards"]) == 78
    assert all(board["sources"] for board in found["boards"])
    assert main(["boards"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verdict  78 boards are known")
    assert "wants a second look" in out


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("nano", "33", "ble"), ["Arduino Nano 33 BLE Sense"]),
        (("raspberry",), ["Raspberry Pi Pico", "Raspberry Pi Pico 2"]),
        (("cortex-m85",), ["Renesas EK-RA8D1", "Renesas EK-RA8M1"]),
        (("rp2350",), ["Raspberry Pi Pico 2"]),
        (("m85",), ["Renesas EK-RA8D1", "Renesas EK-RA8M1"]),
        (("teensy",), ["Teensy 4.1", "Teensy 4.0", "Teensy 3.6"]),
    ],
)
def test_a_search(words, names, capsys):
    """By name, maker, chip and core."""
    assert [board["name"] for board in document(capsys, *words)["boards"]] == names


def test_what_matches_is_said(capsys):
    """Where words were found; and that a chip without boards was taken for its core."""
    assert document(capsys, "stm32h7")["summary"]["verdict"] == (
        "6 boards match 'stm32h7': name, maker, chip or core has it"
    )
    found = document(capsys, "esp32", "pico")
    assert found["summary"]["verdict"] == (
        "no board is called 'esp32 pico', which is a chip or core with ESP32 (Xtensa LX6): "
        "2 boards have that core"
    )
    assert {board["core"] for board in found["boards"]} == {"esp32"}
    assert main(["boards", "esp32", "pico"]) == 0
    assert "with Xtensa LX6" in capsys.readouterr().out


def test_the_variable_names_a_file_too(capsys, tmp_path, monkeypatch):
    """It is read before the option's, which may change what it says; a wrong one is told."""
    paths = [tmp_path / f"{name}.json" for name in "ab"]
    for path, size in zip(paths, ("64K", "96K"), strict=True):
        rows = [{"name": "My board", "core": "m4", "ram": size, "flash": "1M"}]
        path.write_text(json.dumps({"boards": rows}), "utf-8")
    monkeypatch.setenv("REFINTERP_BOARDS", str(paths[0]))
    assert document(capsys, "my", "board")["boards"][0]["ram_bytes"] == 65536
    own = document(capsys, "my", "board", "--boards", str(paths[1]))["boards"][0]
    assert own["ram_bytes"] == 98304
    model = str(resources.files("refinterp") / "data" / "digits_int8.tflite")
    assert main(["fit", model, "--board", "my board", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ram_available_bytes"] == 65536
    assert main(["arena", model, "--board", "my board", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["board"] == "My board"
    monkeypatch.setenv("REFINTERP_BOARDS", str(tmp_path / "none.json"))
    assert main(["boards"]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_one_board_is_told_whole(capsys):
    """Memories, regions, sources, and why a figure wants a second look."""
    assert main(["boards", "portenta", "h7"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("verdict Arduino Portenta H7 (M7): STM32H747XI, 511.4 KiB RAM, 768.0 KiB")
    assert "AXISRAM 0x24000000 524288" in out
    assert "wants a second look: the flash" in out
    assert "source: platformio/platform-ststm32@018acc3" in out


def test_a_name_that_is_none(capsys):
    """Exit 2 and the name that was likely meant, also as a document."""
    assert main(["boards", "picco"]) == 2
    assert "did you mean Pico" in capsys.readouterr().err
    assert main(["boards", "zzzzqqq", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"


def test_boards_of_ones_own(capsys, tmp_path):
    """They are listed after the package's and marked."""
    row = {"name": "My board", "core": "cortex-m4", "ram": "64K"}
    (tmp_path / "own.json").write_text(json.dumps({"boards": [row]}), "utf-8")
    board = document(capsys, "my", "board", "--boards", str(tmp_path / "own.json"))["boards"][0]
    assert (board["own"], board["ram_bytes"], board["flash_bytes"]) == (True, 65536, None)
