"""SVDF: features that go into a memory which stays from one run to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BLOCK, CODES, ArenaPlace, Call, Lowered, Site
from refinterp.export.micropython.channel_numbers import factor_numbers, wide_numbers
from refinterp.export.micropython.lowering.checks import (
    codes,
    given,
    in_codes,
    known,
    titled,
    words,
)
from refinterp.export.micropython.lowering.paired import rescaled

_SHIFTED = 1 << 16  # what is added to arguments that can be negative
_LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}


def svdf(site: Site) -> Lowered:
    """SVDF with a memory of int8 or int16, unit by unit."""
    x = given(codes(site.inputs[0], "input"), "input")
    features = known(codes(site.inputs[1], "feature weights"), "feature weights").astype(np.int64)
    time = site.inputs[2]
    state = site.inputs[4]
    codes(site.outputs[0], "output")
    kernel: Any = site.step.kernel
    if state is None or state.dtype not in _LIMITS or not state.is_variable:
        raise UnsupportedError("its memory is no variable of int8 or int16")
    times = known(time, "time weights").astype(np.int64)
    if time is None or time.dtype != state.dtype:
        raise UnsupportedError("its time weights are not of its memory's type")
    filters, memory = times.shape
    rank, units = kernel.rank, filters // kernel.rank
    bias = np.zeros(units, np.int64)
    if site.inputs[3] is not None:
        bias = known(site.inputs[3], "bias").reshape(-1).astype(np.int64)
    zero = in_codes(kernel.x_zero, "input")
    ends = np.stack([-zero * features, (255 - zero) * features])
    first = factor_numbers(
        float(kernel.feature.real), int(ends.min(0).sum(1).min()), int(ends.max(0).sum(1).max()),
        "features",
    )  # fmt: skip
    low, high = _LIMITS[state.dtype]
    lowest, highest = low - kernel.state_zero, high - kernel.state_zero
    both = np.stack([lowest * times, highest * times])
    per_unit = (units, rank * memory)
    lows = bias + both.min(0).reshape(per_unit).sum(1)
    highs = bias + both.max(0).reshape(per_unit).sum(1)
    second = wide_numbers(float(kernel.output.real), int(lows.min()), int(highs.max()), "sums")
    wide = state.dtype == "int16"
    rows = (features + CODES).astype(np.uint8)
    own = (times + _SHIFTED // 2).astype("<u2").view(np.uint8) if wide else times + CODES
    rows = np.concatenate([rows, own.astype(np.uint8)], 1).reshape(units, -1)
    halves = np.stack([(bias >> 16) + _SHIFTED // 2, bias & 0xFFFF], 1)
    one = 8 + rows.shape[1]
    tensors = site.step.inputs[0], site.step.inputs[4], site.step.outputs[0]

    def calls(limit: int, left: bool) -> list[Call]:
        pieces = -(-units // max(1, limit // one))
        each = -(-units // pieces)
        return [
            Call(
                "svdf",
                {
                    "x": ArenaPlace(tensors[0], offset=batch * features.shape[1]),
                    "size": features.shape[1],
                    "state": ArenaPlace(
                        tensors[1],
                        offset=(batch * filters + begin * rank) * memory * (2 if wide else 1),
                    ),
                    "memory": memory,
                    "wide": int(wide),
                    "y": ArenaPlace(tensors[2], offset=batch * units + begin),
                    "units": min(each, units - begin),
                    "rank": rank,
                    "x_zero": zero,
                    "state_zero": kernel.state_zero + _SHIFTED,
                    "low": kernel.low + _SHIFTED,
                    "high": kernel.high + _SHIFTED,
                    "y_zero": in_codes(kernel.y_zero, "output"),
                    **{
                        f"feature_{k.removeprefix('mantissa_')}": v
                        for k, v in rescaled(first).items()
                    },
                    "feature_up": first.left,
                    **rescaled(second),
                    "up": second.left,
                    "mask": (1 << second.right) - 1,
                    "half": ((1 << second.right) + 1) >> 1,
                    "block": BLOCK,
                },
                words(halves[begin : begin + each]) + rows[begin : begin + each].tobytes(),
            )
            for batch in range(x.shape[0])
            for begin in range(0, units, each)
        ]

    whole = one * units
    return Lowered(
        site.step.operator, titled(site), tensors[:2], (tensors[2], tensors[1]), calls,
        least=min(whole, max(one, site.usual)), whole=whole,
        macs=x.shape[0] * (features.size + times.size),
    )  # fmt: skip
