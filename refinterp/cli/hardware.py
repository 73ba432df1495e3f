"""The options that name hardware: `--target`, `--board`, and files of one's own."""

from __future__ import annotations

import argparse
import os

from refinterp.boards.hardware import Hardware
from refinterp.boards.reading import ENVIRONMENT, hardware
from refinterp.tflm.targets import DEFAULT_TARGET, TARGETS


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


def known_hardware(options: argparse.Namespace) -> Hardware:
    """Return the table with the user's own files; UsageError for one that cannot be read."""
    files = [os.environ.get(ENVIRONMENT, ""), options.boards or ""]
    return hardware(path for path in files if path)
