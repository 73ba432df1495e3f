"""The table of hardware: names, the figures of its sources, files of users."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import pytest

from refinterp.boards.choice import choose, on_board
from refinterp.boards.hardware import plain
from refinterp.boards.reading import hardware, known
from refinterp.boards.sizes import byte_count
from refinterp.errors import UsageError
from refinterp.tflm.targets import TARGETS
from tests.corpus import corpus

TABLE = known()


def _rows() -> list[dict[str, str]]:
    with (corpus() / "boards.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_figure_is_that_of_its_source():
    """The table says what the collected facts say, blanks included, and names the sources."""
    rows = _rows()
    assert [row["board"] for row in rows] == [board.name for board in TABLE.boards]
    for row, board in zip(rows, TABLE.boards, strict=True):
        told = (
            board.vendor, board.chip, board.core_as_sold, board.clock_mhz,
            board.ram_contiguous_bytes, board.ram_total_bytes, board.ram_framework_bytes,
            board.flash_chip_bytes, board.flash_framework_bytes, board.fpu, board.dsp, board.mve,
            board.features_source, " | ".join(board.sources), "; ".join(board.ram_regions),
        )  # fmt: skip
        figures = (
            "clock_mhz", "sram_bytes_largest_contiguous", "sram_bytes_total", "pio_max_ram",
            "flash_bytes", "flash_pio_max",
        )  # fmt: skip
        clock, contiguous, whole, ram, flash, left = (
            int(row[name] or 0) or None for name in figures
        )
        assert told == (
            row["vendor"], row["mcu"], row["core"], clock, contiguous, whole, ram, flash, left,
            row["fpu"] or None, row["dsp"] or None, row["mve"] or None,
            row["feature_source"] or None, row["source"], row["sram_regions"],
        ), board.name  # fmt: skip


def test_a_boards_core_is_that_of_its_chip():
    """Where a family's name begins a chip's name, both have the same core."""
    for board in TABLE.boards:
        if any(plain(board.chip).startswith(chip.begins) for chip in TABLE.chips):
            assert TABLE.core(board.chip).name == board.core, board.name
        sold = re.fullmatch(r"Cortex-(M\d+)(\+?)F?", board.core_as_sold)
        if sold:
            assert board.core == f"cortex-{sold[1].lower()}{'plus' * bool(sold[2])}"


def test_names_are_of_one_thing():
    """No two boards share a name, no two cores; every target is the name of a core."""
    names = [{plain(name) for name in board.names} for board in TABLE.boards]
    assert sum(map(len, names)) == len(set().union(*names))
    cores = [{plain(name) for name in core.names} for core in TABLE.cores]
    assert sum(map(len, cores)) == len(set().union(*cores))
    assert {core.name for core in TABLE.cores} >= TARGETS.keys()
    for core in TABLE.cores:
        assert choose(TABLE, target=core.name).profile.target.name == core.target


@pytest.mark.parametrize("board", TABLE.boards, ids=lambda board: board.name)
def test_every_board_has_a_build(board):
    """A board is found by each of its names, and what stands for it is derived or measured."""
    for name in board.names:
        for typed in (name, name.upper(), name.replace(" ", "-"), name.replace("-", "")):
            assert TABLE.board(typed) is board
    build = on_board(TABLE, board).profile
    assert build.target.name == TABLE.core_called(board.core).target
    assert build.core in ("", board.core)
    assert (board.ram_bytes or 1) <= (board.ram_contiguous_bytes or 1 << 40)


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("arduino nano 33 ble", "Arduino Nano 33 BLE Sense"),
        ("nano33ble", "Arduino Nano 33 BLE Sense"),
        ("pico", "Raspberry Pi Pico"),
        ("Pico-2", "Raspberry Pi Pico 2"),
        ("teensy 4.1", "Teensy 4.1"),
        ("RP2350", "Raspberry Pi Pico 2"),
        ("esp32s3-devkitc-1", None),
        ("NUCLEO-F746ZG", "ST NUCLEO-F746ZG"),
        ("IMXRT1062", None),
        ("xyzzy", None),
        ("", None),
        ("!", None),
    ],
)
def test_a_board_by_what_people_write(name, board):
    """A chip means its board where there is one kind; what is ambiguous or none is refused."""
    if board is None and not name.startswith("esp32"):
        with pytest.raises(UsageError):
            TABLE.board(name)
    else:
        assert TABLE.board(name).name == (board or "Espressif ESP32-S3-DevKitC-1")


def test_a_chip_with_boards_that_differ_lists_them():
    """The two Teensys have other flash: the message names both."""
    with pytest.raises(UsageError, match=r"Teensy 4.1, Teensy 4.0; name one"):
        TABLE.board("imxrt1062")


def test_what_wants_a_second_look_is_marked():
    """Flash in two banks, the boards of two cores, and the chip without flash."""
    marked = {board.name for board in TABLE.boards if board.second_look}
    two_cores = {"Arduino Portenta H7 (M7)", "Arduino GIGA R1 (M7)", "Arduino Nicla Vision (M7)"}
    assert two_cores < marked
    assert "ST STM32N6570-DK" in marked
    assert TABLE.board("STM32N6570-DK").flash_bytes is None


def _own(tmp_path, value: object) -> str:
    path = tmp_path / "own.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(path)


def test_users_add_and_change_boards_chips_and_cores(tmp_path):
    """A new core, a family of chips on it, a board on that, and a board that replaces one."""
    path = _own(
        tmp_path,
        {
            "cores": [{"name": "my-core", "target": "generic-32", "kernels": "reference"}],
            "chips": [{"begins": "My-Chip", "core": "my-core"}],
            "boards": [
                {"name": "Mine", "core": "my-core", "ram": "256K", "flash": 1000000},
                {"name": "raspberry pi pico", "core": "cortex-m0plus", "ram": "128K"},
            ],
        },
    )
    table = hardware([path])
    assert table.core("my chip 7").name == "my-core"
    mine = table.board("mine")
    assert (mine.ram_bytes, mine.flash_bytes, mine.own) == (262144, 1000000, True)
    assert table.board("Raspberry Pi Pico").ram_bytes == 131072
    assert len(table.boards) == len(TABLE.boards) + 1
    assert choose(table, board="mine").profile.provenance == "derived, not measured"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no json", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ([], "must be an object"),
        ({"board": []}, "has 'board'; allowed: about, cores, chips, boards"),
        ({"boards": {}}, "boards must be a list"),
        ({"boards": [7]}, r"boards\[0\]: must be an object; is 7"),
        ({"boards": [{"name": "x"}]}, r"boards\[0\]: has no 'core'"),
        ({"boards": [{"name": "?", "core": "cortex-m4"}]}, "must have a letter or digit"),
        ({"boards": [{"name": "x", "core": "m99"}]}, "core is 'm99'; allowed: cortex-m0, "),
        (
            {"boards": [{"name": "x", "core": "cortx-m4"}]},
            r"did you mean cortex-m4 or .*\? Allowed",
        ),
        (
            {"chips": [{"begins": "x1", "core": "m4x"}]},
            "chips 'x1': core is 'm4x'; did you mean m4",
        ),
        (
            {"boards": [{"name": "x", "core": "m4"}, {"name": "X!", "core": "m7"}]},
            r"boards\[1\]: 'X!' names boards\[0\] too",
        ),
        (
            {
                "boards": [
                    {"name": "x", "core": "m4", "also": ["z"]},
                    {"name": "y", "core": "m4", "also": ["Z"]},
                ]
            },
            "'Z' names boards",
        ),
        (
            {"chips": [{"begins": "abc", "core": "m4"}, {"begins": "A-bc", "core": "m7"}]},
            r"chips\[1\]: 'abc' names chips\[0\] too",
        ),
        (
            {"cores": [{"name": "k", "target": "cortex-m4"}, {"name": "K", "target": "x86-64"}]},
            r"cores\[1\]: 'K' names cores\[0\] too",
        ),
        ('{"boards": [{"name": "x", "name": "y", "core": "m4"}]}', "an object has 'name' twice"),
        (
            {"boards": [{"name": "x", "core": "m4", "ram": 1, "ram_contiguous_bytes": 2}]},
            "has 'ram_contiguous_bytes' and 'ram'; give one",
        ),
        ({"boards": [{"name": "x", "core": "m4", "tflm": "zephir"}]}, "did you mean zephyr"),
        (
            {"boards": [{"name": "x", "core": "m4", "tflm": "esp-tflite-micro"}]},
            "esp-tflite-micro is not built for cortex-m4",
        ),
        ({"boards": [{"name": "x", "core": "m4", "ram": "16KB"}]}, "16,000 or 16,384; write"),
        ({"boards": [{"name": 1, "core": "cortex-m4"}]}, r"boards\[0\].name: must be a text; is 1"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": "9Q"}]}, r"ram: '9Q' is no number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": -1}]}, "positive whole number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "ram": True}]}, "positive whole number"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "also": "y"}]}, "must be a list of texts"),
        ({"boards": [{"name": "x", "core": "cortex-m4", "sram": 1}]}, "has 'sram'; allowed: name"),
        ({"cores": [{"name": "x", "target": "avr"}]}, "target is 'avr'; allowed: cortex-m4"),
        ({"cores": [{"name": "x", "target": "x86-64", "kernels": "k"}]}, "kernels is 'k'; allowed"),
    ],
)
def test_a_file_that_is_wrong_is_told_where(value, said, tmp_path):
    """The file, the place in it, what was found and what is allowed."""
    with pytest.raises(UsageError, match=said) as told:
        hardware([_own(tmp_path, value)])
    assert "own.json" in str(told.value)


def test_a_file_that_is_not_there(tmp_path):
    """It is named."""
    with pytest.raises(UsageError, match=r"none\.json: cannot be read"):
        hardware([str(tmp_path / "none.json")])
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        hardware([str(tmp_path / "b.json")])


@pytest.mark.parametrize(
    ("typed", "core"),
    [("m4", "cortex-m4"), ("M4F", "cortex-m4"), ("Cortex M0+", "cortex-m0plus"),
     ("STM32H743", "cortex-m7"), ("esp32s3", "esp32-s3"), ("mine", "mine")],
)  # fmt: skip
def test_a_file_takes_the_names_of_cores_that_the_option_takes(typed, core, tmp_path):
    """Aliases and chips, and cores of the same file; what is listed is the canonical name."""
    value = {
        "cores": [{"name": "mine", "target": "cortex-m55"}],
        "boards": [{"name": "own board", "core": typed}],
    }
    table = hardware([_own(tmp_path, value)])
    assert table.board("own board").core == core
    assert choose(table, target=typed).core == table.core_called(core)


def test_an_alias_of_ones_own_comes_before_the_tables(tmp_path):
    """A core of one's own that is called m4 is meant by m4."""
    mine = {"name": "fast", "target": "cortex-m55", "also": ["m4"]}
    assert hardware([_own(tmp_path, {"cores": [mine]})]).core("m4").name == "fast"


