"""How far the mean of other builds lies from a build that is left out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, Final

SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "one dense layer": ("FULLY_CONNECTED",),
    "spotting of words": (
        "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX",
    ),
    "residual": (
        "CONV_2D", "ADD", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX",
    ),
    "detector": ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "RESHAPE", "SOFTMAX"),
    "recurrent": ("UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
    "float ends": ("QUANTIZE", "CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED", "DEQUANTIZE"),
    "feature extraction": ("SVDF", "FULLY_CONNECTED", "SOFTMAX", "QUANTIZE"),
    "elementwise": ("MUL", "SUB", "LOGISTIC", "CONCATENATION", "STRIDED_SLICE", "PAD", "MEAN"),
}  # fmt: skip
"""Operators that common models have together, among them those of MLPerf Tiny."""


def left_out(sums: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Return the relative error for every set on every build, from the mean of the other builds.

    sums: bytes by build and set.
    """
    rows = [
        {
            "build": build,
            "operators": name,
            "error": round(
                statistics.mean(sums[other][name] for other in sums if other != build) / true - 1, 4
            ),
        }
        for build, sizes in sorted(sums.items())
        for name, true in sizes.items()
    ]
    sizes = [abs(row["error"]) for row in rows]
    return {
        "what": "the mean of the other builds against the build that was left out, text of all "
        "objects that the interpreter and a set of operators reach",
        "median": round(statistics.median(sizes), 4),
        "largest": max(sizes),
        "rows": rows,
    }
