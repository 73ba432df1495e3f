"""Notes of calls: made at once or later, they come to the same."""

from __future__ import annotations

import numpy as np

from refinterp.numerics.tape import NOW, Tape, clip, fill, put


def test_a_tape_makes_the_calls_in_order_each_time_it_is_played():
    """Nothing happens before it is played; then each playing reads what the arrays hold."""
    data, out = np.arange(4), np.zeros(4)
    tape = Tape()
    for do in (tape, NOW):
        do(put, out, data)
        do(np.multiply, out, 2.0, out)
        do(clip, out, 1.0, 5.0, out)
        if do is tape:
            assert out.tolist() == [0, 0, 0, 0]
    assert out.tolist() == [1, 2, 4, 5]
    data[:] = 1
    tape.play()
    assert out.tolist() == [2, 2, 2, 2]


def test_fill_and_put_convert_as_c_does():
    """Floats are cut to integers."""
    out = np.zeros(2, np.int8)
    put(out, np.array([1.9, -1.9]))
    assert out.tolist() == [1, -1]
    fill(out, 7)
    assert out.tolist() == [7, 7]
