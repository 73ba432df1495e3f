"""CONV_2D and FULLY_CONNECTED: windows times filters, block by block of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import (
    BLOCK,
    CODES,
    PATCH,
    ArenaPlace,
    Call,
    Lowered,
    Site,
    aligned,
)
from refinterp.export.micropython.kernel_text import THUMB
from refinterp.export.micropython.lowering.filters import ChannelRun, FoldedFilter
from refinterp.export.micropython.lowering.windows import WindowWalk, limits, operands, sized
from refinterp.kernels.weighted_kernel import Scaling
from refinterp.numerics.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class FilterGroup:
    """Filters that read the same channels.

    folded: the filters. x_first: the first channel they read. y_first: the first they write.
    """

    folded: FoldedFilter
    x_first: int
    y_first: int


def scaled(scaling: Scaling, own: slice) -> Scaling:
    """Return what is known of some channels."""
    return replace(scaling, factors=scaling.factors[own])


def conv_2d(site: Site) -> Lowered:
    """CONV_2D, in groups where the filter has fewer channels than the image."""
    x, w, bias = operands(site, (0, 1, 2))
    kernel: Any = site.step.kernel
    scaling = kernel.scaling
    _, height, width, channels = x.shape
    walk = WindowWalk(kernel.place.rows, kernel.place.columns, height, width, channels, w.shape[3])
    count = len(w) // kernel.group_count
    groups = []
    for index in range(kernel.group_count):
        own = slice(index * count, (index + 1) * count)
        folded = FoldedFilter.of(
            w[own].reshape(count, -1), scaling.bias(bias)[own], scaled(scaling, own),
            row=aligned(walk.size),
        )  # fmt: skip
        groups.append(FilterGroup(folded, index * w.shape[3], index * count))
    return _windows(site, walk, groups, scaling, x.shape[0], len(w))


def fully_connected(site: Site) -> Lowered:
    """FULLY_CONNECTED: rows of the input are pixels of one line."""
    x, w, bias = operands(site, (0, 1, 2))
    kernel: Any = site.step.kernel
    if not hasattr(kernel, "scaling"):
        raise UnsupportedError("weights in the shuffled format")
    scaling = kernel.scaling
    depth = w.shape[1]
    rows = x.size // depth
    walk = WindowWalk(Window(1, 0, 0, 1, 1, 1), Window(rows, 0, 0, 1, 1, 1), 1, rows, depth, depth)
    folded = FoldedFilter.of(w - scaling.w_zero, scaling.bias(bias), scaling, row=aligned(depth))
    return _windows(site, walk, [FilterGroup(folded, 0, 0)], scaling, 1, len(w))


def _windows(
    site: Site,
    walk: WindowWalk,
    groups: list[FilterGroup],
    scaling: Scaling,
    images: int,
    out: int,
) -> Lowered:
    """CONV_2D and FULLY_CONNECTED as calls. out: channels of the output."""
    features = frozenset[str]().union(*(group.folded.features for group in groups))
    features |= {THUMB} if site.thumb else set()
    x, y = site.step.inputs[0], site.step.outputs[0]
    row = aligned(walk.size)
    sums = 4 if site.thumb else 0  # bytes of a channel's sum, behind the block

    def calls(limit: int, left: bool) -> list[Call]:
        found = []
        for image in range(images):
            for group in groups:
                most = limit // (group.folded.channel_bytes(left=left) + sums)
                for run in group.folded.runs(max(1, most)):
                    block = group.folded.block(run, left=left)
                    found.append(Call("conv", _arguments(image, group, run, len(block)), block))
        return found

    def _arguments(
        image: int, group: FilterGroup, run: ChannelRun, size: int
    ) -> Mapping[str, int | ArenaPlace]:
        from_x = image * walk.height * walk.width * walk.channels + group.x_first
        to_y = image * walk.rows.size * walk.columns.size * out + group.y_first + run.start
        return {
            **walk.arguments(),
            "x": ArenaPlace(x, offset=from_x),
            "y": ArenaPlace(y, offset=to_y),
            "skip": out - (run.stop - run.start),
            "count": run.stop - run.start,
            "size": walk.size,
            "row": row,
            "flat": int(walk.flat),
            "patch": PATCH,
            "block": BLOCK,
            "x_zero": scaling.x_zero + CODES,
            "w_zero": scaling.w_zero + CODES,
            "sums": ArenaPlace(offset=aligned(size)) if site.thumb else 0,
            **limits(scaling),
            "up": int(run.up) << 15,
            "away": int(run.away),
        }

    pixels = images * walk.rows.size * walk.columns.size
    return sized(
        site,
        x,
        [g.folded for g in groups],
        features,
        calls,
        pixels * out * walk.size,
        0 if walk.flat else row,
        gathered=sums,
    )
