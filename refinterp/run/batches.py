"""How many samples run at once, and running any number of them so."""

from __future__ import annotations

from typing import Final

from refinterp.run.memory import plan_of
from refinterp.run.prepare import Program

BATCH_BYTES: Final = 64 << 20
"""What the tensors of the samples that run at once may take together."""


def batch_size(program: Program, count: int, *, kept: int = 0, limit: int = BATCH_BYTES) -> int:
    """Return how many of `count` samples to run at once: at least 1, and evenly divided.

    A sample takes its arena, and `kept` bytes that the caller keeps of each. Programs that run one
    sample at a time get 1.
    """
    if not program.batchable or count <= 1:
        return 1
    each = plan_of(program).extent + kept
    most = max(1, min(count, limit // max(1, each)))
    turns = -(-count // most)
    return -(-count // turns)
