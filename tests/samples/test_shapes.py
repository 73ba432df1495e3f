"""How arrays stand to inputs: a property over axes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.errors import UsageError
from refinterp.samples.shapes import fit_shape
from refinterp.samples.source import open_samples
from tests.samples.models import free, spec


def taken(array: np.ndarray, wanted, tmp_path) -> np.ndarray:
    """What a .npy of this array gives, all samples stacked."""
    path = tmp_path / "a.npy"
    np.save(path, array)
    samples = open_samples(path, [wanted])
    return np.stack([values for (values,) in samples])


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(SIZES, st.integers(1, 4), st.data())
def test_axes_of_one_come_and_go(sizes, count, data):
    """Samples keep their order whatever axes of size 1 the array has, or lacks."""
    shape = (1, *sizes)
    kept = [n for n in sizes if n != 1 or data.draw(st.booleans())]
    for place in sorted(data.draw(st.lists(st.integers(0, len(kept)), max_size=2)), reverse=True):
        kept.insert(place, 1)
    fit = fit_shape((count, *kept), spec(shape, "float32", None))
    size = int(np.prod(sizes))
    assert fit.shape == shape
    assert fit.count * np.prod(fit.shape) == count * size


@pytest.mark.parametrize(
    ("given_shape", "shape", "count"),
    [
        ((7, 1, 4, 4, 1), (1, 4, 4, 1), 7),
        ((1, 4, 4, 1), (1, 4, 4, 1), 1),
        ((7, 4, 4, 1), (1, 4, 4, 1), 7),
        ((7, 4, 4), (1, 4, 4, 1), 7),
        ((4, 4), (1, 4, 4, 1), 1),
        ((7, 16), (1, 4, 4, 1), 7),
        ((16,), (1, 4, 4, 1), 1),
        ((7, 4, 4, 1), (1, 4, 4), 7),
        ((7, 4, 4), (1, 16), 7),
        ((49, 1, 40), (1, 1960), 1),
        ((5,), (1, 1), 5),
        ((6, 4), (2, 4), 3),
        ((5,), (), 5),
        ((), (), 1),
        ((9, 128, 3), (1, 384), 9),
        ((9, 384), (1, 128, 3), 9),
    ],
)
def test_samples_in_the_order_they_lie_in(given_shape, shape, count, tmp_path):
    """Every array is taken row by row: nothing is reordered, nothing lost."""
    array = np.arange(np.prod(given_shape, dtype=int), dtype=np.float32).reshape(given_shape)
    found = taken(array, spec(shape, "float32", None), tmp_path)
    assert found.shape == (count, *shape)
    np.testing.assert_array_equal(found.reshape(-1), array.reshape(-1))


@pytest.mark.parametrize(
    ("given_shape", "shape", "said"),
    [
        ((5, 3, 8, 6), (1, 8, 6, 3), r"transpose\(array, \(0, 2, 3, 1\)\)"),
        ((3, 8, 6), (1, 8, 6, 3), r"transpose\(array, \(1, 2, 0\)\)"),
        ((5, 8, 6, 3), (1, 3, 8, 6), r"transpose\(array, \(0, 3, 1, 2\)\)"),
        ((5, 8 * 6 * 3), (1, 8, 6, 3), "do not say which channel"),
        ((5, 8, 6), (1, 8, 6, 3), r"takes \[1, 8, 6, 3\]"),
        ((5, 9), (1, 8), r"has shape \[5, 9\]"),
        ((5, 4), (2, 4), "a multiple of 2"),
        ((), (1, 4), r"has shape \[\]"),
    ],
)
def test_what_would_need_another_order_is_refused(given_shape, shape, said, tmp_path):
    """The message has the file, both shapes, and how to get there."""
    with pytest.raises(UsageError, match=said) as caught:
        taken(np.zeros(given_shape, np.float32), spec(shape, "float32", None), tmp_path)
    assert "a.npy" in str(caught.value)
    assert str(list(given_shape)) in str(caught.value)


@pytest.mark.parametrize(
    ("given_shape", "shape", "signature", "count", "sized"),
    [
        ((5, 24, 20, 3), (1, 1, 1, 3), (-1, -1, -1, 3), 5, (1, 24, 20, 3)),
        ((24, 20, 3), (1, 1, 1, 3), (1, -1, -1, 3), 1, (1, 24, 20, 3)),
        ((5, 24, 20), (1, 1, 1, 1), (-1, -1, -1, 1), 5, (1, 24, 20, 1)),
        ((15600,), (1,), (-1,), 1, (15600,)),
        ((3, 15600), (1,), (-1,), 3, (15600,)),
        ((5, 8), (1, 8), (-1, 8), 5, (1, 8)),
    ],
)
def test_open_sizes_come_from_the_array(given_shape, shape, signature, count, sized):
    """A -1 of the signature is any size; an open batch is the number of samples."""
    fit = fit_shape(given_shape, free(shape, signature))
    assert (fit.count, fit.shape) == (count, sized)


def test_open_channels_are_not_guessed():
    """A size that is fixed has to fit."""
    with pytest.raises(UsageError, match=r"\[1, \?, \?, 3\]"):
        fit_shape((5, 24, 20, 4), free((1, 1, 1, 3), (-1, -1, -1, 3)))
