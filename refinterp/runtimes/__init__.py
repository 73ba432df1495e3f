"""Installed LiteRT and TFLM behind one adapter, each in a worker process that may die."""

from refinterp.runtimes.client import Runtime, open_runtime
from refinterp.runtimes.names import RUNTIMES, unavailable
from refinterp.runtimes.outcome import (
    Allocation,
    Allocations,
    Death,
    Detail,
    Died,
    Outcome,
    Ran,
    Refused,
    RuntimeCase,
)

__all__ = [
    "RUNTIMES",
    "Allocation",
    "Allocations",
    "Death",
    "Detail",
    "Died",
    "Outcome",
    "Ran",
    "Refused",
    "Runtime",
    "RuntimeCase",
    "open_runtime",
    "unavailable",
]
