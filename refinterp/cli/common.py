"""What the commands share: opening models and samples, progress, printing the document."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from refinterp.boards.sizes import byte_count
from refinterp.errors import UsageError
from refinterp.graph.check import check
from refinterp.graph.model import Model
from refinterp.kernels.flavours import DEFAULT_FLAVOUR, FLAVOURS
from refinterp.modelfile.opening import Bytes, opened
from refinterp.modelfile.reader import model_of
from refinterp.report.encodings import is_unicode
from refinterp.report.machine import dumps
from refinterp.report.words import operators, plural, some
from refinterp.verdicts.verdict import Verdict

INTERRUPTED = 130
"""Exit code of a command that was stopped with Ctrl-C, whether or not it had results to show."""


def model_source(path: str) -> str | bytes:
    """What a MODEL argument names: the path, or for `-` all that standard input holds."""
    return sys.stdin.buffer.read() if path == "-" else path


def title_of(model: Model) -> str:
    """The name of a model's file."""
    return PurePath(model.source).name if model.source else "standard input"


def open_model(path: str) -> Model:
    """Read a model from a path, or from standard input for `-`; findings become warnings."""
    return open_file(path)[0]


def open_file(path: str) -> tuple[Model, Bytes]:
    """Read a model as `open_model` does; return also the bytes of the .tflite file itself.

    Those are the array's, where the model is one in C source.
    """
    found = opened(model_source(path))
    return checked(model_of(found)), found.data


def checked(model: Model) -> Model:
    """Return the model; what `check` finds in it becomes warnings, one for each kind.

    The first of a kind is told, and how many more there are.
    """
    alike: dict[str, list[str]] = {}
    for finding in check(model):
        if finding.severity != "note":
            alike.setdefault(finding.id, []).append(finding.evidence)
    for first, *others in alike.values():
        more = f" (and {len(others)} more like it; `lint --all` lists them)" if others else ""
        say(f"warning: {model.source or 'standard input'}: {first}{more}")
    return model


def say(text: str) -> None:
    """Tell the user something beside the result: to standard error."""
    print(f"refinterp: {text}", file=sys.stderr)


def print_document(document: Mapping[str, Any]) -> None:
    """Print a machine-readable result."""
    print(dumps(document, ascii_only=not is_unicode(sys.stdout)))


def save_text(path: str, text: str) -> None:
    """Write a result to a file and say so; UsageError if it cannot be written."""
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    say(f"wrote {path}")


def written_file(text: str) -> str:
    """Read an argument that names a file to be written; standard output has the answer."""
    if text in ("", "-"):
        raise argparse.ArgumentTypeError(f"{text!r} is no file; give a path to write to")
    return text


def positive(text: str) -> int:
    """Read an argument that counts something there is at least one of."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1 is needed")
    return value


def size(text: str) -> int:
    """Read an argument that is a number of bytes, as `byte_count` does."""
    try:
        return byte_count(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the MODEL argument."""
    parser.add_argument(
        "model", metavar="MODEL", help="a .tflite file, a C array holding one, or - for stdin"
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the MODEL… argument."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a .tflite file, a C array holding one, or -"
    )


def add_flavour(parser: argparse.ArgumentParser) -> None:
    """Add --flavour."""
    parser.add_argument(
        "--flavour",
        choices=FLAVOURS,
        default=DEFAULT_FLAVOUR,
        help=f"whose arithmetic to reproduce (default {DEFAULT_FLAVOUR})",
    )


def add_float_model(parser: argparse.ArgumentParser) -> None:
    """Add --float."""
    parser.add_argument(
        "--float", dest="float_model", metavar="MODEL", help="the float twin the model came from"
    )


def add_html(parser: argparse.ArgumentParser) -> None:
    """Add --html."""
    parser.add_argument(
        "--html", type=written_file, metavar="F", help="also write one page that opens offline"
    )


def add_lenient(parser: argparse.ArgumentParser) -> None:
    """Add --lenient."""
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="go on, with a warning, where the runtime would refuse the model",
    )


def tell_refusals(model: Model, flavour: str) -> None:
    """Say that the flavour's runtime would refuse the model, and why first, and go on."""
    from refinterp.run.gate import refusals  # not needed by most commands

    say_refusals(list(refusals(model, flavour)))


def say_refusals(found: Sequence[Verdict], path: str = "") -> None:
    """Warn of what a runtime would refuse: the first and why, and which other operators.

    path: the model's, where there are several.
    """
    if found:
        others = [(one.subgraph, one.operator) for one in found[1:]]
        more = f" ({operators(others)} too)" if others else ""
        say(f"warning: {f'{path}: ' if path else ''}{found[0]}{more}")


def say_refused(refused: Sequence[tuple[str, str]], models: int, *, shown: bool) -> None:
    """Say which of several models have no result.

    refused: (path, why, which names the file). models: how many there are. shown: the report on
    standard output says why already, so that the names are enough.
    """
    if refused and shown:
        names = some([path for path, _ in refused], 3)
        say(f"{len(refused)} of {plural(models, 'model')} refused: {names}")
        return
    for _, why in refused:
        say(f"refused: {why}")


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a wish, which the function given tells; the second is the usual one."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # signals go to the main thread
        return
    usual = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, usual)
        say("stopping; the report is of the samples so far (Ctrl-C again to leave at once)")

    signal.signal(signal.SIGINT, stop)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, usual)
