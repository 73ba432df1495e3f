"""Which operators, in which versions, each runtime has kernels for at all.

Sources: LiteRT's register_ref.cc and register.cc (commit f67457790), the wheel's
python_ops_resolver.cc (commit 90b983c2b); tried on the installed wheels by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refinterp.verdicts.verdict import CMSIS_NN_MVE, ESP_NN, LITERT_REFERENCE, TFLM

_REFERENCE: Final[Mapping[str, int]] = MappingProxyType({
    "ABS": 3, "ADD": 5, "ADD_N": 1, "ARG_MAX": 2, "ARG_MIN": 2, "ASSIGN_VARIABLE": 1, "ATAN2": 1,
    "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4, "BATCH_TO_SPACE_ND": 4, "BIDIRECTIONAL_SEQUENCE_LSTM":
    3, "BIDIRECTIONAL_SEQUENCE_RNN": 3, "BITCAST": 1, "BITWISE_XOR": 1, "BROADCAST_ARGS": 1,
    "BROADCAST_TO": 4, "BUCKETIZE": 1, "CALL_ONCE": 1, "CAST": 9, "COMPLEX_ABS": 1, "CONCATENATION":
    7, "CONV_2D": 8, "CONV_3D": 1, "CONV_3D_TRANSPOSE": 1, "COS": 1, "CUMSUM": 1, "DENSIFY": 1,
    "DEPTHWISE_CONV_2D": 6, "DEPTH_TO_SPACE": 1, "DEQUANTIZE": 9, "DILATE": 1, "DIV": 2,
    "DYNAMIC_UPDATE_SLICE": 6, "EMBEDDING_LOOKUP": 5, "EMBEDDING_LOOKUP_SPARSE": 1, "EQUAL": 5,
    "EXP": 2, "EXPAND_DIMS": 1, "FAKE_QUANT": 2, "FILL": 5, "FLOOR": 1, "FLOOR_DIV": 3, "FLOOR_MOD":
    2, "FULLY_CONNECTED": 14, "GATHER": 8, "GATHER_ND": 6, "GELU": 2, "GREATER": 2, "GREATER_EQUAL":
    3, "HARD_SWISH": 1, "HASHTABLE_LOOKUP": 1, "IF": 1, "IMAG": 1, "L2_NORMALIZATION": 2,
    "L2_POOL_2D": 1, "LEAKY_RELU": 2, "LESS": 3, "LESS_EQUAL": 2, "LOCAL_RESPONSE_NORMALIZATION": 1,
    "LOG": 2, "LOGICAL_AND": 1, "LOGICAL_NOT": 1, "LOGICAL_OR": 1, "LOGISTIC": 3, "LOG_SOFTMAX": 2,
    "LSH_PROJECTION": 1, "LSTM": 4, "MATRIX_DIAG": 1, "MATRIX_SET_DIAG": 1, "MAXIMUM": 4,
    "MAX_POOL_2D": 3, "MEAN": 3, "MINIMUM": 4, "MIRROR_PAD": 3, "MUL": 7, "MULTINOMIAL": 1, "NEG":
    1, "NON_MAX_SUPPRESSION_V4": 1, "NON_MAX_SUPPRESSION_V5": 1, "NOT_EQUAL": 4, "ONE_HOT": 1,
    "PACK": 5, "PAD": 6, "PADV2": 6, "POW": 1, "PRELU": 1, "QUANTIZE": 6, "RANDOM_STANDARD_NORMAL":
    1, "RANDOM_UNIFORM": 1, "RANGE": 1, "RANK": 1, "READ_VARIABLE": 1, "REAL": 1, "REDUCE_ALL": 1,
    "REDUCE_ANY": 1, "REDUCE_MAX": 3, "REDUCE_MIN": 3, "REDUCE_PROD": 2, "REDUCE_WINDOW": 1, "RELU":
    3, "RELU6": 3, "RELU_0_TO_1": 1, "RELU_N1_TO_1": 1, "RESHAPE": 1, "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4, "REVERSE_SEQUENCE": 1, "REVERSE_V2": 4, "RFFT2D": 1,
    "RIGHT_SHIFT": 1, "RNN": 3, "RSQRT": 3, "SCATTER_ND": 1, "SELECT": 4, "SELECT_V2": 2, "SHAPE":
    1, "SIGN": 2, "SIN": 1, "SKIP_GRAM": 1, "SLICE": 8, "SOFTMAX": 3, "SPACE_TO_BATCH_ND": 4,
    "SPACE_TO_DEPTH": 2, "SPARSE_TO_DENSE": 3, "SPLIT": 5, "SPLIT_V": 3, "SQRT": 2, "SQUARE": 1,
    "SQUARED_DIFFERENCE": 2, "SQUEEZE": 1, "STABLEHLO_ADD": 1, "STABLEHLO_COMPOSITE": 1,
    "STABLEHLO_GATHER": 1, "STABLEHLO_MAXIMUM": 1, "STABLEHLO_MINIMUM": 1, "STABLEHLO_MULTIPLY": 1,
    "STABLEHLO_PAD": 1, "STABLEHLO_REDUCE_WINDOW": 1, "STABLEHLO_RNG_BIT_GENERATOR": 1,
    "STABLEHLO_SCATTER": 1, "STRIDED_SLICE": 4, "SUB": 5, "SUM": 2, "SVDF": 4, "TANH": 3, "TILE": 2,
    "TOPK_V2": 3, "TRANSPOSE": 8, "TRANSPOSE_CONV": 5, "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "UNIDIRECTIONAL_SEQUENCE_RNN": 3, "UNIQUE": 1, "UNPACK": 6, "UNSORTED_SEGMENT_MAX": 1,
    "UNSORTED_SEGMENT_MIN": 1, "UNSORTED_SEGMENT_PROD": 1, "UNSORTED_SEGMENT_SUM": 1, "VAR_HANDLE":
    1, "WHERE": 2, "WHILE": 1, "ZEROS_LIKE": 1,
})  # fmt: skip
"""Operator → the highest version of it that LiteRT's reference resolver takes."""

