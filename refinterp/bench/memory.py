"""The memory of a run, measured in a process that does nothing else.

    python -m refinterp.bench.memory MODEL BATCH FLAVOUR

prints what it found as one JSON object.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy  # noqa: F401 - what is measured is what comes on top of it

from refinterp.errors import RefinterpError

ALLOWANCE: Final = 60 << 20
"""Bytes that code, tables and scratch memory may take beside what grows with the model."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes. peak: resident at most, beyond a process that has imported NumPy.

    model: the file. arena: the plan of one sample; samples: that run side by side; prepared: the
    kernels' own arrays.
    """

    peak: int
    model: int
    arena: int
    samples: int
    prepared: int

    @property
    def bound(self) -> int:
        """What the peak is to stay below."""
        return self.model + 2 * self.arena * self.samples + self.prepared + ALLOWANCE


def measure_memory(model: bytes, batch: int, flavour: str) -> MemoryUse:
    """Run a model in a fresh process; raises RefinterpError when that fails."""
    from refinterp.runtimes.process import environment

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        done = subprocess.run(
            [sys.executable, "-m", "refinterp.bench.memory", str(path), str(batch), flavour],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RefinterpError(f"memory cannot be measured: {last[0]}")
    return MemoryUse(**json.loads(done.stdout))


def peak_rss() -> int:
    """The most bytes this process has had resident.

    On Linux getrusage also tells what the process was before it became this program: not so the
    kernel's own record of its memory.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _main(path: str, batch: int, flavour: str) -> None:
    before = peak_rss()
    from refinterp.modelfile.reader import read_model
    from refinterp.run.account import prepared_bytes
    from refinterp.run.batches import batch_size
    from refinterp.run.executor import Executor
    from refinterp.run.prepare import prepare

    program = prepare(read_model(path), flavour=flavour)
    executor = Executor(program, samples=batch_size(program, batch))
    for _ in range(3):
        executor.invoke()
    peak = peak_rss() - before
    found = MemoryUse(
        peak,
        os.path.getsize(path),
        executor.memory.plan.extent,
        executor.samples,
        prepared_bytes(program),
    )
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
