"""Running cases in an installed runtime, whatever happens to the process it lives in."""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final

from refinterp.errors import StateError, UnsupportedError
from refinterp.runtimes.names import known, unavailable
from refinterp.runtimes.outcome import (
    Allocations,
    Death,
    Died,
    Outcome,
    Ran,
    Refused,
    RuntimeCase,
    Samples,
)
from refinterp.runtimes.process import WorkerProcess

WINDOW_CASES: Final = 64  # cases sent ahead of the answers
WINDOW_BYTES: Final = 1 << 22  # and their size: one large case is sent alone


def open_runtime(
    name: str, *, timeout: float = 60.0, command: Sequence[str] | None = None
) -> Runtime:
    """Start an installed runtime, to be closed, or used in a `with` statement.

    timeout: seconds that one case may take. command: another worker to start in its place.
    Raises UsageError for an unknown name, UnsupportedError when the runtime is not installed.
    """
    if command is None:
        known(name)
        if reason := unavailable(name):
            raise UnsupportedError(reason)
        command = [sys.executable, "-m", "refinterp.runtimes", name]
    return Runtime(name, command, timeout)


class Runtime:
    """An installed runtime in a process that is replaced when it dies.

    name: as given. version: of the installed package. deaths: every death so far.
    """

    def __init__(self, name: str, command: Sequence[str], timeout: float) -> None:
        self.name = name
        self.deaths: list[Death] = []
        self._command = list(command)
        self._timeout = timeout
        self._busy = False
        self._process: WorkerProcess | None = None
        self.version = self._running().version

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next case would start another."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def run(
        self,
        model: bytes,
        samples: Samples = (),
        *,
        label: str = "",
        preserve: bool = False,
        resize: Mapping[int, tuple[int, ...]] | None = None,
        reset_between: bool = False,
    ) -> Outcome:
        """Run one case; the arguments are the fields of `RuntimeCase`."""
        case = RuntimeCase(model, samples, label, preserve, resize, reset_between)
        (outcome,) = self.run_many([case])
        return outcome

    def allocations(
        self, model: bytes, samples: Samples = (), *, label: str = ""
    ) -> Allocations | Refused | Died:
        """Return what TFLM's recording allocator counts for the model."""
        (outcome,) = self.run_many([RuntimeCase(model, samples, label, allocations=True)])
        if not isinstance(outcome, Ran):
            return outcome
        assert outcome.allocations is not None
        return outcome.allocations

    def run_many(self, cases: Iterable[RuntimeCase]) -> Iterator[Outcome]:
        """Run many cases and yield their outcomes in order, sending ahead of what is yielded.

        A death costs one case: it is yielded as `Died` and counted in `deaths`, and the cases
        after it run in a new process.

        Raises StateError when the outcomes of an earlier call have not all been taken,
        UnsupportedError when no process can be started.
        """
        if self._busy:
            raise StateError(
                f"{self.name} is in the middle of run_many; take all its outcomes first, or "
                "close() its iterator"
            )
        self._busy = True
        waiting = map(_Sent, cases)
        sent: deque[_Sent] = deque()  # not answered yet, oldest first
        exhausted = False
        try:
            while True:
                while not exhausted and _room(sent):
                    if (item := next(waiting, None)) is None:
                        exhausted = True
                    else:
                        self._running().send(item.payload)
                        sent.append(item)
                if not sent:
                    return
                process = self._process
                outcome = self._answer(sent.popleft())
                if self._process is not process:  # what was sent ahead went down with it
                    for item in sent:
                        self._running().send(item.payload)
                yield outcome
        finally:
            if sent:
                self._discard()
            self._busy = False

    def _answer(self, oldest: _Sent) -> Outcome:
        """Wait for the outcome of the oldest case sent; the process may be another afterwards."""
        process = self._running()
        reply = process.receive(self._timeout)
        if reply is None:
            died = process.autopsy(self._timeout)
            before = process.answered
            self._process = None
            if before and not process.timed_out:
                process = self._running()
                process.send(oldest.payload)
                reply = process.receive(self._timeout)
                if reply is None:
                    died = process.autopsy(self._timeout)
                    self._process = None
            self.deaths.append(
                Death(oldest.label, died.reason, died.stderr, before, reproduced=reply is None)
            )
            if reply is None:
                return died
        if reply.last:
            self._discard()
        return reply.outcome

    def _discard(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _running(self) -> WorkerProcess:
        if self._process is None:
            self._process = WorkerProcess(self._command, self.name)
        return self._process


class _Sent:
    """A case on its way: its label, and its bytes for sending (again)."""

    def __init__(self, case: RuntimeCase) -> None:
        self.label = case.label
        self.payload = pickle.dumps(case, protocol=5)


def _room(sent: deque[_Sent]) -> bool:
    size = sum(len(item.payload) for item in sent)
    return not sent or (len(sent) < WINDOW_CASES and size < WINDOW_BYTES)
