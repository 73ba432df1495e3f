"""The installed runtimes, one process of each for a file of tests; without one its tests skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from refinterp.runtimes import Runtime
from tests.kernels.oracle import opened


@pytest.fixture(scope="module")
def litert() -> Iterator[Runtime]:
    """LiteRT's reference kernels."""
    yield from opened("runtime:litert-reference")


@pytest.fixture(scope="module")
def optimized() -> Iterator[Runtime]:
    """LiteRT's optimized kernels."""
    yield from opened("runtime:litert-optimized")


@pytest.fixture(scope="module")
def tflm() -> Iterator[Runtime]:
    """The TFLM wheel."""
    yield from opened("runtime:tflm")
