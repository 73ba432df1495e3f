"""What an operator is: its operands and results, and what kind of operation it is.

One row for each operator that has a kernel, by its name in the schema or its custom name. Whoever
needs to know such a thing reads it here; there is no other list of operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from refinterp.graph import operands as o
from refinterp.graph.operands import Operands

Grid = tuple[float, int]
"""A scale and a zero point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """One operator.

    operands: their names, and which may be left out.
    few_operands: the names where there are as few operands as these have, for old forms.
    fewest_operands: how many there are at least where they are any number.
    results: their names; None where the model says how many there are.
    fewest_results: how many of them there are at least; all by default.
    filter_axis: of a weighted operator, the filter's axis of output channels, which may have a
        scale each; else None.
    depthwise: a weighted operator each of whose channels reads one channel of the data.
    adds, multiplies: element by element, operands of grids of their own.
    fixed: by the result's type, or "int8 to int16", the grid the result is defined on.
    calls: the options that say which subgraphs it calls.
    conversion: the result says the same in other numbers.
    reshapes: the result has the same elements in the same order.
    moves: the results' elements are elements of the operands, unchanged.
    joins: the results are the operands, side by side.
    commutative: the operands may change places.
    by_channel: a channel of the result, along the last axis, depends on no other of the operands.
    probabilities: the result is a probability.
    unpacks: a constant becomes one that is written out in full.
    shape_only: the result follows from the operand's shape.
    stateful: it leaves, or depends on, more than its tensors.
    """

    operands: type[Operands[Any]]
    few_operands: type[Operands[Any]] | None = None
    fewest_operands: int = 0
    results: tuple[str, ...] | None = ("output",)
    fewest_results: int | None = None
    filter_axis: int | None = None
    depthwise: bool = False
    adds: bool = False
    multiplies: bool = False
    fixed: Mapping[str, Grid] = field(default_factory=lambda: MappingProxyType({}))
    calls: tuple[str, ...] = ()
    conversion: bool = False
    reshapes: bool = False
    moves: bool = False
    joins: bool = False
    commutative: bool = False
    by_channel: bool = False
    probabilities: bool = False
    unpacks: bool = False
    shape_only: bool = False
    stateful: bool = False

    def signature(self, count: int) -> type[Operands[Any]]:
        """The names of so many operands."""
        few = self.few_operands
        return few if few is not None and count <= len(few.names) else self.operands


_PROBABILITY: Final = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}
_SIGNED: Final = {"int8": (1 / 128, 0), "uint8": (1 / 128, 128)}

