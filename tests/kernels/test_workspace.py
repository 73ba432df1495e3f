"""Scratch memory: lent apart, aligned, and the same bytes again after a reset."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinterp.kernels.workspace import Workspace

WANTS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 5), max_size=3).map(tuple),
        st.sampled_from([np.int8, np.float32, np.float64]),
    ),
    max_size=8,
)


@given(st.lists(WANTS, min_size=1, max_size=5))
def test_arrays_do_not_overlap(rounds):
    """Whatever is asked for, before and after it grows, each array keeps what was put in it."""
    work = Workspace()
    for wants in rounds:
        work.reset()
        lent = [work.take(shape, dtype) for shape, dtype in wants]
        for number, array in enumerate(lent):
            array.fill(number)
        for number, (array, (shape, dtype)) in enumerate(zip(lent, wants, strict=True)):
            assert (array.shape, array.dtype) == (shape, dtype)
            assert np.all(array == number)


def test_grows_once_and_then_lends_the_same_bytes():
    """After one round of a need the next rounds get the same aligned memory, and no more."""
    work = Workspace()
    for _ in range(2):
        work.reset()
        work.take((1 << 20,), np.float32)
        work.take((3, 7), np.int8)
    held = work.nbytes
    places = []
    for _ in range(3):
        work.reset()
        arrays = work.take((1 << 20,), np.float32), work.take((3, 7), np.int8)
        places.append([array.ctypes.data for array in arrays])
    assert places[0] == places[1] == places[2]
    assert all(place % 64 == 0 for place in places[0])
    assert work.nbytes == held
