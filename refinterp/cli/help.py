"""Show what a command does and which options it takes; without a command, list them all."""

from __future__ import annotations

import argparse
import sys

from refinterp.cli.commands import COMMANDS, GROUPS, nearest
from refinterp.errors import UsageError

_OPENING = """\
usage: refinterp COMMAND [ARGUMENT ...]

Run quantized TensorFlow Lite models and see every integer and every byte.

"""

_CLOSING = """\
`refinterp help COMMAND` says what a command does and which options it takes;
`refinterp tour` shows three of them on a model that comes with the package.

options:
  -h, --help                show this
  -V, --version             show the version
  --print-completion SHELL  print completion for bash, zsh, fish or tcsh

Exit codes: 0 fine, 1 the check asked for failed, 2 usage, unreadable or
unsupported model, 3 a bug of ours, 130 and 143 stopped from outside.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="the command to describe")


def run(options: argparse.Namespace) -> int:
    """Print the help of one command or of all, or the table of commands as a document."""
    from refinterp.cli.parsing import command_parser

    if options.command is not None and options.command not in COMMANDS:
        raise UsageError(no_such_command(options.command))
    if options.json:
        from refinterp.cli.common import print_document
        from refinterp.report.machine import document

        wanted = [options.command] if options.command else list(COMMANDS)
        rows = [COMMANDS[name] for name in wanted]
        print_document(
            document(
                commands=[
                    {"name": row.name, "arguments": row.arguments, "summary": row.summary}
                    for row in rows
                ]
            )
        )
    elif options.command is None:
        sys.stdout.write(overview())
    else:
        command_parser(COMMANDS[options.command]).print_help()
    return 0


def overview() -> str:
    """All commands, grouped, a line each; at most 80 columns wide."""
    width = max(map(len, COMMANDS))
    lines = [_OPENING]
    for heading, commands in GROUPS:
        lines.append(f"{heading}\n")
        lines += [f"  {command.name:<{width}}  {command.summary}\n" for command in commands]
        lines.append("\n")
    return "".join(lines) + _CLOSING


def no_such_command(word: str) -> str:
    """What to say about a word that is no command: the one that was likely meant, where to look."""
    from os.path import exists

    if word.endswith((".tflite", ".cc", ".h")) or exists(word):
        return f"{word!r} is a file: put a command before it, as in `refinterp inspect {word}`"
    meant = nearest(word, COMMANDS)
    hint = f"; did you mean {meant}?" if meant else ""
    return f"there is no command {word!r}{hint}\n`refinterp --help` lists the commands"
