"""Running cases in an installed runtime, whatever happens to the process it lives in."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
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
from refinterp.runtimes.printed import STDERR_TAIL
from refinterp.runtimes.worker import Hello, Reply

WINDOW_CASES: Final = 64  # cases sent ahead of the answers
WINDOW_BYTES: Final = 1 << 22  # and their size: one large case is sent alone
START_TIMEOUT: Final = 120.0  # seconds for a process to import its runtime


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
        self._process: _Process | None = None
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

    def _running(self) -> _Process:
        if self._process is None:
            self._process = _Process(self._command, self.name)
        return self._process


class _Sent:
    """A case on its way: its label, and its bytes for sending (again)."""

    def __init__(self, case: RuntimeCase) -> None:
        self.label = case.label
        self.payload = pickle.dumps(case, protocol=5)


def _room(sent: deque[_Sent]) -> bool:
    size = sum(len(item.payload) for item in sent)
    return not sent or (len(sent) < WINDOW_CASES and size < WINDOW_BYTES)


class _Process:
    """One worker process, and the two threads that keep its pipes moving.

    answered: cases it has finished. timed_out: whether it was given up for being slow.
    """

    def __init__(self, command: Sequence[str], name: str) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill()
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
        )
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Hello | Reply | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=loop, daemon=True) for loop in (self._write, self._read)
        ]
        for thread in self._threads:
            thread.start()
        self.answered = 0
        self.timed_out = False
        hello = self._next(START_TIMEOUT)
        if not isinstance(hello, Hello):
            died = self.autopsy(START_TIMEOUT)
            raise UnsupportedError(f"{name} does not start, {died.reason}; it said: {died.stderr}")
        self.version = hello.version

    def _write(self) -> None:
        """Pass requests on until None comes; that the process is dead shows in its replies."""
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):
            while (payload := self._requests.get()) is not None:
                self._popen.stdin.write(payload)
                self._popen.stdin.flush()
        with contextlib.suppress(OSError):
            self._popen.stdin.close()

    def _read(self) -> None:
        """Queue every reply, and None when the pipe ends, be it in the middle of one."""
        assert self._popen.stdout is not None
        try:
            with (
                self._popen.stdout as stdout,
                contextlib.suppress(EOFError, pickle.UnpicklingError),
            ):
                while True:
                    self._replies.put(pickle.load(stdout))
        finally:
            self._replies.put(None)

    def _next(self, timeout: float) -> Hello | Reply | None:
        try:
            return self._replies.get(timeout=timeout)
        except queue.Empty:
            self.timed_out = True
            return None

    def send(self, payload: bytes) -> None:
        """Send a pickled case, without waiting."""
        self._requests.put(payload)

    def receive(self, timeout: float) -> Reply | None:
        """Return the next reply; None if the process died or took too long."""
        reply = self._next(timeout)
        if not isinstance(reply, Reply):
            return None
        self.answered += 1
        return reply

    def autopsy(self, timeout: float) -> Died:
        """Say why no reply came, and end the process if it is still there."""
        if self.timed_out:
            reason = f"timeout after {timeout:g} s"
            self._popen.kill()
            self._popen.wait()
        else:
            reason = exit_reason(self._popen.wait())
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - STDERR_TAIL))
        stderr = self._stderr.read().decode("utf-8", "replace")
        self.kill()
        return Died(reason, stderr)

    def end(self) -> None:
        """Let the process end by itself, which it does when its stdin closes, or kill it."""
        self._requests.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(2.0)
        self.kill()

    def kill(self) -> None:
        """End the process at once and free what belongs to it."""
        self._popen.kill()
        self._popen.wait()
        self._requests.put(None)
        for thread in self._threads:
            thread.join()
        self._stderr.close()


def environment(threads: int = 1) -> dict[str, str]:
    """Our environment, in which this very refinterp is found and libraries have so many threads."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": path}


def exit_reason(code: int) -> str:
    """Say how a process ended, by the code that subprocess gives."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"
