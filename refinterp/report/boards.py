"""Boards as a table, and as a document (`schema/boards.schema.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refinterp.boards.choice import on_board
from refinterp.boards.hardware import Board, Core, Hardware
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_answer, print_table, print_text
from refinterp.report.words import count, kibibytes, plural

_DETAILED = 3  # boards of which everything is told


def boards_answer(
    found: Sequence[Board], asked: str, core: Core | None = None
) -> list[tuple[str, str]]:
    """Return (label, text) lines: how many boards, and of one its memories.

    core: what they have in common, where none has the words that were asked for.
    """
    if core is not None:
        have = "board has" if len(found) == 1 else "boards have"
        text = f"no board is called {asked!r}, which is a chip or core with {core.title}: "
        return [("verdict", f"{text}{count(len(found))} {have} that core")]
    if len(found) == 1:
        board = found[0]
        text = f"{board.name}: {board.chip or board.core}, {_of(board.ram_bytes)} RAM, "
        text += f"{_of(board.flash_bytes)} flash for one program"
        return [("verdict", text)]
    text = plural(len(found), "board")
    if not asked:
        return [("verdict", f"{text} are known")]
    what = "it" if len(asked.split()) == 1 else "each word"
    return [("verdict", f"{text} match {asked!r}: name, maker, chip or core has {what}")]


def boards_document(
    table: Hardware, found: Sequence[Board], asked: str, core: Core | None = None
) -> dict[str, Any]:
    """Return the document; core: as for `boards_answer`."""
    return document(
        asked=asked or None,
        summary=dict(boards_answer(found, asked, core)),
        boards=[board_fields(table, board) for board in found],
        cores=[
            {
                "name": core.name,
                "title": core.title,
                "also": list(core.also),
                "target": core.target,
                "kernels": core.kernels,
                "derived": core.derived,
            }
            for core in table.cores
        ],
    )


def board_fields(table: Hardware, board: Board) -> dict[str, Any]:
    """Return all that is known of a board, and the build that stands for it."""
    build = on_board(table, board).profile
    return {
        "name": board.name,
        "also": list(board.also),
        "vendor": board.vendor or None,
        "chip": board.chip or None,
        "core": board.core,
        "core_as_sold": board.core_as_sold or None,
        "target": build.target.name,
        "kernels": build.kernels.name,
        "tflm": build.tflm.name,
        "provenance": build.provenance,
        "usual_tflm": board.tflm,
        "clock_mhz": board.clock_mhz,
        "ram_bytes": board.ram_bytes,
        "ram_contiguous_bytes": board.ram_contiguous_bytes,
        "ram_total_bytes": board.ram_total_bytes,
        "ram_framework_bytes": board.ram_framework_bytes,
        "ram_regions": list(board.ram_regions),
        "flash_bytes": board.flash_bytes,
        "flash_chip_bytes": board.flash_chip_bytes,
        "flash_framework_bytes": board.flash_framework_bytes,
        "fpu": board.fpu,
        "dsp": board.dsp,
        "mve": board.mve,
        "second_look": board.second_look,
        "sources": list(board.sources),
        "features_source": board.features_source,
        "own": board.own,
    }


def print_boards(
    table: Hardware, found: Sequence[Board], asked: str, core: Core | None = None
) -> None:
    """Print the answer and the table; of few boards also regions and sources."""
    print_answer(boards_answer(found, asked, core))
    rows = []
    for board in found:
        build = on_board(table, board).profile
        doubt = "*" if board.second_look else ""
        rows.append(
            (
                board.name,
                board.core,
                "-" if board.clock_mhz is None else board.clock_mhz,
                _of(board.ram_bytes) + doubt,
                _of(board.flash_bytes) + doubt,
                f"{build.kernels.name}, {build.tflm.name}",
            )
        )
    print_table(
        [
            Column("board", fold=True),
            Column("core"),
            Column("MHz", "right"),
            Column("RAM", "right"),
            Column("flash", "right"),
            Column("kernels, TFLM", fold=True),
        ],
        rows,
    )
    if any(board.second_look for board in found) and len(found) > _DETAILED:
        print_text("*: wants a second look; `refinterp boards NAME` says why", hang=0)
    if len(found) <= _DETAILED:
        for board in found:
            _print_details(table, board)


def _print_details(table: Hardware, board: Board) -> None:
    print_text(board.name, style="bold")
    build = on_board(table, board).profile
    called = f", also called {', '.join(board.also)}" if board.also else ""
    sold = board.core_as_sold or table.core_called(board.core).title
    print_text(f"  {board.chip or 'a chip of no name'} with {sold}{called}")
    print_text(f"  figures: {build.label}, {build.provenance}")
    if board.ram_regions:
        print_text(f"  RAM regions (address, bytes): {'; '.join(board.ram_regions)}")
    if board.ram_framework_bytes is not None:
        print_text(
            f"  the framework leaves {count(board.ram_framework_bytes)} B of RAM"
            + (
                f", {count(board.flash_framework_bytes)} B of flash"
                if board.flash_framework_bytes is not None
                else ""
            )
        )
    if board.second_look:
        print_text(f"  wants a second look: {board.second_look}")
    for source in board.sources:
        print_text(f"  source: {source}")


def _of(size: int | None) -> str:
    return "?" if size is None else kibibytes(size)
