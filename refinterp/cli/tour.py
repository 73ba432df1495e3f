"""Show the three jobs on a model that comes with the package: debug, arena and explain."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

from refinterp.cli.commands import COMMANDS
from refinterp.cli.common import print_document
from refinterp.cli.parsing import command_parser
from refinterp.report.machine import document
from refinterp.report.terminal import print_text

_EXPLAINED = ("2", "0,3,4,5")  # the operator and element that the tour derives


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tour takes no arguments."""


def run(options: argparse.Namespace) -> int:
    """Run the three commands on the digits model, or put their documents into one."""
    folder = resources.files("refinterp") / "data"
    with contextlib.ExitStack() as stack:
        files = {
            name: str(stack.enter_context(resources.as_file(folder / name)))
            for name in ("digits_int8.tflite", "digits_float.tflite", "digits_samples.npz")
        }
        stops = _stops(*files.values())
        if options.json:
            print_document(document(**{words[0]: _captured(words) for _, words in stops}))
            return 0
        for number, (question, words) in enumerate(stops):
            if number:
                print_text()
            print_text(question, style="bold")
            line = "$ refinterp " + " ".join(_shown(word) for word in words)
            print_text(line, style="dim", whole=True)
            print_text()
            _run(words)
    return 0


def _stops(model: str, twin: str, samples: str) -> list[tuple[str, list[str]]]:
    operator, element = _EXPLAINED
    return [
        (
            "1. Which layer loses the most?",
            ["debug", model, "--float", twin, "--data", samples],
        ),
        ("2. How many bytes do the tensors need?", ["arena", model]),
        (
            "3. How does one output byte come about?",
            ["explain", model, "--op", operator, "--at", element, "--data", samples],
        ),
    ]


def _shown(word: str) -> str:
    """A word as it can be pasted into a shell here: a file below this folder by its short path."""
    path = Path(word)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        word = str(path.relative_to(Path.cwd()))
    return shlex.quote(word)


def _run(words: list[str]) -> int:
    options = command_parser(COMMANDS[words[0]]).parse(words[1:])
    return int(options.run(options))


def _captured(words: list[str]) -> Any:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        _run([*words, "--json"])
    return json.loads(text.getvalue())
