"""How dynamic-range operators quantize their data at run time, and what is lost by it.

Counts, extremes and exact sums: samples may come in any order and in parts that are merged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.debug.measure.exact import ExactSum
from refinterp.debug.measure.ranges import CodeFigures, TensorCodeSums
from refinterp.debug.reference.units import Units

_MOST_FEATURES: Final = 1 << 14
_FEW: Final = 0.05  # of a unit's elements that are not 0: what may be called outliers


@dataclass(frozen=True, slots=True, eq=False)
class RunTimeFigures:
    """What quantizing the data came to.

    units: how many ranges there were.
    images: whether they are those of images, or of rows.
    symmetric: codes around zero, without a zero point.
    step_lowest, step_highest: of all units.
    lost_fraction: of the values that are not 0, those that fall on 0's code.
    outlier_bits: the bits that the largest values take from the rest, the mean over units: log2 of
        the largest value's size over that of the 95 % smallest.
    feature_reach: the largest size of each feature, (features,), empty where they are too many.
    codes: which codes occur.
    """

    units: int
    images: bool
    symmetric: bool
    step_lowest: float
    step_highest: float
    lost_fraction: float
    outlier_bits: float
    feature_reach: NDArray[np.float64]
    codes: CodeFigures | None


@dataclass(slots=True)
class RunTimeSums:
    """The sums of any number of samples of one layer's data.

    unit: what shares a range.
    units: how many ranges there were.
    present, lost: values that are not 0, and those of them on 0's code.
    step_lowest, step_highest: of all units.
    outliers: the sum of each unit's `outlier_bits`.
    reach: the largest size of each feature, (features,); None before the first sample.
    codes: the codes' counts.
    """

    unit: Units
    units: int = 0
    lost: int = 0
    present: int = 0
    step_lowest: float = math.inf
    step_highest: float = 0.0
    outliers: ExactSum = field(default_factory=ExactSum)
    reach: NDArray[np.float64] | None = None
    codes: TensorCodeSums = field(default_factory=lambda: TensorCodeSums(-128, 127, 1))

    def add(self, values: NDArray[Any]) -> None:
        """Take one sample of the data into account."""
        rows, quantized = self.unit.codes(values)
        if not rows.size:
            return
        self.units += len(rows)
        at_zero = quantized.codes == quantized.zero[:, None]
        present = rows != 0
        self.present += int(present.sum())
        self.lost += int((present & at_zero).sum())
        self.step_lowest = min(self.step_lowest, float(quantized.scale.min()))
        self.step_highest = max(self.step_highest, float(quantized.scale.max()))
        self.codes.add(np.nan_to_num(quantized.codes).astype(np.int8))
        size = np.abs(rows.astype(np.float64))
        for row in size:
            self.outliers.add(_outlier_bits(row))
        if self.unit.features <= _MOST_FEATURES:
            reach = size.reshape(-1, self.unit.features).max(axis=0)
            self.reach = reach if self.reach is None else np.maximum(self.reach, reach)

    def merge(self, other: RunTimeSums) -> None:
        """Take all samples of another into account."""
        self.units += other.units
        self.lost += other.lost
        self.present += other.present
        self.step_lowest = min(self.step_lowest, other.step_lowest)
        self.step_highest = max(self.step_highest, other.step_highest)
        self.outliers.merge(other.outliers)
        self.codes.merge(other.codes)
        if other.reach is not None:
            own = self.reach
            self.reach = other.reach if own is None else np.maximum(own, other.reach)

    def figures(self) -> RunTimeFigures | None:
        """Return the figures, None before the first unit."""
        if not self.units:
            return None
        return RunTimeFigures(
            units=self.units,
            images=self.unit.images,
            symmetric=self.unit.symmetric,
            step_lowest=self.step_lowest,
            step_highest=self.step_highest,
            lost_fraction=self.lost / self.present if self.present else 0.0,
            outlier_bits=self.outliers.value / self.units,
            feature_reach=np.empty(0) if self.reach is None else self.reach,
            codes=self.codes.figures(),
        )


def _outlier_bits(size: NDArray[np.float64]) -> float:
    """The bits that the largest of a unit's values take from the 95 % smallest that are not 0."""
    present = size[size > 0]
    few = max(1, int(_FEW * present.size))
    if present.size <= 2 * few:
        return 0.0
    rest = float(np.partition(present, present.size - few - 1)[present.size - few - 1])
    return math.log2(float(present.max()) / rest)
