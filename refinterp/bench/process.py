"""A measurement in a process of its own, where subjects may die and BLAS is told its threads.

All subjects of a job run in one process, in turns. The process says whom it is about to run, so
that one that takes it down is known: it is reported as died, and the others are measured again.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from refinterp.bench.job import Failed, Job, Timed, Timings
from refinterp.errors import RefinterpError
from refinterp.runtimes.process import environment, exit_reason

_PATIENCE: Final = 120.0  # seconds beside those that the job asks for
_COMMAND: Final = ("-m", "refinterp.bench")
_START: Final = "start"  # what dies before any subject ran


@dataclass(frozen=True, slots=True)
class About:
    """Message: this subject is run next."""

    name: str


def measure(job: Job) -> Timings:
    """Measure a job; subjects that refuse the model or die on it are reported as such.

    Raises RefinterpError when the process does not start or dies with no subject running.
    """
    died: list[Failed] = []
    while True:
        alive = tuple(n for n in job.subjects if n not in {d.name for d in died})
        if not alive:
            return Timings(job, tuple(died), (), 0)
        outcome, at, reason = _run(replace(job, subjects=alive))
        if outcome is not None:
            found = {s.name: s for s in (*outcome.subjects, *died)}
            return replace(outcome, job=job, subjects=tuple(found[n] for n in job.subjects))
        if at == _START:
            raise RefinterpError(f"the measuring process ended before it began: {reason}")
        died += _guilty(replace(job, subjects=alive)) or [Failed(at, "died", reason)]


def _guilty(job: Job) -> list[Failed]:
    """The subjects that also die alone: damage done to memory may take down the next in turn."""
    died = []
    if len(job.subjects) > 1:
        for name in job.subjects:
            alone = replace(job, subjects=(name,), seconds=0.0, per_operator=False)
            outcome, at, reason = _run(alone)
            if outcome is None and at != _START:
                died.append(Failed(name, "died", reason))
    return died


def _run(job: Job) -> tuple[Timings | None, str, str]:
    """Return what a process found; or None, whom it was running when it ended, and why it did."""
    limit = _PATIENCE + 20 * job.seconds * (len(job.subjects) + 1)
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(job.threads),
        )
        try:
            said, _ = process.communicate(pickle.dumps(job), timeout=limit)
            reason = exit_reason(process.returncode)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            reason = f"timeout after {limit:g} s"
        except BaseException:
            process.kill()
            process.wait()
            raise
        stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - 1000))
        printed = stderr.read().decode("utf-8", "replace").strip()
    at = _START
    for message in _messages(said):
        if isinstance(message, Timings):
            return message, at, ""
        if isinstance(message, RefinterpError):
            raise message
        at = message.name
    return None, at, f"{reason}; it said: {printed}" if printed else reason


def _messages(said: bytes) -> Iterator[Any]:
    """The pickles in what the process wrote, the last of which may be cut off."""
    stream = io.BytesIO(said)
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            yield pickle.load(stream)


def serve() -> None:
    """Be the measuring process: a job comes in on stdin, messages go out on stdout."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing a runtime prints may reach the messages

    def send(message: object) -> None:
        pickle.dump(message, replies)
        replies.flush()

    job = cast(Job, pickle.load(sys.stdin.buffer))
    send(_timings(job, lambda name: send(About(name))))


def _timings(job: Job, announce: Any) -> Timings:
    from refinterp.bench.subjects import Subject, open_subject
    from refinterp.bench.timing import operator_macs, profile, take_turns

    subjects: list[Subject] = []
    results: dict[str, Timed | Failed] = {}
    for name in job.subjects:
        announce(name)
        try:
            subject = open_subject(
                name,
                job.model,
                batch=job.batch,
                threads=job.threads,
                plain=job.plain,
                samples=job.samples,
            )
            subject.invoke()
        except Exception as error:
            results[name] = Failed(name, "refused", f"{type(error).__name__}: {error}")
        else:
            subjects.append(subject)
    for name, (count, seconds) in take_turns(job, subjects, announce).items():
        (subject,) = (s for s in subjects if s.name == name)
        results[name] = Timed(name, subject.version, tuple(seconds), count, subject.side_by_side)
    executors = [s.executor for s in subjects if s.executor is not None]
    work = sum(operator_macs(executors[0].program).values()) if executors else 0
    operators = profile(job, executors[0]) if executors and job.per_operator else ()
    return Timings(job, tuple(results[n] for n in job.subjects), operators, work)
