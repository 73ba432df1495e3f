"""What TFLM's kernels took otherwise until December 2024.

Source    tflite-micro as pico-tflmicro has it at dfea53b97, `reduce_common`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels.reference_elements import reduce_simple
from refinterp.tflm.operation import TflmOperation


def mean_or_sum(op: TflmOperation) -> None:
    """Prepare of MEAN and SUM: the indices are on the stack."""
    op.temps("i0 o0 i1")
    if op["i0"].dtype in ("int8", "int16"):
        op.scratch(4 * op["o0"].elements, "one sum per output")
    reduce_simple(op)


LAYER: Final = MappingProxyType(
    {
        "reference": tuple(
            Footprint(
                name, "TfLiteReducerParams", "OpDataReduce", prepare=mean_or_sum, measured=True
            )
            for name in ("MEAN", "SUM")
        )
    }
)
"""Library → rows that were otherwise."""
