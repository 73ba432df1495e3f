"""Whose arithmetic: what each runtime decides differently, as data.

A flavour is a runtime whose results are reproduced. A kernel is prepared with the `Rules` of its
operator; it never asks for the flavour's name. Everything that is the same in all flavours is in
the kernels; what differs is in the one table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from refinterp.errors import UsageError


@dataclass(frozen=True, slots=True)
class Rules:
    """What a runtime decides for one operator.

    rounding: how an accumulator is rescaled: "double" (gemmlowp, rounds twice) or "real" (a
        float64 factor, rounded half away from zero).
    precision: the float type in which scales are combined before they become a multiplier.
    tables: the float type in which lookup tables are computed.
    path: the operator's own choice between algorithms, named in the kernel that reads it.
    plain: run the plain integer definition even where a fast path is proven equal.
    """

    rounding: str = "double"
    precision: str = "float64"
    tables: str = "float64"
    path: str = ""
    plain: bool = False


_F32: Final[Mapping[str, Any]] = {"precision": "float32"}

_DIFFERENCES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = MappingProxyType(
    {
        "litert-reference": {
            "FULLY_CONNECTED": {"rounding": "real"},
            "SVDF": _F32,
            "MUL": _F32,
            "RELU": _F32,
            "RELU6": _F32,
            "RELU_N1_TO_1": _F32,
            "RELU_0_TO_1": _F32,
            "LEAKY_RELU": _F32,
            "PRELU": _F32,
            "ABS": _F32,
            "HARD_SWISH": _F32,
            "DIV": _F32,
            "SOFTMAX": _F32,
            "BATCH_MATMUL": _F32,
        },
        "tflm": {
            "ASSIGN_VARIABLE": {"path": "reset"},
            "CONV_2D": {"path": "bias-tensor"},
            "FULLY_CONNECTED": {"path": "bias-tensor"},
            "AVERAGE_POOL_2D": {"path": "same-scale"},
            "MAX_POOL_2D": {"path": "same-scale"},
            "TRANSPOSE_CONV": {"path": "wide"},
            "REDUCE_MAX": {"path": "from-end"},
            "REDUCE_MIN": {"path": "from-end"},
            "RELU6": {"path": "clamp"},
            "LOGISTIC": {"path": "fixed-point"},
            "TANH": {"path": "fixed-point"},
            "ADD": {"path": "general-unclamped"},
            "SUB": {"path": "general"},
            "SOFTMAX": {"tables": "float32"},
            "SVDF": {"path": "state-zero"},
            "TFLite_Detection_PostProcess": {"path": "micro"},
            "UNIDIRECTIONAL_SEQUENCE_LSTM": {"path": "micro"},
            "BATCH_MATMUL": {"path": "first-scale"},
            "DEQUANTIZE": {"path": "first-scale"},
            "ELU": {"path": "exp"},
            "RSQRT": {"path": "fixed-point"},
            "EMBEDDING_LOOKUP": {"path": "first-scale"},
            "EXPAND_DIMS": {"path": "unchecked"},
            "PACK": {"path": "unchecked"},
            "BATCH_TO_SPACE_ND": {"path": "unchecked"},
            "SPACE_TO_BATCH_ND": {"path": "unchecked"},
            "MIRROR_PAD": {"path": "unchecked"},
            "FILL": {"path": "unchecked"},
            "UNPACK": {"path": "unchecked"},
            "STRIDED_SLICE": {"path": "four-masks"},
        },
    }
)

FLAVOURS: Final[tuple[str, ...]] = tuple(_DIFFERENCES)
DEFAULT_FLAVOUR: Final = "litert-reference"


def rules(flavour: str, operator: str, *, plain: bool = False) -> Rules:
    """The rules of one operator (schema name) under a flavour.

    Raises UsageError for a flavour that does not exist.
    """
    try:
        table = _DIFFERENCES[flavour]
    except KeyError:
        raise UsageError(f"unknown flavour {flavour!r}; allowed: {', '.join(FLAVOURS)}") from None
    return replace(Rules(plain=plain), **table.get(operator, {}))
