"""What MicroMutableOpResolver's methods are called: one for each operator that TFLM has.

Source    TFLM `micro_mutable_op_resolver.h`, commit 90b983c2b.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_OTHERWISE: Final[Mapping[str, str]] = {
    "BatchMatmul": "BatchMatMul",
    "Cumsum": "CumSum",
    "Padv2": "PadV2",
    "TfliteDetectionPostprocess": "DetectionPostprocess",
    "TflmDecode": "Decode",
    "UnidirectionalSequenceLstm": "UnidirectionalSequenceLSTM",
}
"""Names that do not follow from the operator's words."""

_SIGNAL: Final = "Signal"


def adder(operator: str) -> str:
    """Return the method that registers an operator: AddConv2D for CONV_2D.

    operator: its name in the schema or its custom name, of one that TFLM has a kernel for.
    """
    if operator.startswith(_SIGNAL):  # SignalPCAN: the signal library's names are in such words
        return f"Add{operator.removeprefix(_SIGNAL)}"
    words = (word.capitalize() for word in operator.split("_"))
    name = "".join(re.sub(r"\A(\d+)d\Z", r"\1D", word) for word in words)
    return f"Add{_OTHERWISE.get(name, name)}"