OPERATORS: Final[Mapping[str, OperatorFacts]] = MappingProxyType(
    {
        "ABS": OperatorFacts(operands=o.Unary),
        "ADD": OperatorFacts(operands=o.Binary, adds=True, commutative=True, by_channel=True),
        "ADD_N": OperatorFacts(operands=o.Variadic, fewest_operands=1, commutative=True),
        "ARG_MAX": OperatorFacts(operands=o.AlongAxis),
        "ARG_MIN": OperatorFacts(operands=o.AlongAxis),
        "ASSIGN_VARIABLE": OperatorFacts(operands=o.Assigned, results=(), stateful=True),
        "ATAN2": OperatorFacts(operands=o.Binary),
        "AVERAGE_POOL_2D": OperatorFacts(operands=o.Unary, by_channel=True),
        "BATCH_MATMUL": OperatorFacts(operands=o.Binary),
        "BATCH_TO_SPACE_ND": OperatorFacts(operands=o.Blocks),
        "BIDIRECTIONAL_SEQUENCE_LSTM": OperatorFacts(
            operands=o.BidirectionalLstm, results=("fw_output", "bw_output"), fewest_results=1
        ),
        "BIDIRECTIONAL_SEQUENCE_RNN": OperatorFacts(
            operands=o.BidirectionalRecurrent, results=("fw_output", "bw_output"), fewest_results=1
        ),
        "BITCAST": OperatorFacts(operands=o.Unary),
        "BITWISE_XOR": OperatorFacts(operands=o.Binary),
        "BROADCAST_ARGS": OperatorFacts(operands=o.Binary),
        "BROADCAST_TO": OperatorFacts(operands=o.Expanded, moves=True),
        "BUCKETIZE": OperatorFacts(operands=o.Unary),
        "CALL_ONCE": OperatorFacts(
            operands=o.Nothing, results=(), calls=("init_subgraph_index",), stateful=True
        ),
        "CAST": OperatorFacts(operands=o.Unary),
        "CEIL": OperatorFacts(operands=o.Unary),
        "CIRCULAR_BUFFER": OperatorFacts(operands=o.Unary, stateful=True),
        "CONCATENATION": OperatorFacts(
            operands=o.Variadic, fewest_operands=1, joins=True, moves=True
        ),
        "CONV_2D": OperatorFacts(operands=o.Weighted, filter_axis=0),
        "CONV_3D": OperatorFacts(operands=o.Weighted, filter_axis=4),
        "CONV_3D_TRANSPOSE": OperatorFacts(operands=o.TransposedWeighted),
        "COS": OperatorFacts(operands=o.Unary),
        "CUMSUM": OperatorFacts(operands=o.AlongAxis),
        "DENSIFY": OperatorFacts(operands=o.Unary, unpacks=True),
        "DEPTHWISE_CONV_2D": OperatorFacts(operands=o.Weighted, filter_axis=3, depthwise=True),
        "DEPTH_TO_SPACE": OperatorFacts(operands=o.Unary, moves=True),
        "DEQUANTIZE": OperatorFacts(operands=o.Unary, conversion=True, unpacks=True),
        "DILATE": OperatorFacts(operands=o.Dilated, moves=True),
        "DIV": OperatorFacts(operands=o.Binary),
        "DYNAMIC_UPDATE_SLICE": OperatorFacts(operands=o.Updated, moves=True),
        "ELU": OperatorFacts(operands=o.Unary),
        "EMBEDDING_LOOKUP": OperatorFacts(operands=o.Embedded),
        "EQUAL": OperatorFacts(operands=o.Binary),
        "EXP": OperatorFacts(operands=o.Unary),
        "EXPAND_DIMS": OperatorFacts(operands=o.AlongAxis, reshapes=True, moves=True),
        "FAKE_QUANT": OperatorFacts(operands=o.Unary),
        "FILL": OperatorFacts(operands=o.Filled, moves=True),
        "FLOOR": OperatorFacts(operands=o.Unary),
        "FLOOR_DIV": OperatorFacts(operands=o.Binary),
        "FLOOR_MOD": OperatorFacts(operands=o.Binary),
        "FULLY_CONNECTED": OperatorFacts(
            operands=o.Weighted,
            filter_axis=0,
            results=("output", "shuffled_input"),
            fewest_results=1,
        ),
        "GATHER": OperatorFacts(operands=o.Gathered, moves=True),
        "GATHER_ND": OperatorFacts(operands=o.Gathered, moves=True),
        "GELU": OperatorFacts(operands=o.Unary),
        "GREATER": OperatorFacts(operands=o.Binary),
        "GREATER_EQUAL": OperatorFacts(operands=o.Binary),
        "HARD_SWISH": OperatorFacts(operands=o.Unary, by_channel=True),
        "HASHTABLE_LOOKUP": OperatorFacts(operands=o.Looked, results=("output", "hits")),
        "IF": OperatorFacts(
            operands=o.Conditional,
            results=None,
            calls=("then_subgraph_index", "else_subgraph_index"),
        ),
        "L2_NORMALIZATION": OperatorFacts(operands=o.Unary, fixed=_SIGNED),
        "L2_POOL_2D": OperatorFacts(operands=o.Unary),
        "LEAKY_RELU": OperatorFacts(operands=o.Unary, by_channel=True),
        "LESS": OperatorFacts(operands=o.Binary),
        "LESS_EQUAL": OperatorFacts(operands=o.Binary),
        "LOCAL_RESPONSE_NORMALIZATION": OperatorFacts(operands=o.Unary),
        "LOG": OperatorFacts(operands=o.Unary),
        "LOGICAL_AND": OperatorFacts(operands=o.Binary),
        "LOGICAL_NOT": OperatorFacts(operands=o.Unary),
        "LOGICAL_OR": OperatorFacts(operands=o.Binary),
        "LOGISTIC": OperatorFacts(operands=o.Unary, probabilities=True, fixed=_PROBABILITY),
        "LOG_SOFTMAX": OperatorFacts(
            operands=o.Unary, fixed={"int8": (16 / 256, 127), "uint8": (16 / 256, 255)}
        ),
        "LSTM": OperatorFacts(operands=o.FullLstm, few_operands=o.SingleMatrixLstm, results=None),
        "MATRIX_DIAG": OperatorFacts(operands=o.Unary),
        "MATRIX_SET_DIAG": OperatorFacts(operands=o.Diagonal, moves=True),
        "MAXIMUM": OperatorFacts(operands=o.Binary, commutative=True),
        "MAX_POOL_2D": OperatorFacts(operands=o.Unary, by_channel=True),
        "MEAN": OperatorFacts(operands=o.Reduced, by_channel=True),
        "MINIMUM": OperatorFacts(operands=o.Binary, commutative=True),
        "MIRROR_PAD": OperatorFacts(operands=o.Mirrored, moves=True),
        "MUL": OperatorFacts(operands=o.Binary, multiplies=True, commutative=True, by_channel=True),
        "NEG": OperatorFacts(operands=o.Unary),
        "NON_MAX_SUPPRESSION_V4": OperatorFacts(
            operands=o.Suppressed, results=("indices", "valid")
        ),
        "NON_MAX_SUPPRESSION_V5": OperatorFacts(
            operands=o.SoftlySuppressed, results=("indices", "scores", "valid")
        ),
        "NOT_EQUAL": OperatorFacts(operands=o.Binary),
        "ONE_HOT": OperatorFacts(operands=o.OneHotValues, moves=True),
        "PACK": OperatorFacts(operands=o.Variadic, fewest_operands=1, joins=True, moves=True),
        "PAD": OperatorFacts(operands=o.Padded, by_channel=True),
        "PADV2": OperatorFacts(operands=o.Padded),
        "POW": OperatorFacts(operands=o.Binary),
        "PRELU": OperatorFacts(operands=o.Sloped),
        "QUANTIZE": OperatorFacts(operands=o.Unary, conversion=True, by_channel=True),
        "RANGE": OperatorFacts(operands=o.Span),
        "RANK": OperatorFacts(operands=o.Unary, shape_only=True),
        "READ_VARIABLE": OperatorFacts(operands=o.Handle, stateful=True),
        "REDUCE_ALL": OperatorFacts(operands=o.Reduced),
        "REDUCE_ANY": OperatorFacts(operands=o.Reduced),
        "REDUCE_MAX": OperatorFacts(operands=o.Reduced),
        "REDUCE_MIN": OperatorFacts(operands=o.Reduced),
        "REDUCE_PROD": OperatorFacts(operands=o.Reduced),
        "REDUCE_WINDOW": OperatorFacts(operands=o.Windowed),
        "RELU": OperatorFacts(operands=o.Unary, by_channel=True),
        "RELU6": OperatorFacts(operands=o.Unary, by_channel=True),
        "RELU_0_TO_1": OperatorFacts(operands=o.Unary),
        "RELU_N1_TO_1": OperatorFacts(operands=o.Unary),
        "RESHAPE": OperatorFacts(operands=o.Reshaped, reshapes=True, moves=True, by_channel=True),
        "RESIZE_BILINEAR": OperatorFacts(operands=o.Resized),
        "RESIZE_NEAREST_NEIGHBOR": OperatorFacts(operands=o.Resized, moves=True),
        "REVERSE_SEQUENCE": OperatorFacts(operands=o.Sequences, moves=True),
        "REVERSE_V2": OperatorFacts(operands=o.Reduced, moves=True),
        "RIGHT_SHIFT": OperatorFacts(operands=o.Binary),
        "RNN": OperatorFacts(operands=o.Recurrent),
        "ROUND": OperatorFacts(operands=o.Unary),
        "RSQRT": OperatorFacts(operands=o.Unary),
        "SCATTER_ND": OperatorFacts(operands=o.Scattered),
        "SEGMENT_SUM": OperatorFacts(operands=o.Segmented),
        "SELECT": OperatorFacts(operands=o.Selected, moves=True),
        "SELECT_V2": OperatorFacts(operands=o.Selected, moves=True),
        "SHAPE": OperatorFacts(operands=o.Unary, shape_only=True),
        "SIGN": OperatorFacts(operands=o.Unary),
        "SIN": OperatorFacts(operands=o.Unary),
        "SLICE": OperatorFacts(operands=o.Sliced, moves=True),
        "SOFTMAX": OperatorFacts(
            operands=o.Unary,
            probabilities=True,
            fixed={**_PROBABILITY, "int8 to int16": (1 / 65536, -32768)},
        ),
        "SPACE_TO_BATCH_ND": OperatorFacts(operands=o.Blocks),
        "SPACE_TO_DEPTH": OperatorFacts(operands=o.Unary, moves=True),
        "SPARSE_TO_DENSE": OperatorFacts(operands=o.Sparse, moves=True),
        "SPLIT": OperatorFacts(operands=o.EvenSplit, results=None, moves=True),
        "SPLIT_V": OperatorFacts(operands=o.SplitBySizes, results=None, moves=True),
        "SQRT": OperatorFacts(operands=o.Unary),
        "SQUARE": OperatorFacts(operands=o.Unary),
        "SQUARED_DIFFERENCE": OperatorFacts(operands=o.Binary),
        "SQUEEZE": OperatorFacts(operands=o.Unary, reshapes=True, moves=True, by_channel=True),
        "STABLEHLO_ADD": OperatorFacts(operands=o.Binary),
        "STABLEHLO_AND": OperatorFacts(operands=o.Binary),
        "STABLEHLO_COMPOSITE": OperatorFacts(
            operands=o.Variadic,
            results=None,
            calls=("decomposition_subgraph_index",),
            stateful=True,
        ),
        "STABLEHLO_GATHER": OperatorFacts(operands=o.Gathered, moves=True),
        "STABLEHLO_MAXIMUM": OperatorFacts(operands=o.Binary),
        "STABLEHLO_MINIMUM": OperatorFacts(operands=o.Binary),
        "STABLEHLO_MULTIPLY": OperatorFacts(operands=o.Binary),
        "STABLEHLO_PAD": OperatorFacts(operands=o.Started),
        "STABLEHLO_REDUCE_WINDOW": OperatorFacts(operands=o.Started),
        "STABLEHLO_RNG_BIT_GENERATOR": OperatorFacts(
            operands=o.Unary, results=("output_state", "output"), stateful=True
        ),
        "STABLEHLO_SCATTER": OperatorFacts(operands=o.ScatteredInto),
        "STABLEHLO_SHIFT_LEFT": OperatorFacts(operands=o.Binary),
        "STRIDED_SLICE": OperatorFacts(operands=o.Strided, moves=True),
        "SUB": OperatorFacts(operands=o.Binary, adds=True, by_channel=True),
        "SUM": OperatorFacts(operands=o.Reduced),
        "SVDF": OperatorFacts(operands=o.SingularFilter),
        "SignalDelay": OperatorFacts(operands=o.Unary, stateful=True),
        "SignalEnergy": OperatorFacts(operands=o.Unary),
        "SignalFftAutoScale": OperatorFacts(operands=o.Unary, results=("output", "scale_bits")),
        "SignalFilterBank": OperatorFacts(operands=o.FilterBank),
        "SignalFilterBankLog": OperatorFacts(operands=o.Unary),
        "SignalFilterBankSpectralSubtraction": OperatorFacts(
            operands=o.Unary, results=("output", "noise_estimate"), stateful=True
        ),
        "SignalFilterBankSquareRoot": OperatorFacts(operands=o.ShiftedRoot),
        "SignalFramer": OperatorFacts(operands=o.Unary, results=("output", "valid"), stateful=True),
        "SignalIrfft": OperatorFacts(operands=o.Unary),
        "SignalOverlapAdd": OperatorFacts(operands=o.Unary, stateful=True),
        "SignalPCAN": OperatorFacts(operands=o.GainControlled),
        "SignalRfft": OperatorFacts(operands=o.Unary),
        "SignalStacker": OperatorFacts(
            operands=o.Unary, results=("output", "valid"), stateful=True
        ),
        "SignalWindow": OperatorFacts(operands=o.Tapered),
        "TANH": OperatorFacts(operands=o.Unary, fixed={**_SIGNED, "int16": (1 / 32768, 0)}),
        "TFLM_DECODE": OperatorFacts(operands=o.Variadic, results=None),
        "TFLite_Detection_PostProcess": OperatorFacts(
            operands=o.Detections, results=("boxes", "classes", "scores", "valid")
        ),
        "TILE": OperatorFacts(operands=o.Tiled, moves=True),
        "TOPK_V2": OperatorFacts(operands=o.Top, results=("values", "indices")),
        "TRANSPOSE": OperatorFacts(operands=o.Permuted, moves=True),
        "TRANSPOSE_CONV": OperatorFacts(operands=o.TransposedWeighted, filter_axis=0),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": OperatorFacts(operands=o.FullLstm),
        "UNIDIRECTIONAL_SEQUENCE_RNN": OperatorFacts(operands=o.Recurrent),
        "UNIQUE": OperatorFacts(operands=o.Unary, results=("output", "indices")),
        "UNPACK": OperatorFacts(operands=o.Unary, results=None, moves=True),
        "UNSORTED_SEGMENT_MAX": OperatorFacts(operands=o.SegmentedAnyhow),
        "UNSORTED_SEGMENT_MIN": OperatorFacts(operands=o.SegmentedAnyhow),
        "UNSORTED_SEGMENT_PROD": OperatorFacts(operands=o.SegmentedAnyhow),
        "UNSORTED_SEGMENT_SUM": OperatorFacts(operands=o.SegmentedAnyhow),
        "VAR_HANDLE": OperatorFacts(operands=o.Nothing, results=("handle",), stateful=True),
        "WHERE": OperatorFacts(operands=o.Unary),
        "WHILE": OperatorFacts(
            operands=o.Variadic, results=None, calls=("cond_subgraph_index", "body_subgraph_index")
        ),
        "ZEROS_LIKE": OperatorFacts(operands=o.Unary),
    }
)

_NOTHING_KNOWN: Final = OperatorFacts(operands=o.Variadic, results=None)


def facts(name: str) -> OperatorFacts:
    """What is known of an operator; of one that is not in the table, nothing."""
    return OPERATORS.get(name, _NOTHING_KNOWN)
