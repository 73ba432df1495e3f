"""The debugger's figures from their definitions, one element at a time, in exact fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from refinterp.graph.spec import TensorSpec


def reals(codes: np.ndarray, spec: TensorSpec) -> list[tuple[Fraction, Fraction]]:
    """Per element, in flat order: the real its code stands for, and its scale."""
    found = []
    for index in np.ndindex(*codes.shape):
        channel = index[spec.quantized_dimension] if spec.scale.size > 1 else 0
        scale = Fraction(float(spec.scale[channel]))
        found.append((scale * (int(codes[index]) - int(spec.zero_point[channel])), scale))
    return found


def figures(samples: Sequence[tuple[np.ndarray, np.ndarray]], spec: TensorSpec) -> dict[str, float]:
    """Figures of (codes, reference) pairs, each of the tensor's shape."""
    low, high = np.iinfo(spec.dtype).min, np.iinfo(spec.dtype).max
    errors, steps, signal, clipped, stddevs, largest = [], [], [], 0, [], []
    given = []
    for codes, reference in samples:
        own = []
        pairs = zip(reals(codes, spec), codes.reshape(-1), reference.reshape(-1), strict=True)
        for (real, scale), code, r in pairs:
            r = Fraction(float(r))
            own.append(real - r)
            given.append((real, r))
            steps.append((real - r) / scale)
            signal.append(r * r)
            if code == low:
                clipped += r < real - scale / 2
            if code == high:
                clipped += r > real + scale / 2
        mean = sum(own) / len(own)
        stddevs.append(math.sqrt(sum((e - mean) ** 2 for e in own) / len(own)))
        largest.append(max(abs(e) for e in own))
        errors += own
    count = len(errors)
    noise = sum(e * e for e in errors)
    if noise == 0:
        decibels = math.inf
    elif sum(signal) == 0:
        decibels = -math.inf
    else:
        decibels = 10 * math.log10(sum(signal) / noise)
    norms = [sum(v[side] ** 2 for v in given) for side in (0, 1)]
    dot = sum(v * r for v, r in given)
    return {
        "cosine": math.nan if 0 in norms else float(dot) / math.sqrt(norms[0] * norms[1]),
        "rmse_over_scale": math.sqrt(sum(s * s for s in steps) / count),
        "sqnr_db": decibels,
        "max_abs_error": float(max(abs(e) for e in errors)),
        "mean_error": float(sum(errors) / count),
        "mean_squared_error": float(noise / count),
        "clipped_fraction": clipped / count,
        "mean_stddev": math.fsum(stddevs) / len(stddevs),
        "mean_max_abs_error": float(sum(largest) / len(largest)),
    }