_OPTIMIZED: Final[Mapping[str, int]] = MappingProxyType({
    **_REFERENCE,
    "ABS": 5, "ADD": 6, "ARG_MAX": 3, "ARG_MIN": 3, "CEIL": 1, "COS": 2, "DEPTHWISE_CONV_2D": 7,
    "DEPTH_TO_SPACE": 2, "ELU": 1, "GELU": 3, "HASHTABLE": 1, "HASHTABLE_FIND": 1,
    "HASHTABLE_IMPORT": 1, "HASHTABLE_SIZE": 1, "MUL": 8, "RANGE": 2, "ROUND": 1, "SEGMENT_SUM": 1,
    "SIN": 2, "SOFTMAX": 4, "SQUEEZE": 2, "STABLEHLO_AND": 1, "STABLEHLO_CASE": 1,
    "STABLEHLO_SHIFT_LEFT": 1, "STRIDED_SLICE": 8, "TILE": 3, "TRANSPOSE": 9,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 4,
})  # fmt: skip
"""The same of its default resolver."""

_LITERT_CUSTOM: Final = frozenset(
    ("AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess")
)

REFERENCE_LACKS: Final = frozenset(_OPTIMIZED) - frozenset(_REFERENCE)
"""What LiteRT has optimized kernels for only."""

_TFLM: Final = frozenset((
    "ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D",
    "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CALL_ONCE", "CAST",
    "CEIL", "CONCATENATION", "CONV_2D", "COS", "CUMSUM", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "DIV", "DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP",
    "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "FULLY_CONNECTED", "GATHER",
    "GATHER_ND", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D",
    "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR",
    "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL",
    "NEG", "NOT_EQUAL", "PACK", "PAD", "PADV2", "PRELU", "QUANTIZE", "READ_VARIABLE", "REDUCE_ALL",
    "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND", "RSQRT", "SELECT_V2", "SHAPE", "SIN", "SLICE",
    "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE",
    "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "SVDF", "TANH", "TRANSPOSE",
    "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK", "VAR_HANDLE", "WHILE", "ZEROS_LIKE",
    "CIRCULAR_BUFFER", "SignalDelay", "SignalEnergy", "SignalFftAutoScale", "SignalFilterBank",
    "SignalFilterBankLog", "SignalFilterBankSpectralSubtraction", "SignalFilterBankSquareRoot",
    "SignalFramer", "SignalIrfft", "SignalOverlapAdd", "SignalPCAN", "SignalRfft", "SignalStacker",
    "SignalWindow", "TFLM_DECODE", "TFLite_Detection_PostProcess",
))  # fmt: skip


def has_kernel(runtime: str, operator: str) -> bool:
    """Whether a runtime has a kernel for an operator (schema or custom name), in any version."""
    return highest_version(runtime, operator) > 0


def highest_version(runtime: str, operator: str) -> int:
    """The highest version of an operator that a runtime takes; 0 where it has no such operator.

    TFLM does not look at versions.
    """
    if runtime in (TFLM, CMSIS_NN_MVE, ESP_NN):
        return _ANY if operator in _TFLM else 0
    if operator in _LITERT_CUSTOM:
        return 1
    table = _REFERENCE if runtime == LITERT_REFERENCE else _OPTIMIZED
    return table.get(operator, 0)


LOWEST: Final[Mapping[str, int]] = MappingProxyType({"BROADCAST_TO": 2})
"""The lowest version LiteRT takes, where it is not 1."""

_ANY: Final = 2**31 - 1
