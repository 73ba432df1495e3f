"""Image patches as rows of a matrix, a block at a time, so that they stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from refinterp.numerics.tape import NOW, Do, fill, put
from refinterp.numerics.window import Window

Take = Callable[[tuple[int, ...], Any], NDArray[Any]]
"""Lends scratch memory of a shape and dtype."""

BLOCK = 1 << 18  # elements of one block of patches: 1 MiB of float32
_SHORT = 16  # elements of a run of pixels below which copying them takes long
BAND = 32  # elements of a band, and of its columns, below which matrix products are too small


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
        return _one_by_one(self.rows) and _one_by_one(self.columns)

    @property
    def tile(self) -> int:
        """How many neighbouring windows are worth being read as one: 2 where runs are short."""
        w = self.columns
        short = self.rows.kernel * w.kernel > 1 and w.kernel * self.channels <= _SHORT
        return 2 if short and w.dilation == 1 and w.size % 2 == 0 else 1

    def tiled(self, count: int) -> PatchGrid:
        """Read `count` neighbouring windows of a line as one, which counts as one output pixel."""
        if count == 1:
            return self
        w = self.columns
        wide = (count - 1) * w.stride + w.kernel
        columns = replace(w, size=w.size // count, kernel=wide, stride=count * w.stride)
        return replace(self, columns=columns)

    @property
    def banded(self) -> bool:
        """Whether `bands` is worth more than `blocks`: neighbouring windows share lines."""
        return (
            self.rows.stride == 1
            and self.rows.kernel > 1
            and self.columns.kernel * self.channels >= BAND
            and self.rows.size * self.columns.size >= BAND
        )

    def blocks(
        self,
        images: NDArray[Any],
        dtype: Any,
        outside: float,
        take: Take,
        width: int = 0,
        do: Do = NOW,
    ) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (start, stop, patches): patches (stop - start, depth) of `dtype`.

        images: (n, height, width, channels), possibly a strided view. start and stop count output
        pixels over all images. outside: the value outside the image. The patches of one block are
        void when the next is asked for. width: elements made of one patch, where they are more than
        its own: they have to stay in cache as well.
        """
        if self.pointwise:
            yield from self._pixels(images, dtype, take, width, do)
            return
        for first, _, top, bottom, frame, matrix in self._pieces(
            images, dtype, outside, take, max(self.depth, width), self.depth, 0, do
        ):
            view = self._windows(frame, top, bottom, self.rows.kernel)
            block = matrix[: math.prod(view.shape[:3])]
            do(np.copyto, block.reshape(view.shape), view)
            start = (first * self.rows.size + top) * self.columns.size
            yield start, start + len(block), block

    def bands(
        self, images: NDArray[Any], dtype: Any, outside: float, take: Take, width: int, do: Do = NOW
    ) -> Iterator[tuple[int, int, tuple[NDArray[Any], ...]]]:
        """Yield (start, stop, bands) as `blocks` does, for windows with a row stride of 1.

        bands: for each kernel row a matrix (images, lines * columns, kernel width * channels) of
        what it reads. They share the memory of their lines: each pixel is copied once for each
        kernel column, not for each kernel row as well.
        """
        depth = self.columns.kernel * self.channels
        more = (self.rows.kernel - 1) * self.rows.dilation
        for first, last, top, bottom, frame, matrix in self._pieces(
            images, dtype, outside, take, max(depth, width), depth, more, do
        ):
            view = self._windows(frame, top, bottom + more, 1)
            count, lines = last - first, bottom - top
            block = matrix[: math.prod(view.shape[:3])]
            do(np.copyto, block.reshape(view.shape), view)
            stack = block.reshape(count, lines + more, self.columns.size, depth)
            bands = tuple(
                stack[:, row : row + lines].reshape(count, lines * self.columns.size, depth)
                for row in range(0, more + 1, self.rows.dilation)
            )
            start = (first * self.rows.size + top) * self.columns.size
            yield start, start + count * lines * self.columns.size, bands

    def _pieces(
        self,
        images: NDArray[Any],
        dtype: Any,
        outside: float,
        take: Take,
        wide: int,
        depth: int,
        more: int,
        do: Do,
    ) -> Iterator[tuple[int, int, int, int, NDArray[Any], NDArray[Any]]]:
        """Yield (first, last image, top, bottom line, padded frame, matrix for its patches).

        wide: elements per pixel that count towards a block, depth: those of a row of the matrix;
        more: lines that the matrix has besides those of the output.
        """
        count = images.shape[0]
        per_image = self.rows.size * self.columns.size * wide
        if per_image == 0 or count == 0:
            return
        group = min(count, max(1, BLOCK // per_image))
        lines = self.rows.size if group > 1 else max(1, BLOCK // (per_image // self.rows.size))
        lines = min(lines, self.rows.size)
        padded = self._frame(group, images.shape[1:3], dtype, outside, take, do)
        matrix = take((group * (lines + more) * self.columns.size, depth), dtype)
        for first in range(0, count, group):
            some = images[first : first + group]
            do(put, self._inner(padded, images.shape[1:3])[: len(some)], some)
            for top in range(0, self.rows.size, lines):
                bottom = min(top + lines, self.rows.size)
                yield first, first + len(some), top, bottom, padded[: len(some)], matrix

    def _pixels(
        self, images: NDArray[Any], dtype: Any, take: Take, width: int, do: Do
    ) -> Iterator[tuple[int, int, NDArray[Any]]]:
        flat = images.reshape(-1, self.channels)
        step = max(1, BLOCK // max(self.channels, width, 1))
        if images.dtype == dtype and images.flags.c_contiguous:
            for start in range(0, len(flat), step):
                yield start, min(start + step, len(flat)), flat[start : start + step]
            return
        matrix = take((min(step, len(flat)), self.channels), dtype)
        for start in range(0, len(flat), step):
            some = flat[start : start + step]
            block = matrix[: len(some)]
            do(put, block, some)
            yield start, start + len(some), block

    def _frame(
        self,
        count: int,
        size: tuple[int, ...],
        dtype: Any,
        value: float,
        take: Take,
        do: Do,
    ) -> NDArray[Any]:
        """An image frame with its border filled; large enough for every window."""
        height = max(size[0] + self.rows.before + self.rows.after, _reach(self.rows))
        width = max(size[1] + self.columns.before + self.columns.after, _reach(self.columns))
        padded = take((count, height, width, self.channels), dtype)
        do(fill, padded, value)
        return padded

    def _inner(self, padded: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
        top, left = self.rows.before, self.columns.before
        return padded[:, top : top + size[0], left : left + size[1]]

    def _windows(self, padded: NDArray[Any], top: int, bottom: int, high: int) -> NDArray[Any]:
        """View (n, lines, columns, kernel rows, kernel width, channels) of padded images.

        high: how many of the kernel's rows.
        """
        image, line, pixel, channel = padded.strides
        origin = padded[:, top * self.rows.stride :]
        return as_strided(
            origin,
            (
                len(padded),
                bottom - top,
                self.columns.size,
                high,
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


def _one_by_one(w: Window) -> bool:
    return w.kernel == 1 and w.stride == 1 and w.before == w.after == 0


def _reach(w: Window) -> int:
    return (w.size - 1) * w.stride + (w.kernel - 1) * w.dilation + 1 if w.size else 0
