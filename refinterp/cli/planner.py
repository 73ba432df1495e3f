"""The option that names a planner; a file of its own, as few commands need the planners."""

from __future__ import annotations

import argparse
from typing import Final

from refinterp.arena.tensor_plan import PLANNERS

USUAL: Final = "greedy"
"""TFLM's own."""


def add_planner(group: argparse._ActionsContainer) -> None:
    """Add --planner."""
    group.add_argument(
        "--planner",
        choices=tuple(PLANNERS),
        default=USUAL,
        help="how to place the tensors (default greedy, TFLM's)",
    )
