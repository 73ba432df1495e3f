"""What `sensitivity` says first of the ranges that it tried."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from refinterp.debug.study.better_ranges import TensorRanges, TriedRange
from refinterp.report.sensitivity_answer import worth


def tried(operator: int, gain: float) -> TensorRanges:
    own = TriedRange("model", 1.0, 0, 0.1, 40.0, 0.0)
    better = TriedRange("min/max", 0.9, 0, 0.1, 40.0 + gain, 0.0)
    return TensorRanges(operator, "CONV_2D", operator, f"t{operator}", own, (better,))


def test_ranges_that_the_outputs_depend_on_come_first() -> None:
    """Layer 0 gains most by itself and nothing at the output; layer 3's range gains nothing."""
    layers = [
        SimpleNamespace(operator=operator, kept=SimpleNamespace(sqnr_db=sqnr))
        for operator, sqnr in ((0, 30.0), (1, 31.0), (2, 32.0), (3, 35.0))
    ]
    report: Any = SimpleNamespace(layers=layers, base=SimpleNamespace(sqnr_db=30.0))
    ranges = [tried(0, 3.0), tried(1, 2.0), tried(2, 1.0), tried(3, 0.05)]
    assert [one.operator for one in worth(report, ranges)] == [1, 2, 0]
