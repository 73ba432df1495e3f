"""What operators with filters share: windows, operands, and how large their blocks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refinterp.export.micropython.calls import (
    CODES,
    Lowered,
    Site,
)
from refinterp.export.micropython.lowering.checks import codes, given, known, titled
from refinterp.export.micropython.lowering.filters import FoldedFilter
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.weighted_kernel import Scaling
from refinterp.numerics.window import Window


@dataclass(frozen=True, slots=True)
class WindowWalk:
    """A window that walks over an image.

    rows, columns: where it goes. height, width, channels: of the image. depth: channels it reads.
    """

    rows: Window
    columns: Window
    height: int
    width: int
    channels: int
    depth: int

    @property
    def size(self) -> int:
        """Bytes of a window."""
        return self.rows.kernel * self.columns.kernel * self.depth

    @property
    def flat(self) -> bool:
        """Whether each window is one run of bytes inside the image."""
        r, c = self.rows, self.columns
        if r.before or r.after or c.before or c.after:
            return False
        if r.kernel == c.kernel == 1:
            return True
        if self.depth != self.channels or (c.dilation != 1 and c.kernel > 1):
            return False
        return r.kernel == 1 or (c.kernel == self.width and r.dilation == 1)

    def arguments(self) -> dict[str, int]:
        """Return what kernels are told of it."""
        r, c = self.rows, self.columns
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "depth": self.depth,
            "rows": r.size,
            "columns": c.size,
            "kernel_h": r.kernel,
            "kernel_w": c.kernel,
            "stride_h": r.stride,
            "stride_w": c.stride,
            "dilation_h": r.dilation,
            "dilation_w": c.dilation,
            "top": r.before,
            "left": c.before,
        }


def operands(site: Site, order: tuple[int, int, int]) -> tuple[TensorSpec, Any, Any]:
    """Return the input, the filter's int64 codes and the bias, zeros where there is none.

    order: places of input, filter and bias among the operands. Raises UnsupportedError.
    """
    x_at, w_at, b_at = order
    x = given(codes(site.inputs[x_at], "input"), "input")
    w = known(codes(site.inputs[w_at], "filter"), "filter").astype(np.int64)
    codes(site.outputs[0], "output")
    bias = site.inputs[b_at] if b_at < len(site.inputs) else None
    values = None if bias is None else known(bias, "bias").reshape(-1).astype(np.int64)
    return x, w, values


def limits(scaling: Scaling) -> dict[str, int]:
    """Return the zero point and limits of the output as kernels take them."""
    return {
        "y_zero": scaling.y_zero + CODES,
        "low": scaling.y_min + CODES,
        "high": scaling.y_max + CODES,
    }


def sized(
    site: Site,
    x: int,
    filters: list[FoldedFilter],
    features: frozenset[str],
    calls: Any,
    macs: int,
    patch: int,
    multiple: int = 1,
    gathered: int = 0,
) -> Lowered:
    """Size the blocks: at least a channel, the usual size where there are more, or all.

    multiple: channels that are not parted. gathered: bytes that each lot of them needs besides.
    """
    one = max(folded.channel_bytes(left=False) for folded in filters) * multiple + gathered
    whole = one * max(len(folded.numbers) for folded in filters) // multiple + 4
    return Lowered(
        site.step.operator,
        titled(site),
        (x,),
        (site.step.outputs[0],),
        calls,
        patch=patch,
        least=min(whole, max(one, site.usual)),
        whole=whole,
        left=4 * max(len(folded.numbers) for folded in filters),
        features=features,
        macs=macs,
    )
