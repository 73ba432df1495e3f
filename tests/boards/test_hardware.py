"""The table of hardware: names, the figures of its sources, files of users."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import pytest

from refinterp.boards.choice import choose, on_board
from refinterp.boards.hardware import plain
from refinterp.boards.reading import known
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
