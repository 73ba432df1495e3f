"""Bytes TFLM counts for an element of each type it knows.

Source: TFLM `memory_helpers.cc` (`TfLiteTypeSizeOf`), commit 90b983c2b. int4 takes a byte; types
that are missing make TFLM refuse the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ELEMENT_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
        "int4": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
        "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
        "bool": 1, "resource": 4, "complex64": 8, "complex128": 16,
    }
)  # fmt: skip
