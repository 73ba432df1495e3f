"""The options that name hardware: `--target`, `--board`, and files of one's own."""

from __future__ import annotations

import argparse
import os

from refinterp.boards.hardware import Hardware
from refinterp.boards.reading import ENVIRONMENT, hardware
from refinterp.tflm.targets import DEFAULT_TARGET, KERNELS, TARGETS, VERSIONS, no_such_version
from refinterp.tflm.versions import OTHER


def add_boards_file(parser: argparse.ArgumentParser) -> None:
    """Add --boards."""
    parser.add_argument(
        "--boards",
        metavar="FILE",
        help="a JSON file with boards, chips and cores of your own (the variable "
        f"{ENVIRONMENT} may name another)",
    )


def add_target(group: argparse._ActionsContainer) -> None:
    """Add --target."""
    group.add_argument(
        "--target",
        metavar="CHIP",
        help=f"the core or chip, as people call it: {', '.join(TARGETS)}, cortex-m7, esp32-s3, "
        f"rp2040, stm32h7 (default {DEFAULT_TARGET})",
    )


def add_board(group: argparse._ActionsContainer) -> None:
    """Add --board, of one board."""
    group.add_argument(
        "--board",
        metavar="NAME",
        help="the board, as people call it; `refinterp boards` lists them",
    )


def add_kernels(group: argparse._ActionsContainer) -> None:
    """Add --kernels."""
    group.add_argument(
        "--kernels",
        choices=tuple(KERNELS),
        help="whose kernels run (default: the core's usual ones)",
    )


def add_tflm(group: argparse._ActionsContainer, without: str) -> None:
    """Add --tflm; without: what holds when it is not given."""
    group.add_argument(
        "--tflm",
        type=_version,
        choices=tuple(VERSIONS),
        help=f"TFLM's version, or the distribution that is flashed ({OTHER}: one that is not "
        f"among these, with a margin; {without})",
    )


def _version(name: str) -> str:
    """Read the name of a version or distribution; what is none is told what is like it."""
    if name not in VERSIONS:
        raise argparse.ArgumentTypeError(no_such_version(name))
    return name


def known_hardware(options: argparse.Namespace) -> Hardware:
    """Return the table with the user's own files; UsageError for one that cannot be read."""
    files = [os.environ.get(ENVIRONMENT, ""), options.boards or ""]
    return hardware(path for path in files if path)
