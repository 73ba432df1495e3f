"""The standard streams of a command: closed ones, full disks, readers that leave, code pages."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TextIO, cast

from refinterp.report.encodings import fall_back

_READER_LEFT = {errno.EPIPE} | ({errno.EINVAL} if os.name == "nt" else set())


class _Descriptor(io.FileIO):
    """A descriptor that fails once: what is written afterwards is dropped, and the error kept.

    So a command comes to its own verdict, also when `| head` has read enough of it.
    """

    error: OSError | None = None

    def write(self, data: object) -> int:
        """Write, or pretend to."""
        if self.error is None:
            try:
                return cast(int, super().write(data))  # type: ignore[arg-type]
            except OSError as error:
                self.error = error
        return len(memoryview(data))  # type: ignore[arg-type]


class Streams:
    """sys.stdin, stdout and stderr made fit for a command until `restore`.

    fault: why nothing can be written to standard output, or None.
    """

    def __init__(self) -> None:
        self._before = sys.stdin, sys.stdout, sys.stderr
        self._treated: list[tuple[io.TextIOWrapper, str]] = []
        self._output: _Descriptor | None = None
        self.fault: str | None = None
        if sys.stdin is None:
            sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - lives as the process does
        sys.stderr, _ = self._fit(sys.stderr)
        if sys.stdout is None:
            self.fault = "standard output is closed: there is nowhere to write the result"
        sys.stdout, self._output = self._fit(sys.stdout)

    def finish(self) -> None:
        """Write out what is buffered, and note the fault if that was impossible."""
        try:
            sys.stdout.flush()
        except OSError as error:
            self._note(error)
        if self._output is not None and self._output.error is not None:
            self._note(self._output.error)

    def restore(self) -> None:
        """Put the streams back as they were."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = self._before
        for stream, errors in self._treated:
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=errors)

    def _note(self, error: OSError) -> None:
        if error.errno not in _READER_LEFT and self.fault is None:
            self.fault = f"standard output cannot be written: {error.strerror}"

    def _fit(self, stream: TextIO | None) -> tuple[TextIO, _Descriptor | None]:
        if stream is None:
            return open(os.devnull, "w", encoding="utf-8"), None
        if isinstance(stream, io.TextIOWrapper):
            if stream in (sys.__stdout__, sys.__stderr__) and not stream.isatty():
                return self._guarded(stream)
            errors = fall_back(stream)
            if errors is not None:
                self._treated.append((stream, errors))
        return stream, None

    def _guarded(self, stream: io.TextIOWrapper) -> tuple[TextIO, _Descriptor]:
        """A stream to the same descriptor that outlives its reader."""
        stream.flush()
        descriptor = _Descriptor(stream.fileno(), "w", closefd=False)
        guarded = io.TextIOWrapper(
            io.BufferedWriter(descriptor),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        fall_back(guarded)
        return guarded, descriptor
