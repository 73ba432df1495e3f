"""The process in which an installed runtime lives: `python -m refinterp.runtimes NAME`.

Each pickle of a `RuntimeCase` on stdin is answered by one of a `Reply` on stdout. The process
works on one case at a time and answers only after the runtime's objects are freed, so the first
unanswered case is the one it died on. Its stderr is a file that holds what the current case
printed; whoever prints to stdout ends up there too.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from refinterp.runtimes.names import known
from refinterp.runtimes.outcome import Outcome, Ran, Refused, RuntimeCase
from refinterp.runtimes.printed import printed


class Engine(Protocol):
    """A runtime inside its process."""

    version: str

    def run(self, case: RuntimeCase) -> Ran:
        """Run the case; any exception means that the runtime refuses it."""

    def healthy(self) -> bool:
        """Whether the process should take another case (False: it has leaked too much)."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a worker: it is ready."""

    version: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one case; last is True when the worker ends after it."""

    outcome: Outcome
    last: bool


def serve(make_engine: Callable[[], Engine]) -> None:
    """Answer cases until stdin ends."""
    _no_core_dumps()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing a runtime prints may reach the pipe of replies
    requests = sys.stdin.buffer

    def send(message: Hello | Reply) -> None:
        pickle.dump(message, replies, protocol=5)
        replies.flush()

    engine = make_engine()
    send(Hello(engine.version))
    while True:
        try:
            case: RuntimeCase = pickle.load(requests)
        except EOFError:
            return
        with contextlib.suppress(OSError):
            os.lseek(2, 0, os.SEEK_SET)
            os.ftruncate(2, 0)
        outcome: Outcome
        try:
            outcome = engine.run(case)
        except Exception as error:
            outcome = Refused(f"{type(error).__name__}: {error}", printed())
        last = not engine.healthy()
        send(Reply(outcome, last))
        if last:
            return


def _no_core_dumps() -> None:
    with contextlib.suppress(ImportError):  # resource is Unix only
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def engine_for(name: str) -> Engine:
    """Import the runtime's package and wrap it."""
    runtime = known(name)
    if runtime.resolver is None:
        from refinterp.runtimes.tflm import TFLM

        return TFLM()
    from refinterp.runtimes.litert import LiteRT

    return LiteRT(runtime.resolver)