def test_a_board_of_ones_own_has_the_tflm_that_it_says(tmp_path):
    """The distribution's build, not the snapshot's."""
    row = {"name": "own board", "core": "m33", "tflm": "zephyr-build"}
    found = choose(hardware([_own(tmp_path, {"boards": [row]})]), board="own board").profile
    assert (found.tflm.name, found.core, found.kernels.name) == (
        "zephyr-build", "cortex-m33", "cmsis-nn",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nope", "there is no board 'nope'. 78 boards are known"),
        ("picco", "did you mean Pico"),
        ("cortex-m4", "'cortex-m4' is no board but a core or chip (Cortex-M4): give --target"),
        ("esp32pico-d4", "give --target esp32 "),
    ],
)
def test_a_name_of_no_board_is_told_what_to_do(name, said):
    """What is like it, how many there are, and what to give for a board that is not known."""
    with pytest.raises(UsageError) as told:
        TABLE.board(name)
    assert said in str(told.value)
    assert "--ram 256K --flash 1M" in str(told.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [("cortex-m99", []), ("cortex-m8", ["cortex-m85"]), ("cortex-m4x", ["cortex-m4"])],
)
def test_what_all_cores_share_makes_none_like_another(name, near):
    """Only the number behind cortex-m is compared."""
    names = [core.name for core in TABLE.cores]
    assert TABLE.near(name, names)[: len(near) or None] == near


