"""Shards measured by processes of this machine.

Each process is started afresh, opens the models and the samples itself, and is given one shard at a
time. One that dies takes the measurement with it: the error names the shard, because the same shard
would likely kill the next process too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any, Final

from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.spread.shards import Shard, ShardJob
from refinterp.errors import RefinterpError

_POLL: Final = 0.1  # seconds between looks at whether to stop
_ANSWER: Final = 5.0  # seconds for a worker that was told to end


@dataclass(slots=True, eq=False)
class _Worker:
    """One process. shard: what it is measuring; done: samples of it that it has reported."""

    process: BaseProcess
    connection: Connection
    shard: Shard | None = None
    done: int = 0


def measure_in_processes(
    job: ShardJob,
    work: Iterable[Shard],
    workers: int,
    *,
    progress: Callable[[int], None] | None = None,
    stopping: Callable[[], bool] | None = None,
) -> dict[Shard, Measurements]:
    """Measure shards in so many processes; returns the sums of each.

    progress: called with the number of samples done in all. stopping: once it says yes no shard is
    begun, and those under way come back with the samples they have.

    Raises RefinterpError when a process died, naming its shard; errors in a process come through.
    """
    waiting = deque(work)
    results: dict[Shard, Measurements] = {}
    with _started(job, min(workers, len(waiting))) as (halt, crew):
        for worker in crew:
            _give(worker, waiting)
        while any(worker.shard is not None for worker in crew):
            if stopping is not None and stopping() and not halt.is_set():
                halt.set()
                waiting.clear()
            busy = {w.connection: w for w in crew if w.shard is not None}
            for connection in wait(list(busy), timeout=_POLL):
                worker = busy[connection]  # type: ignore[index]
                _hear(worker, results, job)
                if worker.shard is None and waiting:
                    _give(worker, waiting)
            if progress is not None:
                whole = sum(part.samples for part in results.values())
                progress(whole + sum(worker.done for worker in crew))
    return results


def _give(worker: _Worker, waiting: deque[Shard]) -> None:
    """Hand a worker its next shard; one that is dead is noticed when its answer is awaited."""
    worker.shard, worker.done = waiting.popleft(), 0
    with contextlib.suppress(BrokenPipeError):
        worker.connection.send(worker.shard)


def _hear(worker: _Worker, results: dict[Shard, Measurements], job: ShardJob) -> None:
    """Take one message of a worker."""
    shard = worker.shard
    assert shard is not None
    try:
        message = worker.connection.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join(_ANSWER)
        raise RefinterpError(
            f"a worker died ({_death(worker.process.exitcode)}) while measuring {shard} of "
            f"{job.data.path}; if memory ran out, fewer --workers or a smaller --batch "
            "need less"
        ) from None
    if isinstance(message, int):
        worker.done = message
    elif isinstance(message, Measurements):
        results[shard] = message
        worker.shard, worker.done = None, 0
    elif isinstance(message, RefinterpError):
        raise message
    else:
        raise RuntimeError(f"a worker failed while measuring {shard}:\n{message}")


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


@contextlib.contextmanager
def _started(job: ShardJob, count: int) -> Iterator[tuple[Event, list[_Worker]]]:
    """Start workers; end them on the way out, whatever they are doing."""
    context = multiprocessing.get_context("spawn")
    halt = context.Event()
    crew: list[_Worker] = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(job, theirs, halt), daemon=True)
            with _deaf():
                process.start()
            theirs.close()
            crew.append(_Worker(process, ours))
        yield halt, crew
    finally:
        for worker in crew:
            if worker.shard is not None:
                worker.process.terminate()
            worker.connection.close()
        for worker in crew:
            worker.process.join(_ANSWER)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C, so that a process started meanwhile does too, from its first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _work(job: ShardJob, connection: Connection, halt: Event) -> None:
    """Be a worker: answer shards with sums until the other side hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and says when to stop
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        opened: Any = None
        while True:
            shard = connection.recv()
            try:
                opened = opened or job.open()
                answer: Any = job.measure(
                    opened, shard, progress=connection.send, stopping=halt.is_set
                )
            except RefinterpError as error:
                answer = error
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception:
                answer = traceback.format_exc()
            connection.send(answer)
