"""The commands there are: the one table that help, completion and README's table are made from."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Command(NamedTuple):
    """A command: its name, the arguments most people give it, what it answers, and its module.

    module: has `add_arguments(parser)` and `run(options) -> exit code`; it is imported when the
    command is used. summary: at most 62 characters, so that a line of the help fits 80 columns.
    """

    name: str
    arguments: str
    summary: str
    module: str


GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    (
        "What a model holds, and what comes out",
        (
            Command(
                "inspect",
                "MODEL…",
                "what the file holds, and what each runtime does with it",
                "refinterp.cli.inspect",
            ),
            Command(
                "lint",
                "MODEL…",
                "what the file alone shows to be wrong",
                "refinterp.cli.lint",
            ),
            Command(
                "run",
                "MODEL --input PATH",
                "what comes out; --save-all F.npz keeps every tensor",
                "refinterp.cli.run",
            ),
        ),
    ),
    (
        "Which layer loses the most",
        (
            Command(
                "debug",
                "MODEL --data PATH",
                "which layer got worse, by how much, why, and what to do",
                "refinterp.cli.debug",
            ),
            Command(
                "sensitivity",
                "MODEL --data PATH",
                "which layers to keep in float or int16, as a recipe",
                "refinterp.cli.sensitivity",
            ),
            Command(
                "explain",
                "MODEL --op N --at I,J,…",
                "how one element of an output comes about, step by step",
                "refinterp.cli.explain",
            ),
        ),
    ),
    (
        "How many bytes, how much time",
        (
            Command(
                "arena",
                "MODEL…",
                "the bytes of arena TFLM needs, who takes them, a better plan",
                "refinterp.cli.arena",
            ),
            Command(
                "fit",
                "MODEL… --board NAME",
                "whether it fits a board, what takes room, what would help",
                "refinterp.cli.fit",
            ),
            Command(
                "boards",
                "[NAME]",
                "the boards and chips that are known, and their memories",
                "refinterp.cli.boards",
            ),
            Command(
                "bench",
                "MODEL… --against NAME",
                "time beside installed LiteRT and TFLM, by operator",
                "refinterp.cli.bench",
            ),
            Command(
                "cascade",
                "SMALL BIG --data PATH",
                "a small model first, a big one when unsure: what it gains",
                "refinterp.cli.cascade",
            ),
        ),
    ),
    (
        "What goes into the firmware",
        (
            Command(
                "export",
                "MODEL --for tflm --to DIR",
                "sources for TFLM with arena and test, a MicroPython module",
                "refinterp.cli.export",
            ),
        ),
    ),
    (
        "About refinterp",
        (
            Command(
                "ops",
                "",
                "every operator and type, and what it was held against",
                "refinterp.cli.ops",
            ),
            Command(
                "tour",
                "",
                "debug, arena and explain on a model of the package",
                "refinterp.cli.tour",
            ),
            Command(
                "help",
                "COMMAND",
                "what a command does and takes, as COMMAND --help",
                "refinterp.cli.help",
            ),
        ),
    ),
)

COMMANDS: dict[str, Command] = {
    command.name: command for _, commands in GROUPS for command in commands
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one likely means, or None."""
    names = list(known)
    low = word.lower()
    close = difflib.get_close_matches(low, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    begun = [
        n for n in names if min(len(n), len(low)) > 2 and (n.startswith(low) or low.startswith(n))
    ]
    return begun[0] if len(begun) == 1 else None
