"""What a command says when it has no result: on standard error, and with --json as a document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from refinterp.errors import UsageError


class WordsError(UsageError):
    """A command's words cannot be meant; advice: how it is used, to be read below the message."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(slots=True)
class Asked:
    """A command's words, and the models among them as far as they have been read."""

    words: Sequence[str]
    models: list[str] = field(default_factory=list)

    @property
    def json(self) -> bool:
        """Whether --json is among the words, also shortened, before a lone `--`."""
        words = list(self.words)
        before = words[: words.index("--")] if "--" in words else words
        return any(len(word) > 2 and "--json".startswith(word) for word in before)


def refuse(asked: Asked, error: Exception, message: str = "", advice: str = "") -> None:
    """Say why there is no result (`schema/error.schema.json`).

    message: instead of the error's own words. advice: what else people read, below it.
    """
    message = message or str(error)
    tell(f"{message}\n{advice}" if advice else message)
    if asked.json:
        from refinterp.cli.common import print_document
        from refinterp.report.machine import document, error_fields

        model = {"model": asked.models[0]} if len(asked.models) == 1 else {}
        print_document(document(**model, error=error_fields(error, message)))


def tell(text: str) -> None:
    """Write to standard error in the program's name."""
    print(f"refinterp: {text}", file=sys.stderr)
