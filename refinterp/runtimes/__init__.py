"""Installed LiteRT and TFLM behind one adapter, each in a worker process that may die."""

from refinterp.runtimes.client import Runtime, open_runtime
from refinterp.runtimes.names import RUNTIMES, unavailable
from refinterp.runtimes.outcome import (
    Allocation,
    Allocations,
    Case,
    Death,
    Detail,
    Died,
    Outcome,
    Ran,
    Refused,
)

__all__ = [
    "RUNTIMES",
    "Allocation",
    "Allocations",
    "Case",
    "Death",
    "Detail",
    "Died",
    "Outcome",
    "Ran",
    "Refused",
    "Runtime",
    "open_runtime",
    "unavailable",
]
