"""Kernel libraries that take the place of some of TFLM's kernels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN, TFLM

_POOLS: Final = ("AVERAGE_POOL_2D", "MAX_POOL_2D")

OWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        CMSIS_NN_MVE: frozenset(
            (
                "ADD", "BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
                "MAXIMUM", "MINIMUM", "MUL", "PAD", "PADV2", *_POOLS, "SOFTMAX", "SVDF",
                "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
            )
        ),
        ESP_NN: frozenset(
            ("ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", *_POOLS, "SOFTMAX")
        ),
    }
)  # fmt: skip
"""Operators a library has kernels of its own for: the files of its folder beside TFLM's kernels
(tflite-micro 90b983c2b, micro/kernels/cmsis_nn; esp-tflite-micro 99f49e149, micro/kernels/esp_nn).
"""

OWN_DATA: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {CMSIS_NN_MVE: ("int8", "int16"), ESP_NN: ("int8",)}
)
"""Types of data that those kernels compute themselves; the others they pass to TFLM's (read)."""


def taken_from(operator: str, dtype: str | None, runtime: str) -> str:
    """The runtime whose kernel a runtime runs: TFLM's where the library has none of its own.

    dtype: the registry's key, whose first part is the type of the data.
    """
    if runtime not in OWN:
        return runtime
    own = operator in OWN[runtime] and (dtype or "").split("x")[0] in OWN_DATA[runtime]
    return runtime if own else TFLM