def test_a_search_does_not_look_across_fields():
    """Nothing is found in the end of one name and the beginning of the next."""
    board = replace(TABLE.boards[0], name="One Ti", vendor="Pico", chip="X", also=())
    table = replace(TABLE, boards=(board,))
    assert table.search("ti pico") == [board]  # each word in a field
    assert table.search("tipico") == []
    assert table.search("!") == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256K", 262144),
        ("1.5M", 1572864),
        ("61,440", 61440),
        ("16KiB", 16384),
        ("16 k", 16384),
        ("512B", 512),
        ("2 MiB", 2097152),
    ],
)
def test_bytes_as_people_write_them(text, size):
    """K is 1,024."""
    assert byte_count(text) == size


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("16KB", "'16KB' is no number of bytes: it may mean 16,000 or 16,384; write 61440, or 60K"),
        ("1.5 mb", "it may mean 1,500,000 or 1,572,864; write 61440"),
        ("1G", "is no number of bytes; write 61440, or 60K"),
        ("0.3", "is 0.3 bytes, not a whole number"),
    ],
)
def test_a_size_that_is_none_or_may_be_two(text, said):
    """KB is 1,000 bytes to some and 1,024 to others: neither is taken for meant."""
    with pytest.raises(UsageError) as told:
        byte_count(text)
    assert said in str(told.value)
