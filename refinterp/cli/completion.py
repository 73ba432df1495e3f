"""Shell completion scripts, written by `shtab` from the same parsers that read the words."""

from __future__ import annotations

import argparse

from refinterp.cli.commands import COMMANDS
from refinterp.cli.parsing import fill
from refinterp.errors import UsageError

SHELLS = ("bash", "zsh", "fish", "tcsh")
_FILES = ("MODEL", "PATH", "F", "F.npz", "OUT.tflite", "LABELS")
_FOLDERS = ("DIR",)
"""What stands in the help where a file is wanted, and where a folder is."""


def script(shell: str | None) -> str:
    """Return the script that completes commands, options, choices and file names in a shell.

    Raises UsageError for a shell that is not among SHELLS, or when shtab is not installed.
    """
    if shell not in SHELLS:
        given = "no shell is named" if shell is None else f"{shell!r} is no shell known here"
        raise UsageError(f"--print-completion: {given}; there are {', '.join(SHELLS)}")
    try:
        import shtab
    except ImportError:
        raise UsageError(
            "--print-completion needs the package shtab: pip install 'refinterp[completion]'"
        ) from None
    parser = argparse.ArgumentParser(prog="refinterp")
    parser.add_argument("-V", "--version", action="store_true", help="show the version")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS.values():
        fill(subparsers.add_parser(command.name, help=command.summary), command)
    for one in (parser, *subparsers.choices.values()):
        for action in one._actions:
            if action.metavar in _FILES and action.choices is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar in _FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    help_word = next(a for a in subparsers.choices["help"]._actions if a.dest == "command")
    help_word.choices = list(COMMANDS)
    return str(shtab.complete(parser, shell))
