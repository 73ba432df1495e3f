"""Codes, reals on the grid and channels from their definitions, one element at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from refinterp.graph.spec import TensorSpec

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


def entropy(codes: Sequence[int]) -> float:
    """Shannon's entropy of the codes, in bits."""
    counts = Counter(codes)
    return -sum(n / len(codes) * math.log2(n / len(codes)) for n in counts.values())


def beyond(samples: Pairs, spec: TensorSpec) -> tuple[Fraction, Fraction, float]:
    """Shares of reals that lie more than half a step below and above the grid, and the root mean
    square of what lies beyond its ends, in steps.
    """
    limits = np.iinfo(spec.dtype)
    below = above = count = 0
    square = Fraction(0)
    for _, reference in samples:
        for r in reference.reshape(-1):
            place = Fraction(float(r)) / Fraction(spec.step) + spec.zero
            count += 1
            below += place < limits.min - Fraction(1, 2)
            above += place >= limits.max + Fraction(1, 2)
            outside = max(limits.min - place, place - limits.max, Fraction(0))
            square += outside**2
    return Fraction(below, count), Fraction(above, count), math.sqrt(square / count)


def channels(samples: Pairs, spec: TensorSpec) -> list[dict[str, float]]:
    """Figures of each index of the last axis."""
    found = []
    for c in range(spec.shape[-1]):
        errors, signal = [], Fraction(0)
        for codes, reference in samples:
            pairs = zip(codes[..., c].reshape(-1), reference[..., c].reshape(-1), strict=True)
            for q, r in pairs:
                real = Fraction(spec.step) * (int(q) - spec.zero)
                errors.append(real - Fraction(float(r)))
                signal += Fraction(float(r)) ** 2
        noise = sum(e * e for e in errors)
        found.append(
            {
                "rmse_over_scale": math.sqrt(noise / len(errors)) / spec.step,
                "sqnr_db": math.inf
                if noise == 0
                else 10 * math.log10(signal / noise)
                if signal
                else -math.inf,
                "mean_error": float(sum(errors) / len(errors)),
            }
        )
    return found
