"""Reading a command's words, and saying what was likely meant by a misspelt option."""

from __future__ import annotations

import argparse
import importlib
import re
import textwrap
from collections.abc import Sequence
from typing import NoReturn

from refinterp.cli.commands import COMMANDS, Command, nearest
from refinterp.cli.refusal import WordsError

_NUMBER = re.compile(r"-\.?[0-9]")
"""What begins like a negative number is an option's value (`--image-range -1..1`)."""
_LONGEST = 24  # characters of choices in a line of usage


class Formatter(argparse.HelpFormatter):
    """Wraps at blanks alone, so that names stay whole, and keeps paragraphs apart."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            textwrap.fill(
                " ".join(paragraph.split()),
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_on_hyphens=False,
            )
            for paragraph in text.split("\n\n")
        )


class Parser(argparse.ArgumentParser):
    """An argument parser that looks at the options' names before it asks what is missing."""

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options; WordsError where they are wrong, SystemExit after the help."""
        words = self._with_values(words)
        self._refuse_unknown(words)
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with these words, and what most people write."""
        name = self.prog.split()[-1]
        usage = f"{self.prog} {COMMANDS[name].arguments}".rstrip()
        raise WordsError(
            f"{name}: {message}",
            f"usage: {usage} [OPTIONS]\n`{self.prog} --help` describes every option",
        )

    def _with_values(self, words: Sequence[str]) -> list[str]:
        """Tie a value that begins with a minus to its option, where argparse would miss it."""
        tied: list[str] = []
        for word in words:
            action = self._option_string_actions.get(tied[-1]) if tied else None
            takes_one = action is not None and action.nargs is None
            if takes_one and tied[-1].startswith("--") and _NUMBER.match(word):
                tied[-1] += f"={word}"
            else:
                tied.append(word)
        return tied

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Name the first option that there is not, before anything that is missing."""
        known = self._option_string_actions
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if len(word) < 2 or word[0] != "-" or " " in name or _NUMBER.match(word):
                continue
            if any(option.startswith(name) for option in known) or (
                word[1] != "-" and word[:2] in known
            ):
                continue
            meant = nearest(name, known)
            hint = f"; did you mean {meant}?" if meant else ""
            self.error(f"there is no option {name}{hint}")


def command_parser(command: Command) -> Parser:
    """Return the parser of one command, whose module is imported for it."""
    parser = Parser(prog=f"refinterp {command.name}")
    fill(parser, command)
    return parser


def fill(parser: argparse.ArgumentParser, command: Command) -> None:
    """Give a parser the arguments of a command, and what it is about."""
    module = importlib.import_module(command.module)
    parser.description = (module.__doc__ or "").strip()
    parser.formatter_class = Formatter
    module.add_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document and nothing else"
    )
    parser.set_defaults(run=module.run)
    for action in parser._actions:
        if action.choices and action.metavar is None:
            _list_choices(action)


def _list_choices(action: argparse.Action) -> None:
    """Name the choices in an option's text: in its usage, a long list would not fit a line."""
    choices = ", ".join(map(str, action.choices or ()))
    if len(choices) > _LONGEST:
        action.metavar = action.dest.upper()
        action.help = f"{action.help or ''}: {choices}".removeprefix(": ")
