"""Shards sent to a running Dask cluster, whose workers open the models and samples by their paths.

Float sums are the same on processors of one kind: BLAS libraries choose their code by processor, so
a cluster of different machines may differ from one of them in the last bits.
"""

from __future__ import annotations

import importlib
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from functools import lru_cache
from typing import Any, Final

from refinterp.debug.compare import Comparison
from refinterp.debug.measure.measurements import Measurements
from refinterp.debug.spread.shards import Shard, ShardJob
from refinterp.errors import RefinterpError, UnsupportedError, UsageError
from refinterp.samples.samples import Samples
from refinterp.version import __version__

_POLL: Final = 0.1  # seconds between looks at whether to stop
_CONNECT: Final = "10s"
_AT_ONCE: Final = threading.Lock()  # threads of one process would share a comparison's arrays


def measure_on_cluster(
    address: str,
    job: ShardJob,
    work: Iterable[Shard],
    *,
    progress: Callable[[int], None] | None = None,
    stopping: Callable[[], bool] | None = None,
) -> dict[Shard, Measurements]:
    """Measure shards on the cluster of a scheduler, `tcp://HOST:PORT`; returns the sums of each.

    progress: called with the number of samples done. stopping: once it says yes, shards that have
    not come back are dropped.

    Raises UnsupportedError when Dask is not installed, UsageError when nobody answers at the
    address or the workers have another version, RefinterpError naming the shard whose worker died.
    """
    try:
        dask: Any = importlib.import_module("distributed")
    except ImportError:
        raise UnsupportedError(
            "a cluster needs Dask: install refinterp[cluster], here and on the workers"
        ) from None
    try:
        client = dask.Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"--scheduler {address}: no Dask scheduler answers: {error}") from None
    results: dict[Shard, Measurements] = {}
    answers: queue.Queue[Any] = queue.Queue()
    with client:
        pending = {}
        for shard in work:
            future = client.submit(measure_shard, job, shard, __version__, pure=False)
            pending[future] = shard
            future.add_done_callback(answers.put)
        while pending and not (stopping is not None and stopping()):
            try:
                future = answers.get(timeout=_POLL)
            except queue.Empty:
                continue
            shard = pending.pop(future)
            try:
                results[shard] = future.result()
            except dask.KilledWorker as error:
                raise RefinterpError(
                    f"workers died while measuring {shard} of {job.data.path}: {error}"
                ) from None
            except CancelledError:
                raise RefinterpError(
                    f"the scheduler at {address} was lost while {shard} of {job.data.path} was "
                    "measured"
                ) from None
            if progress is not None:
                progress(sum(part.samples for part in results.values()))
        client.cancel(list(pending))
    return results


def measure_shard(job: ShardJob, shard: Shard, version: str) -> Measurements:
    """Measure one shard, on a worker.

    Raises UsageError when the worker's refinterp is not of the version that asks.
    """
    if version != __version__:
        raise UsageError(
            f"the worker has refinterp {__version__}, the client {version}; "
            "install the same on both"
        )
    with _AT_ONCE:
        return job.measure(_opened(job), shard)


@lru_cache(maxsize=1)
def _opened(job: ShardJob) -> tuple[Comparison, Samples]:
    return job.open()
