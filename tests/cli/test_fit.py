"""The fit command: verdict, exit code, boards, its document, page and JUnit file."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT

DATA = resources.files("refinterp") / "data"
DIGITS, SHAPES = (str(DATA / f"{name}.tflite") for name in ("digits_int8", "shapes_int8"))
SCHEMA = json.loads((ROOT / "schema" / "fit.schema.json").read_text("utf-8"))


def document(capsys, *words, code=0):
    """Run the command and return its document, checked against the schema."""
    assert main(["fit", *words, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return found


def said(capsys, *words, code=0):
    """Run the command and return what it prints, blanks and line ends alike."""
    assert main(["fit", *words]) == code
    return " ".join(capsys.readouterr().out.split())


def unsupported(folder: Path) -> str:
    """A model with an operator that TFLM lacks."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4)), g.tensor("y", (1, 4))
    g.operator("GELU", [x], [y])
    save_model(g.build([y]), folder / "gelu.tflite")
    return str(folder / "gelu.tflite")


def test_the_verdict_is_the_first_line(capsys):
    """What it takes of what there is, where, and what is left."""
    out = said(capsys, DIGITS, "--board", "pico")
    assert out.startswith("verdict digits_int8.tflite on Raspberry Pi Pico fits: ")
    assert "B of flash for the application" in out


def test_the_stack_is_counted_and_labelled(capsys):
    """Of a build that was measured, of another, and where none is like it."""
    words = [DIGITS, "--ram", "256K", "--flash", "1M", "--tflm", "snapshot"]
    out = said(capsys, *words, "--target", "cortex-m4")
    assert "stack 1,280 B (measured on cm4_cmsis)" in out
    need = document(capsys, *words, "--target", "cortex-m4")
    assert need["stack"]["operator"] == "CONV_2D"
    assert need["stack_bytes"] == need["stack"]["bytes"] == 1280
    assert "B (estimate, up to 17 % too low)" in said(capsys, *words, "--target", "cortex-m33")
    out = said(capsys, *words, "--target", "x86-64")
    assert "stack not known and not counted" in out
    assert document(capsys, *words, "--target", "x86-64")["stack_bytes"] is None


def test_sizes_decide_to_the_byte(capsys):
    """A byte of RAM or flash less than is needed, and it does not fit; exit code 1."""
    need = document(capsys, DIGITS, "--ram", "256K", "--flash", "1M", "--target", "cortex-m3")
    assert need["asked"] == "cortex-m3"
    ram, flash = need["ram_bytes"], need["flash_bytes"]
    words = [DIGITS, "--target", "cortex-m3"]
    exact = document(capsys, *words, "--ram", str(ram), "--flash", str(flash))
    assert (exact["fits"], exact["ram_left_bytes"], exact["flash_left_bytes"]) == (True, 0, 0)
    less = document(capsys, *words, "--ram", str(ram - 1), "--flash", str(flash), code=1)
    assert (less["fits"], less["ram_left_bytes"]) == (False, -1)
    out = said(capsys, *words, "--ram", str(ram), "--flash", str(flash - 2), code=1)
    assert "does not fit: flash is 2 B too small" in out
    none = document(capsys, DIGITS, "--ram", "0", code=1)
    assert (none["fits"], none["ram_left_bytes"]) == (False, -ram_of_default(capsys))


def ram_of_default(capsys):
    """What the model needs on the core that stands where none is named."""
    return document(capsys, DIGITS, "--ram", "256K")["ram_bytes"]


