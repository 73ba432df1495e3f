"""One worker process: its pipes, its environment and how it ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from refinterp.errors import UnsupportedError
from refinterp.runtimes.outcome import Died
from refinterp.runtimes.printed import STDERR_TAIL
from refinterp.runtimes.worker import Hello, Reply

START_TIMEOUT: Final = 120.0  # seconds for a process to import its runtime


class WorkerProcess:
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
