"""The grids that definitions of operators give their results, whatever calibration saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refinterp.graph.spec import TensorSpec

FIXED_OUTPUTS: Final[Mapping[tuple[str, str], tuple[float, int]]] = MappingProxyType(
    {
        ("SOFTMAX", "int8"): (1 / 256, -128),
        ("SOFTMAX", "uint8"): (1 / 256, 0),
        ("SOFTMAX", "int16"): (1 / 32768, 0),
        ("SOFTMAX", "int8 to int16"): (1 / 65536, -32768),
        ("LOGISTIC", "int8"): (1 / 256, -128),
        ("LOGISTIC", "uint8"): (1 / 256, 0),
        ("LOGISTIC", "int16"): (1 / 32768, 0),
        ("TANH", "int8"): (1 / 128, 0),
        ("TANH", "uint8"): (1 / 128, 128),
        ("TANH", "int16"): (1 / 32768, 0),
        ("LOG_SOFTMAX", "int8"): (16 / 256, 127),
        ("LOG_SOFTMAX", "uint8"): (16 / 256, 255),
        ("L2_NORMALIZATION", "int8"): (1 / 128, 0),
        ("L2_NORMALIZATION", "uint8"): (1 / 128, 128),
    }
)
"""Operator and output type, after the input's where both tell → the scale and zero point that its
result is defined with."""


def fixed_output(name: str, x: TensorSpec, y: TensorSpec) -> tuple[float, int] | None:
    """The scale and zero point an operator's definition gives its output, if it does."""
    widened = FIXED_OUTPUTS.get((name, f"{x.dtype} to {y.dtype}"))
    return widened or FIXED_OUTPUTS.get((name, y.dtype))
