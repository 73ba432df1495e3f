"""The fit command: verdict, exit code, boards, its document, page and JUnit file."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import jsonschema

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


def test_an_estimate_that_leaves_too_little_says_so(capsys):
    """What is left is held against the errors of the estimates; a build's own figures have none."""
    asked = [DIGITS, "--target", "cortex-m4", "--tflm", "chirale-2.0.0"]
    need = document(capsys, *asked, "--ram", "1M", "--flash", "4M")
    sizes = ["--ram", str(need["ram_bytes"]), "--flash", str(need["flash_bytes"])]
    out = said(capsys, *asked, *sizes)
    assert "fits, but an estimate may be off by more than the RAM and flash left: " in out
    assert "may be off by more" not in said(capsys, *asked, "--ram", "1M", "--flash", "4M")


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


def test_an_empty_name_of_hardware_is_none(capsys):
    """It does not mean every board."""
    for option in ("--target", "--board"):
        assert main(["fit", DIGITS, option, ""]) == 2
        assert "there is no " in capsys.readouterr().err


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
