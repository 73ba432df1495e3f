"""What a kernel class says of itself, against what it has: each of its promises is held."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.operators.cases import load_all as load_cases
from conformance.operators.draw import RandomDraw
from refinterp.graph.operators import OPERATORS
from refinterp.kernels.contract import ControlKernel, Kernel, Steady
from refinterp.kernels.registry import load_all
from refinterp.kernels.weighted_kernel import WeightedKernel
from refinterp.run.prepare import prepare


def _below(cls: type[Any]) -> Iterator[type[Any]]:
    for one in cls.__subclasses__():
        yield one
        yield from _below(one)


REGISTERED = {entry.kernel for entry in load_all().values()}


def _kept(cls: type[Any]) -> bool:
    """Whether a class is in use: a dataclass with slots leaves its first self behind."""
    return cls in REGISTERED or getattr(sys.modules[cls.__module__], cls.__name__, None) is cls


def _classes() -> list[type[Kernel]]:
    """Registered kernels, and those that their `prepare` may return; no bases of others."""
    ours = [cls for cls in _below(Kernel) if cls.__module__.startswith("refinterp.kernels")]
    last = {cls for cls in ours if cls in REGISTERED or not cls.__subclasses__()}
    return sorted(filter(_kept, last), key=lambda cls: cls.__qualname__)


CLASSES = _classes()


def _settles(cls: type[Kernel]) -> bool:
    """Whether settling changes anything: a weighted kernel's does where its layout's does."""
    if issubclass(cls, WeightedKernel) and cls.settle is WeightedKernel.settle:
        return cls.settled is not WeightedKernel.settled
    return cls.settle is not Kernel.settle


def _records(cls: type[Kernel]) -> bool:
    return getattr(cls, "record", Steady.record) is not Steady.record


def test_every_registered_kernel_is_one():
    """A class that is registered is a kernel, so that what follows sees it."""
    assert len(REGISTERED) > 100
    assert {cls for cls in REGISTERED if cls not in CLASSES} == set()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__qualname__)
def test_flags_say_what_is_overridden(cls):
    """A flag without its method fails when it runs; a method without its flag is never called."""
    assert cls.remembers == (cls.state is not Kernel.state)
    assert cls.controls == issubclass(cls, ControlKernel) == hasattr(cls, "control")
    assert cls.settles == _settles(cls)
    assert cls.steady == _records(cls)


def _dynamic():
    """Kernels of real data and weights of codes, prepared for drawn models."""
    for operator, dtype in sorted(load_cases()):
        if operator in OPERATORS and dtype.startswith("float32x"):
            model = load_cases()[operator, dtype](RandomDraw(1)).model
            for step in prepare(model).steps:
                if step.name == operator:
                    yield operator, dtype, step


def test_kernels_that_make_codes_say_which():
    """Of data that are float32 and weights that are codes: with a zero point or without."""
    said = {}
    for operator, dtype, step in _dynamic():
        assert step.kernel is not None
        said[operator, dtype] = step.kernel.zero_points()
    assert len(said) > 15
    assert {
        key for key, zeros in said.items() if zeros is None and key[1] != "float32xf16"
    } == set()
    assert set(said.values()) >= {True, False}


def test_kernels_that_remember_have_no_optional_operands():
    """Their state stands after their operands: one left out by a shorter list would shift it."""
    where = {cls.__module__ for cls in CLASSES if cls.remembers}
    keep = [entry for entry in load_all().values() if entry.kernel.__module__ in where]
    assert len(where) > 4
    for entry in keep:
        assert entry.facts is not None
        assert entry.facts.few_operands is None
        assert entry.facts.operands.many is None
        assert all(entry.facts.operands.required), entry.operator