def test_parts_add_up(capsys):
    """RAM, flash, the shares of operators and the code of kernels are sums of their parts."""
    one = document(capsys, SHAPES, "--ram", "1M", "--flash", "1M")
    assert one["arena_margin_bytes"] == 0
    assert one["ram_bytes"] == (
        one["arena_bytes"]
        + one["interpreter_ram_bytes"]
        + one["variables_bytes"]
        + one["stack_bytes"]
    )
    assert one["flash_bytes"] == one["model_bytes"] + one["code_bytes"]
    code = one["code"]
    assert one["code_bytes"] == code["interpreter_bytes"] + code["kernels_bytes"]
    alone = [operator["alone_bytes"] for operator in code["operators"]]
    assert max(alone) <= code["kernels_bytes"] <= sum(alone)
    assert all(op["own_bytes"] <= op["alone_bytes"] for op in code["operators"])
    assert 0 < sum(layer["constant_bytes"] for layer in one["layers"]) < one["model_bytes"]
    assert main(["arena", SHAPES, "--json"]) == 0
    ledger = json.loads(capsys.readouterr().out)["ledger"]
    kept = sum(e["bytes"] for e in ledger if e["section"] == "tail" and e["operator"] is not None)
    assert sum(layer["kept_bytes"] for layer in one["layers"]) == kept


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


def test_an_empty_name_of_hardware_is_none(capsys):
    """It does not mean every board."""
    for option in ("--target", "--board"):
        assert main(["fit", DIGITS, option, ""]) == 2
        assert "there is no " in capsys.readouterr().err


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


def test_words_of_several_models_are_plural(capsys):
    """Two models fit, one fits; where no memory was given the verdict says what is not known."""
    words = [DIGITS, SHAPES, "--flash", "512K", "--together", "shared"]
    out = said(capsys, *words, "--ram", "128K")
    assert "shapes_int8.tflite on cortex-m4 with 128.0 KiB RAM and 512.0 KiB flash fit: " in out
    assert "KiB flash do not fit: RAM is" in said(capsys, *words, "--ram", "16K", code=1)
    out = said(capsys, DIGITS, "--target", "m4")
    assert "on cortex-m4 fits, as far as is known: 7.8 KiB RAM, " in out
    assert "--ram 256K --flash 1M say how much there is" in out
    assert "--flash 1M says how much" in said(capsys, DIGITS, "--ram", "64K")


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


def test_what_tflm_does_not_run_does_not_fit(capsys, tmp_path):
    """Exit code 1, which operator and why; no arena follows."""
    path = unsupported(tmp_path)
    one = document(capsys, path, "--board", "pico", code=1)
    assert (one["fits"], one["arena_bytes"], one["ram_bytes"]) == (False, None, None)
    assert [row["op_name"] for row in one["unsupported"]] == ["GELU"]
    assert "TFLM does not run it: operator 0 (GELU): " in said(
        capsys, path, "--board", "pico", code=1
    )
    assert "fits 0 of 78 boards: TFLM does not run it" in said(capsys, path, code=1)


def test_all_boards_and_the_smallest(capsys):
    """One row for each; the smallest that will do come first. It is what no hardware means."""
    every = document(capsys, DIGITS, "--all-boards")
    assert len(every["results"]) == 78
    assert document(capsys, DIGITS) == every
    fitting = [row for row in every["results"] if row["fits"]]
    out = every["summary"]["verdict"]
    assert f"fits {len(fitting)} of 78 boards" in out
    known = [row for row in fitting if row["flash_available_bytes"]]
    least = min(known, key=lambda row: (row["ram_available_bytes"], row["flash_available_bytes"]))
    assert f"the smallest: {least['board']}" in out
    assert main(["fit", DIGITS, "--all-boards", "--target", "m4"]) == 2
    assert main(["fit", DIGITS, "--all-boards", "--ram", "1M"]) == 2
    assert main(["fit", DIGITS, "--all-boards", "--ram", "0"]) == 2
    assert main(["fit", DIGITS, "--board", "pico", "--target", "m4"]) == 2


def test_several_boards(capsys):
    """Exit code 1 where one of them is too small."""
    found = document(capsys, SHAPES, "--board", "pico", "--board", "bluepill_f103c8", code=1)
    assert [row["fits"] for row in found["results"]] == [True, False]
    assert found["fits"] is False
    assert "fits 1 of 2 boards; the smallest: Raspberry Pi Pico" in found["summary"]["verdict"]


