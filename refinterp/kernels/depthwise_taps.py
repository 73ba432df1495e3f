"""The filter of a depthwise convolution, tap by tap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.kernels.workspace import Workspace
from refinterp.numerics.frames import FrameGrid, TapBlock
from refinterp.numerics.gemm import FLOAT32_EXACT
from refinterp.numerics.tape import NOW, Do

RUN = 1 << 11
"""Elements that one row of tiled weights is stretched to: long inner loops, small tables."""


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Filter weights of a dtype, per phase of the grid, repeated over `run` output pixels.

    phases[i]: (kernel height, taps of phase i, run * channels).
    """

    run: int
    phases: tuple[NDArray[Any], ...]

    @classmethod
    def prepare(cls, place: FrameGrid, w: NDArray[Any], dtype: Any) -> Taps:
        """Lay out w (kernel height, kernel width, channels)."""
        width, depth = place.columns.size, max(place.depth, 1)
        fitting = (n for n in range(min(width, RUN // depth), 0, -1) if width % n == 0)
        run = next(fitting, 1)
        phases = []
        count = place.phase_count
        for phase in range(count):
            own = w[:, phase::count]
            over = np.empty((*own.shape[:2], run, own.shape[2]), dtype)
            over[...] = own[:, :, None]
            phases.append(over.reshape(*own.shape[:2], -1))
        return cls(run, tuple(phases))

    def spare(self, shape: tuple[int, ...], dtype: Any, work: Workspace) -> NDArray[Any] | None:
        """Borrow what `sums` needs besides for blocks of up to that shape: one phase, nothing."""
        return work.take(shape, dtype) if len(self.phases) > 1 else None

    def sums(
        self, block: TapBlock, out: NDArray[Any], spare: NDArray[Any] | None, do: Do = NOW
    ) -> None:
        """Write the weighted sums of a block's windows to out (images, lines, pixels, channels)."""
        images, lines, columns, depth = out.shape
        runs = (images, lines, columns // self.run, self.run * depth)
        total = out.reshape(runs)
        for index, (view, weights) in enumerate(zip(block.phases, self.phases, strict=True)):
            taps = view.reshape(*view.shape[:3], *runs[1:])
            if index == 0 or spare is None:
                do(partial(np.einsum, out=total), "nyxlrc,yxc->nlrc", taps, weights)
            else:
                part = spare[:images, :lines].reshape(runs)
                do(partial(np.einsum, out=part), "nyxlrc,yxc->nlrc", taps, weights)
                do(np.add, total, part, total)


def sum_type(most: float) -> Any:
    """A float type that holds all integers up to a magnitude."""
    return np.float32 if most < FLOAT32_EXACT else np.float64
