"""Pools, means and sums over axes, SOFTMAX and resizing between neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BLOCK, CODES, ArenaPlace, Call, Lowered, Site
from refinterp.export.micropython.channel_numbers import MOST, Numbers
from refinterp.export.micropython.lowering.checks import codes, given, in_codes, titled, words
from refinterp.export.micropython.lowering.paired import rescaled
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.reduction import Reduction, divided
from refinterp.numerics.fixedpoint import Multiplier

_KEPT, _GONE = 3, 2  # loops of the kernel over axes that stay, and over those that go
_LONGEST = 4096  # elements of a row of SOFTMAX from which their sum leaves 31 bits
_WEIGHT = 4096  # what is added to a weight of neighbours, which can be negative


def _one_call(site: Site, call: Call, source: int, macs: int = 0) -> Lowered:
    size = len(call.block)
    return Lowered(
        site.step.operator, titled(site), (source,), (site.step.outputs[0],),
        lambda limit, left: [call], least=size, whole=size, macs=macs,
    )  # fmt: skip


def _data(site: Site) -> TensorSpec:
    codes(site.outputs[0], "output")
    return given(codes(site.inputs[0], "input"), "input")


def averaged(site: Site) -> Lowered:
    """AVERAGE_POOL_2D."""
    return _pooled(site, largest=False)


def highest(site: Site) -> Lowered:
    """MAX_POOL_2D."""
    return _pooled(site, largest=True)


def _pooled(site: Site, *, largest: bool) -> Lowered:
    x, kernel = _data(site), site.step.kernel
    place: Any = getattr(kernel, "place", None)
    low, high = getattr(kernel, "low", -CODES), getattr(kernel, "high", CODES - 1)
    images, height, width, channels = x.shape
    rows, columns = place.rows, place.columns
    if rows.kernel * columns.kernel * 256 >= MOST:
        raise UnsupportedError("its windows are too large for sums of 30 bits")
    source, target = site.step.inputs[0], site.step.outputs[0]
    calls = [
        Call(
            "pool",
            {
                "x": ArenaPlace(source, offset=image * height * width * channels),
                "y": ArenaPlace(target, offset=image * rows.size * columns.size * channels),
                "height": height,
                "width": width,
                "channels": channels,
                "largest": int(largest),
                "rows": rows.size,
                "columns": columns.size,
                "kernel_h": rows.kernel,
                "kernel_w": columns.kernel,
                "stride_h": rows.stride,
                "stride_w": columns.stride,
                "top": rows.before,
                "left": columns.before,
                "low": low + CODES,
                "high": high + CODES,
            },
        )
        for image in range(images)
    ]
    return Lowered(
        site.step.operator, titled(site), (source,), (target,), lambda limit, left: calls
    )


def mean(site: Site) -> Lowered:
    """MEAN."""
    return _reduced(site, mean=True)


def total(site: Site) -> Lowered:
    """SUM."""
    return _reduced(site, mean=False)


def _reduced(site: Site, *, mean: bool) -> Lowered:
    x, y = _data(site), site.outputs[0]
    kernel: Any = site.step.kernel
    reduction: Reduction = kernel.reduction
    count = reduction.count
    factor = Multiplier.of(np.float64(x.step) / np.float64(y.step))
    found = divided(factor, count) if mean else factor
    exponent = int(np.asarray(found.exponent).reshape(-1)[0])
    numbers = Numbers(
        int(np.asarray(found.mantissa).reshape(-1)[0]), max(-exponent, 0), max(exponent, 0)
    )
    if not 0 <= numbers.mantissa < 1 << 31 or (count * 255) << numbers.left >= MOST:
        raise UnsupportedError(f"sums of {count:,} elements leave the 30 bits that are rescaled")
    if numbers.right > 31:
        raise UnsupportedError(f"a mean of {count:,} elements is shifted by {numbers.right} bits")
    kept: list[tuple[int, int]] = []
    gone: list[tuple[int, int]] = []
    stride = 1
    for axis in reversed(range(len(x.shape))):
        loops = gone if axis in reduction.axes else kept
        size = x.shape[axis]
        if size > 1:
            if loops and loops[0][1] * loops[0][0] == stride:
                loops[0] = (size * loops[0][0], loops[0][1])
            else:
                loops.insert(0, (size, stride))
        stride *= size
    if len(kept) > _KEPT or len(gone) > _GONE:
        raise UnsupportedError("it reduces axes that lie too far apart for two loops")
    loops = [(1, 0)] * (_KEPT - len(kept)) + kept + [(1, 0)] * (_GONE - len(gone)) + gone
    source, target = site.step.inputs[0], site.step.outputs[0]
    call = Call(
        "reduce",
        {
            "x": ArenaPlace(source),
            "y": ArenaPlace(target),
            **{f"n{i}": size for i, (size, _) in enumerate(loops)},
            **{f"x{i}": step for i, (_, step) in enumerate(loops)},
            "total": count * in_codes(x.zero, "input"),
            **rescaled(numbers),
            "up": numbers.left,
            "y_zero": in_codes(y.zero, "output"),
        },
    )
    return _one_call(site, call, source)


def softmax(site: Site) -> Lowered:
    """SOFTMAX along the last axis."""
    x = _data(site)
    kernel: Any = site.step.kernel
    size = x.shape[-1]
    if size >= _LONGEST:
        raise UnsupportedError(f"rows of {size:,} elements; fewer than {_LONGEST:,} are taken")
    source, target = site.step.inputs[0], site.step.outputs[0]
    places = {"x": ArenaPlace(source), "y": ArenaPlace(target), "block": BLOCK}
    block = words(kernel.exponentials)
    rows = math.prod(x.shape[:-1])
    return _one_call(site, Call("softmax", {**places, "rows": rows, "size": size}, block), source)


def bilinear(site: Site) -> Lowered:
    """RESIZE_BILINEAR."""
    x = _data(site)
    kernel: Any = site.step.kernel
    images, height, width, channels = x.shape
    rows, columns = site.outputs[0].shape[1:3]
    source, target = site.step.inputs[0], site.step.outputs[0]
    lines = []
    for steps in (kernel.rows, kernel.columns):
        for lower, upper, near, far in zip(
            steps.lower, steps.upper, steps.near, steps.far, strict=True
        ):
            if max(abs(int(near)), abs(int(far))) >= _WEIGHT:
                raise UnsupportedError("it is enlarged so far that weights leave 13 bits")
            lines.append((int(lower), int(upper), int(near) + _WEIGHT, int(far) + _WEIGHT))
    block = words(lines)
    calls = [
        Call(
            "bilinear",
            {
                "x": ArenaPlace(source, offset=image * height * width * channels),
                "width": width,
                "channels": channels,
                "y": ArenaPlace(target, offset=image * rows * columns * channels),
                "rows": rows,
                "columns": columns,
                "block": BLOCK,
            },
            block,
        )
        for image in range(images)
    ]
    return Lowered(
        site.step.operator, titled(site), (source,), (target,), lambda limit, left: calls,
        least=len(block), whole=len(block),
    )  # fmt: skip
