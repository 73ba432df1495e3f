"""Strategies shared by every test; each aims at the values where integer code goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from conformance.operators.case import Case, Generator

scales = st.integers(-12, 2).map(lambda k: 2.0**k) | st.floats(
    2.0**-12, 4.0, width=32, exclude_min=True
)
"""float32 scales; powers of two make exact rounding ties common, others almost never tie."""

zero_points = st.sampled_from([0, -128, 127, -1]) | st.integers(-128, 127)

int32s = st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31), 2**30, -(2**30)]) | st.integers(
    -(2**31), 2**31 - 1
)

factors = (
    st.integers(-20, 3).map(lambda k: 2.0**k)
    | st.floats(2.0**-20, 8.0)
    | st.floats(2.0**-20, 2.0).map(lambda f: float(np.float32(f)))
)
"""Real multipliers of an accumulator."""


class HypothesisDraw:
    """A `conformance.operators.draw.Draw` whose decisions hypothesis makes, and shrinks."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        value: int = self._draw(st.integers(low, high))
        return value


@st.composite
def cases(draw: Callable[..., Any], generator: Generator) -> Case:
    """Cases of one generator of `conformance.operators.cases`."""
    return generator(HypothesisDraw(draw))
