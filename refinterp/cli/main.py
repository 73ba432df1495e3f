"""`refinterp COMMAND …`: finds the command's file, parses, and turns errors into exit codes.

Exit codes: 0 fine, 1 the check asked for failed, 2 usage, unreadable or unsupported model.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

import refinterp
from refinterp.errors import RefinterpError

_NOT_COMMANDS = frozenset({"main", "common"})


def commands() -> tuple[str, ...]:
    """The names of all commands: the files beside this one."""
    package = importlib.import_module("refinterp.cli")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if name not in _NOT_COMMANDS))


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser, of one command or of all; a command's file is imported with it."""
    parser = argparse.ArgumentParser(
        prog="refinterp",
        description="Run quantized TensorFlow Lite models and see every integer and every byte.",
    )
    parser.add_argument("--version", action="version", version=refinterp.__version__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in (only,) if only else commands():
        module = _module(name)
        summary = (module.__doc__ or "").strip().splitlines()[0]
        command = subparsers.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.add_argument(
            "--json", action="store_true", help="print one JSON document and nothing else"
        )
        command.set_defaults(run=module.run)
    return parser


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"refinterp.cli.{name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    only = words[0] if words and words[0] in commands() else None
    options = build_parser(only).parse_args(words)
    warnings.showwarning = _show_warning
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except RefinterpError as error:
        print(f"refinterp: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("refinterp: interrupted", file=sys.stderr)
        return 130


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: object = None, line: str | None = None,
) -> None:  # fmt: skip
    print(f"refinterp: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
