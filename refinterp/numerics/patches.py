"""Image patches as rows of a matrix, a block at a time, so that they stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from refinterp.numerics.window import Window

Take = Callable[[tuple[int, ...], Any], NDArray[Any]]
"""Lends scratch memory of a shape and dtype."""

BLOCK = 1 << 17  # elements of one block of patches: 512 KiB of float32


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """How a 2-D window walks over images of `channels` channels."""

    rows: Window
    columns: Window
    channels: int

    @property
    def depth(self) -> int:
        """Elements of one patch: kernel height * width * channels."""
        return self.rows.kernel * self.columns.kernel * self.channels

    @property
    def pointwise(self) -> bool:
        """Whether the patches are the pixels themselves, in order."""
        return all(
            w.kernel == 1 and w.stride == 1 and w.before == w.after == 0
            for w in (self.rows, self.columns)
        )

    def blocks(
        self, images: NDArray[Any], dtype: Any, fill: float, take: Take, width: int = 0
    ) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (start, stop, patches): patches (stop - start, depth) of `dtype`.

        images: (n, height, width, channels), possibly a strided view. start and stop count output
        pixels over all images. fill: the value outside the image. The patches of one block are
        void when the next is asked for. width: elements made of one patch, where they are more than
        its own: they have to stay in cache as well.
        """
        if self.pointwise:
            yield from self._pixels(images, dtype, take, width)
            return
        count = images.shape[0]
        per_image = self.rows.size * self.columns.size * max(self.depth, width)
        if per_image == 0 or count == 0:
            return
        group = min(count, max(1, BLOCK // per_image))
        lines = self.rows.size if group > 1 else max(1, BLOCK // (per_image // self.rows.size))
        lines = min(lines, self.rows.size)
        padded = self._frame(group, images.shape[1:3], dtype, fill, take)
        matrix = take((group * lines * self.columns.size, self.depth), dtype)
        pixels = self.rows.size * self.columns.size
        for first in range(0, count, group):
            some = images[first : first + group]
            self._inner(padded, images.shape[1:3])[: len(some)] = some
            for top in range(0, self.rows.size, lines):
                bottom = min(top + lines, self.rows.size)
                view = self._windows(padded[: len(some)], top, bottom)
                block = matrix[: math.prod(view.shape[:3])]
                block.reshape(view.shape)[...] = view
                start = first * pixels + top * self.columns.size
                yield start, start + len(block), block

    def _pixels(
        self, images: NDArray[Any], dtype: Any, take: Take, width: int
    ) -> Iterator[tuple[int, int, NDArray[Any]]]:
        flat = images.reshape(-1, self.channels)
        if images.dtype == dtype and images.flags.c_contiguous and not width:
            yield 0, len(flat), flat
            return
        step = max(1, BLOCK // max(self.channels, width, 1))
        matrix = take((min(step, len(flat)), self.channels), dtype)
        for start in range(0, len(flat), step):
            some = flat[start : start + step]
            block = matrix[: len(some)]
            block[...] = some
            yield start, start + len(some), block

    def _frame(
        self, count: int, size: tuple[int, ...], dtype: Any, fill: float, take: Take
    ) -> NDArray[Any]:
        """An image frame with its border filled; large enough for every window."""
        height = max(size[0] + self.rows.before + self.rows.after, _reach(self.rows))
        width = max(size[1] + self.columns.before + self.columns.after, _reach(self.columns))
        padded = take((count, height, width, self.channels), dtype)
        padded.fill(fill)
        return padded

    def _inner(self, padded: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
        top, left = self.rows.before, self.columns.before
        return padded[:, top : top + size[0], left : left + size[1]]

    def _windows(self, padded: NDArray[Any], top: int, bottom: int) -> NDArray[Any]:
        """View (n, lines, columns, kernel height, kernel width, channels) of padded images."""
        image, line, pixel, channel = padded.strides
        origin = padded[:, top * self.rows.stride :]
        return as_strided(
            origin,
            (
                len(padded),
                bottom - top,
                self.columns.size,
                self.rows.kernel,
                self.columns.kernel,
                self.channels,
            ),
            (
                image,
                line * self.rows.stride,
                pixel * self.columns.stride,
                line * self.rows.dilation,
                pixel * self.columns.dilation,
                channel,
            ),
            writeable=False,
        )


def _reach(w: Window) -> int:
    return (w.size - 1) * w.stride + (w.kernel - 1) * w.dilation + 1 if w.size else 0
