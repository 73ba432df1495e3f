"""DEPTHWISE_CONV_2D and TRANSPOSE_CONV."""

from __future__ import annotations

from typing import Any

from refinterp.export.micropython.calls import (
    BLOCK,
    CODES,
    ArenaPlace,
    Call,
    Lowered,
    Site,
    aligned,
)
from refinterp.export.micropython.lowering.filters import FoldedFilter
from refinterp.export.micropython.lowering.windows import WindowWalk, limits, operands, sized


def depthwise_conv_2d(site: Site) -> Lowered:
    """DEPTHWISE_CONV_2D: rows of weights are filters of a channel, tap by tap."""
    x, w, bias = operands(site, (0, 1, 2))
    kernel: Any = site.step.kernel
    scaling, place = kernel.scaling, kernel.place
    images, height, width, channels = x.shape
    out, multiplier = w.shape[3], w.shape[3] // channels
    taps = w[0].transpose(2, 0, 1).reshape(out, -1)
    folded = FoldedFilter.of(taps, scaling.bias(bias), scaling, row=taps.shape[1])
    walk = WindowWalk(place.rows, place.columns, height, width, channels, channels)
    source, target = site.step.inputs[0], site.step.outputs[0]
    inside = not any(
        (place.rows.before, place.rows.after, place.columns.before, place.columns.after)
    )
    gathered = 0 if inside else taps.shape[1]  # bytes of a channel's window, behind the block

    def calls(limit: int, left: bool) -> list[Call]:
        found = []
        most = limit // (folded.channel_bytes(left=left) * multiplier + gathered) * multiplier
        for image in range(images):
            for run in folded.runs(max(multiplier, most), multiplier):
                block = folded.block(run, left=left)
                first, depth = run.start // multiplier, (run.stop - run.start) // multiplier
                from_x = image * height * width * channels + first
                to_y = image * walk.rows.size * walk.columns.size * out + run.start
                arguments = {
                    **walk.arguments(),
                    "depth": depth,
                    "x": ArenaPlace(source, offset=from_x),
                    "y": ArenaPlace(target, offset=to_y),
                    "skip": out - (run.stop - run.start),
                    "multiplier": multiplier,
                    "patch": ArenaPlace(offset=aligned(len(block))),
                    "block": BLOCK,
                    "x_zero": scaling.x_zero + CODES,
                    **limits(scaling),
                }
                found.append(Call("depthwise", arguments, block))
        return found

    pixels = images * place.rows.size * place.columns.size
    return sized(
        site, source, [folded], folded.features, calls, pixels * taps.size, 0, multiplier, gathered
    )


def transpose_conv(site: Site) -> Lowered:
    """TRANSPOSE_CONV, output pixel by output pixel."""
    x, w, bias = operands(site, (2, 1, 3))
    kernel: Any = site.step.kernel
    scaling, place = kernel.scaling, kernel.place
    images, height, width, channels = x.shape
    out = len(w)
    folded = FoldedFilter.of(
        w.reshape(out, -1), scaling.bias(bias), scaling, row=w[0].size, folded=False
    )
    source, target = site.step.inputs[2], site.step.outputs[0]

    def calls(limit: int, left: bool) -> list[Call]:
        found = []
        most = max(1, limit // folded.channel_bytes(left=left))
        for image in range(images):
            for run in folded.runs(most):
                arguments = {
                    "height": height,
                    "width": width,
                    "channels": channels,
                    "rows": place.height,
                    "columns": place.width,
                    "kernel_h": w.shape[1],
                    "kernel_w": w.shape[2],
                    "stride_h": place.rows.stride,
                    "stride_w": place.columns.stride,
                    "top": place.rows.before,
                    "left": place.columns.before,
                    "count": run.stop - run.start,
                    "x": ArenaPlace(source, offset=image * height * width * channels),
                    "y": ArenaPlace(
                        target, offset=image * place.height * place.width * out + run.start
                    ),
                    "skip": out - (run.stop - run.start),
                    "block": BLOCK,
                    "x_zero": scaling.x_zero + CODES,
                    **limits(scaling),
                }
                found.append(Call("transposed", arguments, folded.block(run, left=left)))
        return found

    return sized(site, source, [folded], folded.features, calls, x.size * w[..., 0].size, 0)
