"""The fit command: builds and memories in doubt, the table, the JUnit file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from refinterp.cli.main import main
from tests.cli.test_fit import DIGITS, SHAPES, document, said


def test_zephyr_boards_count_what_zephyrs_build_files_make(capsys):
    """A board's arena is theirs; asked for by name, the measured one has a margin in the RAM."""
    words = [DIGITS, "--board", "nrf52840 dk"]
    board = document(capsys, *words)
    assert (board["tflm"], board["arena_margin_bytes"]) == ("zephyr-build", 0)
    known = document(capsys, *words, "--tflm", "zephyr")
    assert known["arena_bytes"] + known["arena_margin_bytes"] == board["arena_bytes"]
    assert known["arena_margin_bytes"] > 0
    assert known["ram_bytes"] == (
        known["arena_bytes"] + known["arena_margin_bytes"] + known["interpreter_ram_bytes"]
        + known["variables_bytes"] + known["stack_bytes"]
    )  # fmt: skip
    tight = [*words, "--tflm", "zephyr", "--ram", str(known["ram_bytes"] - 1)]
    assert document(capsys, *tight, code=1)["ram_left_bytes"] == -1
    assert "TF_LITE_STATIC_MEMORY undefined" in said(capsys, *words, "--tflm", "zephyr")
    both = document(capsys, DIGITS, SHAPES, "--ram", "1M", "--tflm", "zephyr")["together"]
    others = document(capsys, DIGITS, SHAPES, "--ram", "1M", "--tflm", "zephyr-build")["together"]
    for one, other in zip(both, others, strict=True):
        assert one["arena_bytes"] + one["arena_margin_bytes"] == other["arena_bytes"]


@pytest.mark.parametrize("option", ["--html", "--junit"])
@pytest.mark.parametrize("path", ["", "-"])
def test_a_result_is_written_to_a_file(option, path, capsys, tmp_path, monkeypatch):
    """Standard output has the answer; an empty name is not silently nothing."""
    monkeypatch.chdir(tmp_path)
    assert main(["fit", DIGITS, "--board", "pico", option, path]) == 2
    assert f"argument {option}: {path!r} is no file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_memories_that_want_a_second_look_are_marked(capsys):
    """In the table and the document, where boards are many; of one board the reason is told."""
    boards = ["--board", "portenta h7", "--board", "pico"]
    portenta, pico = document(capsys, DIGITS, *boards)["results"]
    assert "one of two banks" in portenta["memory_second_look"]
    assert pico["memory_second_look"] is None
    out = said(capsys, DIGITS, *boards)
    assert "KiB* " in out
    assert "*: wants a second look" in out
    assert "one of two banks" in said(capsys, DIGITS, "--board", "portenta h7")
    assert "second look" not in said(capsys, DIGITS, "--board", "pico", "--board", "esp32-cam")


@pytest.mark.parametrize("width", ["50", "80", "200"])
def test_the_table_keeps_to_the_screen(width, capsys, monkeypatch):
    """No line is wider, no name of a build is divided, every board has its row."""
    monkeypatch.setenv("COLUMNS", width)
    assert main(["fit", DIGITS]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= int(width) for line in out.splitlines())
    for name in ("chirale-2.0.0", "esp-tflite-micro", "pico-tflmicro", "zephyr-build"):
        assert name in out
    assert "ms (estimate)" in " ".join(out.split())
    every = document(capsys, DIGITS)["results"]
    flat = " ".join(out.split())
    if width != "80":  # there names are folded into their column
        assert all(row["board"] in flat for row in every)


def test_junit_has_a_case_for_each(capsys, tmp_path):
    """What does not fit is a failure, with the reason."""
    path = tmp_path / "fit.xml"
    words = [DIGITS, SHAPES, "--board", "pico", "--board", "bluepill_f103c8"]
    assert main(["fit", *words, "--junit", str(path)]) == 1
    capsys.readouterr()
    suite = ElementTree.parse(path).getroot()[0]
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert int(suite.attrib["tests"]) == len(cases) == 8
    assert int(suite.attrib["failures"]) == len(failed) > 0
    assert any("shapes_int8.tflite on Blue Pill F103C8" in c.attrib["name"] for c in failed)
    assert "too small" in failed[0][0].attrib["message"]


@pytest.mark.parametrize(
    ("words", "code", "failures"),
    [
        (["--ram", "32K", "--flash", "256K"], 0, 0),  # apart they do not fit, which was not asked
        (["--ram", "32K", "--flash", "256K", "--together", "apart"], 1, 1),
        (["--ram", "32K", "--flash", "256K", "--together", "shared"], 0, 0),
        (["--all-boards"], 0, 0),
        (["--ram", "4K", "--flash", "256K"], 1, 2),
    ],
)
def test_junit_fails_where_the_exit_code_does(words, code, failures, capsys, tmp_path):
    """Other cases that do not fit are skipped, with the reason; no two have one name."""
    path, twin = tmp_path / "fit.xml", tmp_path / "digits_int8.tflite"
    twin.write_bytes(Path(DIGITS).read_bytes())
    for models in ([DIGITS, SHAPES], [DIGITS, str(twin)]):
        found = main(["fit", *models, *words, "--junit", str(path)])
        assert models[1] != SHAPES or found == code
        suite = ElementTree.parse(path).getroot()[0]
        cases = suite.findall("testcase")
        names = [case.attrib["name"] for case in cases]
        assert len(set(names)) == len(names) == int(suite.attrib["tests"])
        counted = {kind: sum(case.find(kind) is not None for case in cases)
                   for kind in ("failure", "skipped")}  # fmt: skip
        assert counted["failure"] == int(suite.attrib["failures"])
        assert counted["skipped"] == int(suite.attrib["skipped"])
        assert (counted["failure"] > 0) == (found == 1)
        if models[1] == SHAPES:
            assert counted["failure"] == failures
    capsys.readouterr()


@pytest.mark.parametrize("tflm", ["wheel-20261023"])
def test_builds_that_boards_cannot_have(tflm, capsys):
    """The wheel is for a PC: no board has it."""
    assert main(["fit", DIGITS, "--all-boards", "--tflm", tflm]) == 2
    assert "no board has" in capsys.readouterr().err
    one = document(capsys, DIGITS, "--tflm", tflm, "--target", "x86-64", "--ram", "1M")
    assert one["code"]["provenance"] == "estimate"
