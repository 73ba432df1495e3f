"""List the boards that are known, or find some by name, maker, chip or core.

Each with its core, RAM and flash, and the build of TFLM whose figures stand for it in `arena` and
`fit`. --json has the source of every figure.
"""

from __future__ import annotations

import argparse

from refinterp.boards.hardware import Board, Core, Hardware
from refinterp.cli.common import print_document
from refinterp.cli.hardware import add_boards_file, known_hardware
from refinterp.errors import UsageError
from refinterp.report.boards import boards_document, print_boards


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "name",
        nargs="*",
        metavar="NAME",
        help="words that the board's name, maker, chip or core has: nano 33, stm32h7, cortex-m33",
    )
    add_boards_file(parser)


def run(options: argparse.Namespace) -> int:
    """Print the list or the document."""
    table = known_hardware(options)
    asked = " ".join(options.name)
    found, core = _found(table, asked)
    if options.json:
        print_document(boards_document(table, found, asked, core))
    else:
        print_boards(table, found, asked, core)
    return 0


def _found(table: Hardware, asked: str) -> tuple[list[Board], Core | None]:
    """The boards that were asked for, and the core where they have no more than that in common.

    Raises UsageError when there is none, with those meant perhaps.
    """
    if not asked:
        return list(table.boards), None
    try:
        one = table.board(asked)
        if one.name.lower() == asked.lower():
            return [one], None
        return _with(one, table.search(asked)), None
    except UsageError:
        found = table.search(asked)
        if found:
            return found, None
        core = table.core_or_none(asked)
        of = [board for board in table.boards if core is not None and board.core == core.name]
        if of:
            return of, core
        raise


def _with(one: Board, found: list[Board]) -> list[Board]:
    return [one, *(board for board in found if board.name != one.name)]