def test_several_models_by_themselves_and_together(capsys):
    """In one arena they take less than in two; code that both need counts once."""
    words = [DIGITS, SHAPES, "--target", "cortex-m4", "--ram", "128K", "--flash", "512K"]
    found = document(capsys, *words)
    assert found["summary"]["verdict"].startswith("2 of 2 models fit cortex-m4 with 128.0 KiB RAM")
    shared, apart = found["together"]
    one, two = found["results"]
    assert (shared["arenas"], apart["arenas"]) == ("shared", "apart")
    assert apart["arena_bytes"] == one["arena_bytes"] + two["arena_bytes"]
    assert max(one["arena_bytes"], two["arena_bytes"]) < shared["arena_bytes"]
    assert shared["arena_bytes"] < apart["arena_bytes"]
    assert main(["arena", DIGITS, SHAPES, "--json"]) == 0
    both = json.loads(capsys.readouterr().out)["shared"]["minimum_arena_bytes"]
    assert shared["arena_bytes"] == both
    assert shared["code_bytes"] < one["code_bytes"] + two["code_bytes"]
    (hint,) = apart["suggestions"]
    assert hint["ram_gain_bytes"] == apart["ram_bytes"] - shared["ram_bytes"]
    tight = [*words[:-3], str(shared["ram_bytes"]), *words[-2:]]
    assert document(capsys, *tight, "--together", "shared")["fits"] is True
    assert document(capsys, *tight, "--together", "apart", code=1)["fits"] is False
    assert main(["fit", DIGITS, "--together", "shared"]) == 2


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


def test_the_page(capsys, tmp_path):
    """It has the verdict, the parts and the changes; among many boards a table of them."""
    one, every = tmp_path / "one.html", tmp_path / "every.html"
    assert main(["fit", SHAPES, "--board", "nano 33 ble", "--html", str(one)]) == 0
    assert main(["fit", SHAPES, "--all-boards", "--html", str(every)]) == 0
    capsys.readouterr()
    text = one.read_text("utf-8")
    for part in ("Flash of kernels", "Shares by operator", "RAM", "Arduino Nano 33 BLE Sense"):
        assert part in text
    assert "ST NUCLEO-L476RG" in every.read_text("utf-8")


def test_names_from_a_file_are_text(capsys, tmp_path):
    """An operator's name with signs of HTML, XML and terminals does nothing anywhere."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4)), g.tensor("y", (1, 4))
    g.operator("<script>\x1b[31m\udc80", [x], [y], custom_options=b"")
    path = tmp_path / "odd<i>.tflite"
    save_model(g.build([y]), path)
    page, xml = tmp_path / "p.html", tmp_path / "j.xml"
    words = ["fit", str(path), "--board", "pico", "--html", str(page), "--junit", str(xml)]
    assert main(words) == 1
    assert "\x1b" not in capsys.readouterr().out
    assert "<script>\\x1b" not in page.read_text("utf-8")
    assert ElementTree.parse(xml).getroot().attrib["failures"] == "1"


def test_a_file_that_is_no_model(capsys, tmp_path):
    """Exit code 2, and the document of an error."""
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    assert main(["fit", str(tmp_path / "no.tflite"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "model"


@pytest.mark.parametrize("tflm", ["wheel-20261023"])
def test_builds_that_boards_cannot_have(tflm, capsys):
    """The wheel is for a PC: no board has it."""
    assert main(["fit", DIGITS, "--all-boards", "--tflm", tflm]) == 2
    assert "no board has" in capsys.readouterr().err
    one = document(capsys, DIGITS, "--tflm", tflm, "--target", "x86-64", "--ram", "1M")
    assert one["code"]["provenance"] == "estimate"
