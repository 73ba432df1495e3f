"""Whose arithmetic: what each runtime decides differently, as data.

A flavour is a runtime whose results are reproduced. A kernel is prepared with the `Rules` of its
operator; it never asks for the flavour's name. Everything that is the same in all flavours is in
the kernels; what differs is in the one table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from refinterp.errors import UsageError

Path = Literal[
    "",
    "bias-tensor",
    "clamp",
    "exp",
    "first-scale",
    "fixed-point",
    "four-masks",
    "from-end",
    "general",
    "general-unclamped",
    "micro",
    "reset",
    "same-scale",
    "state-zero",
    "unchecked",
    "wide",
]
"""Algorithms that operators choose between; what each means is said where a kernel reads it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a runtime decides for one operator.

    rounding: how an accumulator is rescaled: "double" (gemmlowp, rounds twice) or "real" (a
        float64 factor, rounded half away from zero).
    precision: the float type in which scales are combined before they become a multiplier.
    tables: the float type in which lookup tables are computed.
    path: the operator's own choice between algorithms; "": LiteRT's.
    plain: run the plain integer definition even where a fast path is proven equal.
    """

    rounding: Literal["double", "real"] = "double"
    precision: str = "float64"
    tables: str = "float64"
    path: Path = ""
    plain: bool = False


_F32: Final = Rules(precision="float32")

_DIFFERENCES: Final[Mapping[str, Mapping[str, Rules]]] = MappingProxyType(
    {
        "litert-reference": {
            "FULLY_CONNECTED": Rules(rounding="real"),
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
            "ASSIGN_VARIABLE": Rules(path="reset"),
            "CONV_2D": Rules(path="bias-tensor"),
            "FULLY_CONNECTED": Rules(path="bias-tensor"),
            "AVERAGE_POOL_2D": Rules(path="same-scale"),
            "MAX_POOL_2D": Rules(path="same-scale"),
            "TRANSPOSE_CONV": Rules(path="wide"),
            "REDUCE_MAX": Rules(path="from-end"),
            "REDUCE_MIN": Rules(path="from-end"),
            "RELU6": Rules(path="clamp"),
            "LOGISTIC": Rules(path="fixed-point"),
            "TANH": Rules(path="fixed-point"),
            "ADD": Rules(path="general-unclamped"),
            "SUB": Rules(path="general"),
            "SOFTMAX": Rules(tables="float32"),
            "SVDF": Rules(path="state-zero"),
            "TFLite_Detection_PostProcess": Rules(path="micro"),
            "UNIDIRECTIONAL_SEQUENCE_LSTM": Rules(path="micro"),
            "BATCH_MATMUL": Rules(path="first-scale"),
            "DEQUANTIZE": Rules(path="first-scale"),
            "ELU": Rules(path="exp"),
            "RSQRT": Rules(path="fixed-point"),
            "EMBEDDING_LOOKUP": Rules(path="first-scale"),
            "EXPAND_DIMS": Rules(path="unchecked"),
            "PACK": Rules(path="unchecked"),
            "BATCH_TO_SPACE_ND": Rules(path="unchecked"),
            "SPACE_TO_BATCH_ND": Rules(path="unchecked"),
            "MIRROR_PAD": Rules(path="unchecked"),
            "FILL": Rules(path="unchecked"),
            "UNPACK": Rules(path="unchecked"),
            "STRIDED_SLICE": Rules(path="four-masks"),
        },
    }
)

FLAVOURS: Final[tuple[str, ...]] = tuple(_DIFFERENCES)
DEFAULT_FLAVOUR: Final = "litert-reference"


@cache
def rules(flavour: str, operator: str, *, plain: bool = False) -> Rules:
    """The rules of one operator (schema name) under a flavour.

    Raises UsageError for a flavour that does not exist.
    """
    try:
        table = _DIFFERENCES[flavour]
    except KeyError:
        raise UsageError(f"unknown flavour {flavour!r}; allowed: {', '.join(FLAVOURS)}") from None
    return replace(table.get(operator, Rules()), plain=plain)
