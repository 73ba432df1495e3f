"""Padded images laid out so that every tap of a 2-D window is a plain strided view.

Where `PatchGrid` copies each window into a row of a matrix, a frame copies each pixel once: the
image with its border, a block of lines at a time. With a column stride of s, the pixels a tap
reads lie s apart; they are split into phases when they are copied, so that the pixels of one tap
are neighbours again and a tap is one long run per line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.numerics.patches import Take
from refinterp.numerics.tape import NOW, Do, fill, put
from refinterp.numerics.window import Window

BLOCK = 1 << 18  # elements of one block: 1 MiB of float32


@dataclass(frozen=True, slots=True, eq=False)
class TapBlock:
    """The taps of some output lines of some images.

    first, last: images; top, bottom: output lines, half-open. phases[i][:, ky, q], a view
    (images, lines, columns, channels), is tap (ky, i + q * len(phases)).
    """

    first: int
    last: int
    top: int
    bottom: int
    phases: tuple[NDArray[Any], ...]

    def tap(self, row: int, column: int) -> NDArray[Any]:
        """View one tap: (images, lines, columns, channels)."""
        phase = self.phases[column % len(self.phases)]
        view: NDArray[Any] = phase[:, row, column // len(self.phases)]
        return view


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """How a 2-D window walks over images of `channels` channels, each repeated `repeat` times."""

    rows: Window
    columns: Window
    channels: int
    repeat: int = 1

    @property
    def depth(self) -> int:
        """Channels of a frame."""
        return self.channels * self.repeat

    @property
    def phase_count(self) -> int:
        """Into how many sets the taps of a row fall by the pixels they can share."""
        w = self.columns
        return min(self._stride // math.gcd(self._stride, w.dilation), w.kernel)

    def taps(self, phase: int) -> range:
        """The kernel columns of one phase."""
        return range(phase, self.columns.kernel, self.phase_count)

    @property
    def _stride(self) -> int:
        """The stride between output columns; where there is but one, any will do."""
        return self.columns.stride if self.columns.size > 1 else 1

    @property
    def _step(self) -> int:
        """Pixels of a phase between two of its taps."""
        return self.columns.dilation // math.gcd(self._stride, self.columns.dilation)

    def blocks(
        self, images: NDArray[Any], dtype: Any, outside: float, take: Take, do: Do = NOW
    ) -> Iterator[TapBlock]:
        """Walk over all output lines of images (n, height, width, channels), as `dtype`.

        outside: the value outside the image. A block's views are void when the next is asked for. A
        block has either whole images or lines of one image.
        """
        count, height, width = images.shape[:3]
        if not (count and self.rows.size and self.columns.size and self.depth):
            return
        layout = _layout(self, count, height, width)
        frame = take(layout.shape, dtype)
        if layout.bordered:
            do(fill, frame, outside)
        views: tuple[NDArray[Any], ...] = ()
        viewed = None
        for first in range(0, count, layout.group):
            last = min(first + layout.group, count)
            for piece in layout.pieces:
                for low, high in ((0, piece.low), (piece.high, piece.span)):
                    if low < high and not (layout.bordered and len(layout.pieces) == 1):
                        do(fill, frame[:, :, low:high], outside)
                for phase, left, right, source in piece.copies:
                    target = frame[phase, : last - first, piece.low : piece.high, left:right]
                    do(put, target, images[(slice(first, last), *source)])
                lines = piece.bottom - piece.top
                if viewed != (last - first, lines):  # views of blocks of one size are the same
                    viewed = last - first, lines
                    views = self._views(frame, *viewed)
                yield TapBlock(first, last, piece.top, piece.bottom, views)

    def _views(self, frame: NDArray[Any], images: int, lines: int) -> tuple[NDArray[Any], ...]:
        """View (images, kernel height, taps, lines, columns, channels) of each phase."""
        phase, image, line, pixel, _, channel = frame.strides
        strides = (
            image,
            line * self.rows.dilation,
            pixel * self._step,
            line * self.rows.stride,
            pixel,
            channel,
        )
        return tuple(
            np.ndarray(
                (images, self.rows.kernel, len(self.taps(i)), lines, self.columns.size, self.depth),
                frame.dtype,
                frame,
                i * phase,
                strides,
            )
            for i in range(self.phase_count)
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some output lines, and what of an image they read.

    top, bottom: the lines. span: lines of a frame that they need; low, high: those of them that lie
    in the image. copies: per phase, the frame's columns left … right - 1, and the part of the image
    that goes there: lines, columns, channels and an axis to repeat these along.
    """

    top: int
    bottom: int
    span: int
    low: int
    high: int
    copies: tuple[tuple[int, int, int, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How images of one size are divided: group: images of a block; shape: of the frame.

    bordered: whether some columns of a frame lie outside the image.
    """

    group: int
    shape: tuple[int, ...]
    bordered: bool
    pieces: tuple[_Piece, ...]


@lru_cache(maxsize=512)
def _layout(grid: FrameGrid, count: int, height: int, width: int) -> _Layout:
    """Divide `count` images: the same each time a kernel runs, and half its work for small ones."""
    rows, columns, phases = grid.rows, grid.columns, grid.phase_count
    stride = grid._stride
    across = columns.size + (len(grid.taps(0)) - 1) * grid._step
    line = max(columns.size, phases * across * rows.stride) * grid.depth
    lines = min(rows.size, max(1, BLOCK // line))
    group = 1 if lines < rows.size else min(count, max(1, BLOCK // (line * lines)))
    shares = []
    for phase in range(phases):
        origin = phase * columns.dilation - columns.before
        left = max(-(origin // stride), 0)
        right = min(-(-(width - origin) // stride), across)
        shares.append((phase, left, right, origin + left * stride))
    pieces = []
    for top in range(0, rows.size, lines):
        bottom = min(top + lines, rows.size)
        span = (bottom - top - 1) * rows.stride + (rows.kernel - 1) * rows.dilation + 1
        start = top * rows.stride - rows.before
        low = min(max(-start, 0), span)
        high = max(min(height - start, span), low)
        copies = tuple(
            (
                phase,
                left,
                right,
                (
                    slice(start + low, start + high),
                    slice(first, first + (right - left - 1) * stride + 1, stride),
                    slice(None),
                    None,
                ),
            )
            for phase, left, right, first in shares
            if left < right and low < high
        )
        pieces.append(_Piece(top, bottom, span, low, high, copies))
    bordered = any(left > 0 or right < across for _, left, right, _ in shares)
    shape = (phases, group, pieces[0].span, across, grid.channels, grid.repeat)
    return _Layout(group, shape, bordered, tuple(pieces))
