"""`refinterp COMMAND …`: finds the command, parses its words, and turns errors into exit codes.

Exit codes: 0 fine, 1 the check asked for failed, 2 usage, unreadable or unsupported model, 3 a bug
of ours, 130 interrupted, 143 terminated. What ends with 2 or 3 is told on standard error, and with
--json also as a document on standard output.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import refinterp
from refinterp.cli.commands import COMMANDS, nearest
from refinterp.cli.help import no_such_command, overview
from refinterp.cli.refusal import Asked, WordsError, refuse, tell
from refinterp.cli.streams import Streams
from refinterp.errors import ModelError, RefinterpError, UnsupportedError, UsageError

if TYPE_CHECKING:
    import argparse

_OPTIONS = ("--help", "--version", "--print-completion")
_PACKAGE = Path(refinterp.__file__).parent


class _Terminated(BaseException):
    """SIGTERM came."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, whatever happens."""
    words = list(sys.argv[1:] if argv is None else argv)
    streams = Streams()
    try:
        code = 2 if streams.fault else _guarded(words)
        streams.finish()
        if streams.fault:
            tell(streams.fault)
            return 2
        return code
    finally:
        streams.restore()


def _guarded(words: Sequence[str]) -> int:
    """Run the words; every exception becomes a line and a code."""
    asked = Asked(words)
    try:
        with _warnings_as_lines(), _terminable():
            return _run(asked)
    except RefinterpError as error:
        refuse(asked, error, advice=error.advice if isinstance(error, WordsError) else "")
        return 2
    except SystemExit as error:  # argparse, after its help or its complaint
        return error.code if isinstance(error.code, int) else 2 if error.code else 0
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except _Terminated:
        tell("terminated")
        return 143
    except MemoryError as error:
        refuse(asked, error, f"out of memory{f': {error}' if str(error) else ''}")
        return 2
    except BrokenPipeError:  # a stream that is not ours; its reader has had enough
        return 0
    except OSError as error:
        if error.strerror is None:
            return _bug(asked, error)
        refuse(asked, error, f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}")
        return 2
    except Exception as error:
        return _bug(asked, error)


def _run(asked: Asked) -> int:
    """Run the command that the first word names, or say what there is."""
    words = asked.words
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(overview())
        return 0
    first, rest = words[0], words[1:]
    if first in ("-V", "--version"):
        print(refinterp.__version__)
        return 0
    if first.partition("=")[0] == "--print-completion":
        from refinterp.cli.completion import script

        print(script(first.partition("=")[2] or (rest[0] if rest else None)))
        return 0
    if first.startswith("-") and first != "-":
        raise UsageError(_misplaced(first))
    if first not in COMMANDS:
        raise UsageError(no_such_command(first))
    from refinterp.cli.parsing import command_parser

    options = command_parser(COMMANDS[first]).parse(rest)
    asked.models += _given(options)
    try:
        return int(options.run(options))
    except (ModelError, UnsupportedError) as error:
        raise type(error)(_named(str(error), asked.models)) from error


def _given(options: argparse.Namespace) -> list[str]:
    """The paths of all models among a command's words."""
    return [
        path
        for name in ("model", "float_model", "models", "small", "big")
        for path in _listed(getattr(options, name, None))
    ]


def _named(message: str, given: Sequence[str]) -> str:
    """Begin what is wrong with a model with its path, where only one was given."""
    if len(given) != 1:
        return message
    from refinterp.report.words import of_file

    return of_file(message, "standard input" if given[0] == "-" else given[0])


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _misplaced(option: str) -> str:
    """What to say about an option where a command should stand."""
    meant = nearest(option.partition("=")[0], _OPTIONS)
    hint = f"; did you mean {meant}?" if meant else ""
    return (
        f"there is no option {option} before the command{hint}\n"
        "a command's own options follow it, as in `refinterp inspect MODEL --json`"
    )


def _bug(asked: Asked, error: Exception) -> int:
    """Name the place of an error that nothing foresaw."""
    if os.environ.get("REFINTERP_DEBUG"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    text = " ".join(str(error).split())
    refuse(
        asked,
        error,
        f"a bug of ours at {_place(error)}: {type(error).__name__}{f': {text}' if text else ''}",
        "Please report this line, the command and, if you can, the model; "
        "REFINTERP_DEBUG=1 shows the traceback",
    )
    return 3


def _place(error: Exception) -> str:
    """The innermost line of ours that an error passed, as file:line (function)."""
    place, frame = "an unknown place", error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if _PACKAGE in Path(code.co_filename).parents:
            file = Path(code.co_filename).relative_to(_PACKAGE.parent).as_posix()
            place = f"{file}:{frame.tb_lineno} ({code.co_name})"
        frame = frame.tb_next
    return place


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show a warning as one line of ours, without the place in the code that gave it."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: object = None, line: str | None = None,
    ) -> None:  # fmt: skip
        tell(f"warning: {message}")

    usual = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind this process as Ctrl-C does, so that workers and files are let go."""
    own = os.getpid()

    def stop(number: int, frame: object) -> None:
        if os.getpid() != own:  # a child that inherited the handler
            os._exit(143)
        raise _Terminated

    try:
        usual = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, to which signals go
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


if __name__ == "__main__":
    sys.exit(main())
