"""What filters become in blocks: for each output channel its numbers, then rows of weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import CODES
from refinterp.export.micropython.channel_numbers import (
    ChannelBounds,
    Numbers,
    channel_numbers,
    constant_numbers,
    record,
)
from refinterp.export.micropython.kernel_text import LEFT, SINGLE
from refinterp.export.micropython.lowering.checks import in_codes, words
from refinterp.kernels.weighted_kernel import Scaling

I64 = NDArray[np.int64]

ONCE = "real"
"""The rounding of a `Scaling` that rounds once."""


@dataclass(frozen=True, slots=True)
class ChannelRun:
    """Neighbouring channels of one block. start, stop: half-open. up, away: see `Numbers`."""

    start: int
    stop: int
    up: bool
    away: bool


@dataclass(frozen=True, slots=True, eq=False)
class FoldedFilter:
    """A filter with all that turns its sums into codes.

    biases: int64 (channels,), with the input's zero point folded in where `folded`.
    numbers: by channel.
    rows: uint8 (channels, row), codes + 128, padded with zeros where rows are longer than filters.
    """

    biases: I64
    numbers: tuple[Numbers, ...]
    rows: NDArray[np.uint8]

    @classmethod
    def of(
        cls, w: I64, bias: I64, scaling: Scaling, *, row: int, folded: bool = True
    ) -> FoldedFilter:
        """Fold. w: (channels, depth) codes without zero point. row: bytes of a row.

        folded: whether the input's zero point becomes part of the bias; otherwise the kernel takes
        it off. Raises UnsupportedError where a channel cannot be shown to come out right.
        """
        zero = in_codes(scaling.x_zero, "input")
        in_codes(scaling.y_zero, "output")
        ends = np.stack([-zero * w, (255 - zero) * w])
        lows, highs = bias + ends.min(0).sum(1), bias + ends.max(0).sum(1)
        biases = bias - zero * w.sum(1) if folded else bias.copy()
        rows = np.zeros((len(w), row), np.int64)
        rows[:, : w.shape[1]] = w + scaling.w_zero + CODES
        if rows.min() < 0 or rows.max() > 255:
            raise UnsupportedError("weights are outside int8")
        numbers: list[Numbers] = []
        once, limits = scaling.rounding == ONCE, (scaling.y_min, scaling.y_max)
        y_low, y_high = (limit - scaling.y_zero for limit in limits)
        for channel, factor in enumerate(scaling.factors.tolist()):
            bounds = ChannelBounds(int(lows[channel]), int(highs[channel]), y_low, y_high)
            try:
                found = channel_numbers(factor, once, bounds)
            except UnsupportedError as error:
                raise UnsupportedError(f"output channel {channel}: {error}") from None
            if isinstance(found, int):
                biases[channel], found = constant_numbers(found)
                rows[channel, : w.shape[1]] = scaling.w_zero + CODES
            numbers.append(found)
        return cls(biases, tuple(numbers), rows.astype(np.uint8))

    @property
    def features(self) -> frozenset[str]:
        """The lines of kernels that it needs."""
        left = {LEFT} if any(n.left for n in self.numbers) else set()
        once = {SINGLE} if not all(n.up and n.away for n in self.numbers) else set()
        return frozenset(left | once)

    def channel_bytes(self, *, left: bool) -> int:
        """Bytes of a channel in a block."""
        return (24 if left else 20) + int(self.rows.shape[1])

    def runs(self, most: int, multiple: int = 1) -> Iterator[ChannelRun]:
        """Yield channels that go into one block: at most so many, rounded alike.

        Blocks are about equally long. multiple: of how many channels a block consists.
        """
        start, count = 0, len(self.numbers)
        while start < count:
            kind = (self.numbers[start].up, self.numbers[start].away)
            stop = start
            while stop < count and self._kind(stop, kind):
                stop += 1
            if multiple > 1:
                stop = count
            pieces = -(-(stop - start) // max(1, most // multiple * multiple))
            each = -(-(stop - start) // pieces // multiple) * multiple
            for begin in range(start, stop, each):
                yield ChannelRun(begin, min(begin + each, stop), *kind)
            start = stop

    def _kind(self, channel: int, kind: tuple[bool, bool]) -> bool:
        """Whether a channel is rounded in a way; one without remainder is rounded in all."""
        numbers = self.numbers[channel]
        return (numbers.up, numbers.away) == kind

    def block(self, run: ChannelRun, *, left: bool) -> bytes:
        """Return a block: numbers of the channels, then their rows."""
        own = range(run.start, run.stop)
        records = [record(int(self.biases[c]), self.numbers[c], left=left) for c in own]
        return words(records) + self.rows[run.start : run.stop].tobytes()
