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
from typing import Any

from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from refinterp.numerics.patches import Take
from refinterp.numerics.window import Window

BLOCK = 1 << 17  # elements of one block: with its sums it stays in a second-level cache of 1 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Block:
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

    def blocks(self, images: NDArray[Any], dtype: Any, fill: float, take: Take) -> Iterator[Block]:
        """Walk over all output lines of images (n, height, width, channels), as `dtype`.

        fill: the value outside the image. A block's views are void when the next is asked for. A
        block has either whole images or lines of one image.
        """
        count = images.shape[0]
        if not (count and self.rows.size and self.columns.size and self.depth):
            return
        width = self.columns.size + (len(self.taps(0)) - 1) * self._step
        line = max(self.columns.size, self.phase_count * width * self.rows.stride) * self.depth
        lines = min(self.rows.size, max(1, BLOCK // line))
        group = 1 if lines < self.rows.size else min(count, max(1, BLOCK // (line * lines)))
        span = self._span(lines)
        frame = take((self.phase_count, group, span, width, self.channels, self.repeat), dtype)
        frame.fill(fill)
        for first in range(0, count, group):
            some = images[first : first + group]
            for top in range(0, self.rows.size, lines):
                bottom = min(top + lines, self.rows.size)
                part = frame[:, : len(some), : self._span(bottom - top)]
                self._copy(some, part, top * self.rows.stride - self.rows.before, fill)
                views = tuple(
                    self._view(part[phase], bottom - top, len(self.taps(phase)))
                    for phase in range(self.phase_count)
                )
                yield Block(first, first + len(some), top, bottom, views)

    def _span(self, lines: int) -> int:
        return (lines - 1) * self.rows.stride + (self.rows.kernel - 1) * self.rows.dilation + 1

    def _copy(self, images: NDArray[Any], frame: NDArray[Any], start: int, fill: float) -> None:
        """Copy image lines from `start` (which may be outside) on into a frame."""
        height, width = images.shape[1:3]
        low = min(max(-start, 0), frame.shape[2])
        high = max(min(height - start, frame.shape[2]), low)
        frame[:, :, :low] = fill
        frame[:, :, high:] = fill
        lines = images[:, start + low : start + high, ..., None]
        stride = self._stride
        for phase in range(self.phase_count):
            origin = phase * self.columns.dilation - self.columns.before
            left = max(-(origin // stride), 0)
            right = min(-(-(width - origin) // stride), frame.shape[3])
            if left < right:
                pixels = lines[:, :, origin + left * stride :: stride][:, :, : right - left]
                frame[phase, :, low:high, left:right] = pixels

    def _view(self, frame: NDArray[Any], lines: int, taps: int) -> NDArray[Any]:
        """View (images, kernel height, taps, lines, columns, channels) of one phase."""
        image, line, pixel, _, channel = frame.strides
        return as_strided(
            frame,
            (len(frame), self.rows.kernel, taps, lines, self.columns.size, self.depth),
            (
                image,
                line * self.rows.dilation,
                pixel * self._step,
                line * self.rows.stride,
                pixel,
                channel,
            ),
            writeable=False,
        )
