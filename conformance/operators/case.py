"""A case: one small model and the inputs to run it on; and the table of generators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from conformance.operators.draw import Draw
from refinterp.graph.model import Model

Sample = list[NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A model to compare on.

    samples: per invocation, one array per model input, in order.
    float_tolerance: the difference allowed on float tensors, relative to the largest magnitude of
    the tensor. float_absolute: allowed besides, in the tensor's units: for sums of products the
    generator states 2 * K * eps * sum|x * w|, which cancellation does not shrink.
    undefined: runtimes that have no defined result on models of this kind; known_differences says
    what they do instead.
    """

    model: Model
    samples: list[Sample]
    float_tolerance: float = 1e-6
    float_absolute: float = 0.0
    undefined: frozenset[str] = frozenset()


Generator = Callable[[Draw], Case]
GENERATORS: dict[tuple[str, str], Generator] = {}
"""(operator, dtype key) → what draws its cases; the keys are the kernel registry's."""

FAMILIES: dict[str, str] = {}
"""Operator → the module of `cases` that draws it, by its last name."""


def generator(operator: str, *dtypes: str) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    """Register a function (draw, dtype) → Case for an operator's dtype keys."""

    def register(function: Callable[..., Case]) -> Callable[..., Case]:
        FAMILIES.setdefault(operator, function.__module__.rpartition(".")[2])
        for dtype in dtypes:
            GENERATORS[operator, dtype] = lambda d, key=dtype: function(d, key)  # type: ignore[misc]
        return function

    return register
