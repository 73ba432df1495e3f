"""The bytes that a prepared program holds, counted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from refinterp.run.program import Program


def prepared_bytes(program: Program) -> int:
    """Count the bytes of all arrays in the kernels, constants of the model's file aside.

    Weights laid out for the products, tables, multipliers. Memory that several share counts once.
    """
    constants = {
        id(_owner(spec.data))
        for graph in program.graphs.values()
        for spec in graph.specs
        if spec.data is not None
    }
    owners: dict[int, int] = {}
    seen: set[int] = set()
    for graph in program.graphs.values():
        for step in graph.steps:
            _collect(step.kernel, owners, seen)
    return sum(size for owner, size in owners.items() if owner not in constants)


def _collect(value: Any, owners: dict[int, int], seen: set[int]) -> None:
    """Note the memory behind every array that can be reached through fields and collections."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        owner = _owner(value)
        owners[id(owner)] = owner.nbytes
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _collect(getattr(value, field.name), owners, seen)
    elif isinstance(value, (tuple, list)):
        for item in value:
            _collect(item, owners, seen)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, owners, seen)


def _owner(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
