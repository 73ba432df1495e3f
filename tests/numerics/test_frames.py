"""Frames: every tap of every window, against looking the pixels up one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.numerics import frames
from refinterp.numerics.frames import FrameGrid
from refinterp.numerics.window import window

SMALL = st.integers(1, 4)


def looked_up(images, grid, fill):
    """(n, lines, columns, ky, kx, channels) from the definition of a window."""
    rows, columns = grid.rows, grid.columns
    n, height, width, _ = images.shape
    shape = (n, rows.size, columns.size, rows.kernel, columns.kernel, grid.depth)
    found = np.full(shape, fill, np.float32)
    repeated = np.repeat(images, grid.repeat, axis=3)
    for y, x, ky, kx in np.ndindex(shape[1:5]):
        line = y * rows.stride - rows.before + ky * rows.dilation
        pixel = x * columns.stride - columns.before + kx * columns.dilation
        if 0 <= line < height and 0 <= pixel < width:
            found[:, y, x, ky, kx] = repeated[:, line, pixel]
    return found


@pytest.mark.parametrize("block", [1, 60, 1 << 17])
@given(
    padding=st.sampled_from(["SAME", "VALID"]),
    n=SMALL, height=st.integers(1, 9), width=st.integers(1, 9), channels=SMALL, repeat=SMALL,
    kernel=st.tuples(SMALL, SMALL), stride=st.tuples(SMALL, SMALL),
    dilation=st.tuples(SMALL, SMALL), transposed=st.booleans(),
)  # fmt: skip
def test_taps_are_the_pixels_of_the_windows(
    block, padding, n, height, width, channels, repeat, kernel, stride, dilation, transposed
):
    """Whatever the window, its padding, and how many lines or images a block has."""
    rows = window(padding, height, kernel[0], stride[0], dilation[0], where="rows")
    columns = window(padding, width, kernel[1], stride[1], dilation[1], where="columns")
    grid = FrameGrid(rows, columns, channels, repeat)
    images = np.arange(n * height * width * channels, dtype=np.float32)
    images = images.reshape(n, height, width, channels)
    if transposed:  # images need not lie in one piece
        images = np.ascontiguousarray(images[..., ::-1])[..., ::-1]
    wanted = looked_up(images, grid, -7)
    found = np.full_like(wanted, np.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "BLOCK", block)
        frames._layout.cache_clear()
        for part in grid.blocks(images, np.float32, -7, lambda s, d: np.full(s, np.nan, d)):
            own = found[part.first : part.last, part.top : part.bottom]
            for ky, kx in np.ndindex(rows.kernel, columns.kernel):
                own[..., ky, kx, :] = part.tap(ky, kx)
    frames._layout.cache_clear()
    np.testing.assert_array_equal(found, wanted)


def test_no_images_have_no_blocks():
    """Nothing in, nothing out."""
    grid = FrameGrid(*(window("SAME", 3, 2, 1, where="w") for _ in range(2)), 2)
    assert list(grid.blocks(np.empty((0, 3, 3, 2)), np.float32, 0, np.empty)) == []
