"""Samples divided among processes of this machine, each with its own program and memory."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from refinterp.errors import RefinterpError
from refinterp.modelfile.reader import read_model
from refinterp.numerics.threads import one_blas_thread
from refinterp.run.batches import Results, run_samples
from refinterp.run.opening import with_data
from refinterp.run.prepare import prepare
from refinterp.samples.request import DataRequest


@dataclass(frozen=True, slots=True)
class Work:
    """What a process is told: paths that it can open, and options."""

    model: str
    data: DataRequest
    flavour: str
    plain: bool = False
    batch: int | None = None
    keep: bool = False


def run_in_processes(
    work: Work, count: int, workers: int, progress: Callable[[int], None] | None = None
) -> Results:
    """Run `count` samples in so many processes, a run of neighbours each.

    The results are those of one process, which no sample may depend on another for. Raises
    RefinterpError when a process dies; errors within one come through.
    """
    cuts = [count * i // workers for i in range(workers + 1)]
    total = Results()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = [
            pool.submit(_run, work, start, stop)
            for start, stop in itertools.pairwise(cuts)
            if stop > start
        ]
        try:
            for future in futures:
                total.extend(future.result())
                if progress is not None:
                    progress(len(total.outputs))
        except BrokenProcessPool:
            raise RefinterpError(
                "a worker died; if memory ran out, fewer --workers need less"
            ) from None
        finally:
            for future in futures:
                future.cancel()
    return total


@one_blas_thread()
def _run(work: Work, start: int, stop: int) -> Results:
    model, samples = with_data(read_model(work.model), work.data)
    program = prepare(model, flavour=work.flavour, plain=work.plain)
    return run_samples(program, samples, start=start, stop=stop, batch=work.batch, keep=work.keep)
