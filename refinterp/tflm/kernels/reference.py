"""What TFLM's reference kernels take.

Source    TFLM `tensorflow/lite/micro/kernels/` at 90b983c2b: Init and Prepare of each kernel, read
          line by line; parsers in `core/api/flatbuffer_conversions.cc`. Types are those that
          Prepare checks or Eval switches on.
Measured  `measured` rows agree with the arena of models that hold the operator, byte for byte; the
          others were read, not measured.
"""

from __future__ import annotations

from typing import Any, Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels.reference_elements import (
    add_n,
    concatenation,
    cumsum,
    exp,
    log_softmax,
    mean_or_sum,
    reduce_all,
    reduce_min_max,
    softmax,
)
from refinterp.tflm.kernels.reference_recurrent import lstm, svdf
from refinterp.tflm.kernels.reference_resources import (
    assign_variable,
    assign_variable_init,
    decode,
    detection_post_process,
    var_handle,
)
from refinterp.tflm.kernels.reference_shapes import (
    QUANTIZED,
    constant_input,
    depth_to_space,
    embedding_lookup,
    gather,
    gather_nd,
    l2_pool_2d,
    mirror_pad,
    quantize,
    reshape,
    space_to_depth,
    strided_slice,
)
from refinterp.tflm.kernels.reference_weights import (
    POOLED,
    batch_matmul,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    transpose_conv,
)

COMPARED: Final = "float32 int32 int64 int8"
MOVED: Final = "float32 int8 int16 int32"

_MEASURED: Final = frozenset(
    {
        "ABS", "ADD", "ARG_MAX", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CAST", "CONCATENATION",
        "CONV_2D", "CUMSUM", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "DIV", "ELU",
        "EMBEDDING_LOOKUP", "EQUAL", "FULLY_CONNECTED", "GREATER_EQUAL", "HARD_SWISH",
        "L2_NORMALIZATION", "LEAKY_RELU", "LESS", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM",
        "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PAD", "PRELU", "QUANTIZE", "REDUCE_MAX",
        "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT",
        "SOFTMAX", "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM", "SVDF", "TANH",
        "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)  # fmt: skip
"""Operators that occur in a model whose arena was measured with these kernels."""


def _row(
    operator: str,
    params: str | None = None,
    data: str | None = None,
    temps: str = "",
    types: str = "",
    **more: Any,
) -> Footprint:
    measured = operator in _MEASURED
    return Footprint(operator, params, data, temps, types, measured=measured, **more)


_ARG: Final = "float32 int8"
_REAL: Final = "float32"

# operator, the parser's struct, Init's struct, TfLiteTensors Prepare looks at, types of input 0
ROWS: Final[tuple[Footprint, ...]] = (
    _row("ABS", None, "OpDataAbsRsqrt", "i0 o0", "float32 int8 int16"),
    _row("ADD", "TfLiteAddParams", "OpDataAdd", "i0 i1 o0", MOVED),
    _row("ADD_N", None, None, prepare=add_n),
    _row("ARG_MAX", "TfLiteArgMaxParams", None, "", _ARG, prepare=constant_input("", i1="int32")),
    _row("ARG_MIN", "TfLiteArgMinParams", None, "", _ARG, prepare=constant_input("", i1="int32")),
    _row("ASSIGN_VARIABLE", None, None, init=assign_variable_init, prepare=assign_variable),
    _row("AVERAGE_POOL_2D", "TfLitePoolParams", "OpDataPooling", "i0 o0", POOLED),
    _row("BATCH_MATMUL", "TfLiteBatchMatMulParams", "OpDataBatchMatmul", prepare=batch_matmul),
    _row("BATCH_TO_SPACE_ND", None, None, "i0 o0", _ARG),
    _row("BROADCAST_ARGS", None, None, "i0 i1 o0", "int32 int64"),
    _row("BROADCAST_TO", None, None, prepare=constant_input("i0 i1 o0", "i1")),
    _row("CALL_ONCE", "TfLiteCallOnceParams", "OpDataCallOnce"),
    _row("CAST", "TfLiteCastParams", None, "", "float32 int8 int16 int32 uint32 bool",
         prepare=constant_input("i0 o0", o0=f"{MOVED} uint32 bool")),
    _row("CEIL", None, None, "i0 o0", _REAL),
    _row("CONCATENATION", "TfLiteConcatenationParams", "OpDataConcatenation",
         prepare=concatenation),
    _row("CONV_2D", "TfLiteConvParams", "OpDataConv", prepare=conv_2d),
    _row("COS", None, None, "i0 o0", _REAL),
    _row("CUMSUM", "TfLiteCumsumParams", None, "", _ARG, prepare=cumsum),
    _row("DEPTH_TO_SPACE", "TfLiteDepthToSpaceParams", None, "", _ARG, prepare=depth_to_space),
    _row("DEPTHWISE_CONV_2D", "TfLiteDepthwiseConvParams", "OpDataConv",
         prepare=depthwise_conv_2d),
    _row("DEQUANTIZE", None, "DequantizeOpData", "i0 o0", "int8 int16 uint8"),
    _row("DIV", "TfLiteDivParams", "OpDataDiv", "i0 i1 o0", "float32 int8 int32"),
    _row("DYNAMIC_UPDATE_SLICE", None, None, "i0 i1 i2 o0", MOVED),
    _row("ELU", None, "OpDataElu", "i0 o0", _ARG),
    _row("EMBEDDING_LOOKUP", None, None, prepare=embedding_lookup),
    _row("EQUAL", None, "OpDataComparison", "i0 i1", f"bool {COMPARED}"),
    _row("EXP", None, None, "", _REAL, prepare=exp),
    _row("EXPAND_DIMS", None, None, "", POOLED,
         prepare=constant_input("i0 i1 o0", "i1", i1="int32")),
    _row("FILL", None, None,
         prepare=constant_input("i0 i1 o0", "i0", o0="float32 int8 int32")),
    _row("FLOOR", None, None, "", _REAL),
    _row("FLOOR_DIV", None, None, "i0 i1 o0", _REAL),
    _row("FLOOR_MOD", None, None, "i0 i1 o0", _REAL),
    _row("FULLY_CONNECTED", "TfLiteFullyConnectedParams", "OpDataFullyConnected",
         prepare=fully_connected),
    _row("GATHER", "TfLiteGatherParams", None, "", _ARG, prepare=gather),
    _row("GATHER_ND", None, None, "", _ARG, prepare=gather_nd),
    _row("GREATER", None, "OpDataComparison", "i0 i1", f"{COMPARED} int16"),
    _row("GREATER_EQUAL", None, "OpDataComparison", "i0 i1", COMPARED),
    _row("HARD_SWISH", None, "HardSwishParams", "i0 o0", _ARG),
    _row("IF", "TfLiteIfParams", "OpDataIf", "i0", "bool"),
    _row("L2_NORMALIZATION", "TfLiteL2NormParams", "L2NormalizationParams", "i0 o0", _ARG),
    _row("L2_POOL_2D", "TfLitePoolParams", None, "", _REAL, prepare=l2_pool_2d),
    _row("LEAKY_RELU", "TfLiteLeakyReluParams", "LeakyReluOpData", "i0 o0", POOLED),
    _row("LESS", None, "OpDataComparison", "i0 i1", COMPARED),
    _row("LESS_EQUAL", None, "OpDataComparison", "i0 i1", COMPARED),
    _row("LOG", None, None, "i0 o0", _REAL),
    _row("LOGICAL_AND", None, None, "", "bool"),
    _row("LOGICAL_NOT", None, None, "i0 o0", "bool"),
    _row("LOGICAL_OR", None, None, "", "bool"),
    _row("LOGISTIC", None, "OpDataLogistic", "i0 o0", POOLED),
    _row("LOG_SOFTMAX", None, None, "", _ARG, prepare=log_softmax),
    _row("MAXIMUM", None, None, "", f"{MOVED} int64"),
    _row("MAX_POOL_2D", "TfLitePoolParams", "OpDataPooling", "i0 o0", POOLED),
    _row("MEAN", "TfLiteReducerParams", "OpDataReduce", "", POOLED, prepare=mean_or_sum),
    _row("MINIMUM", None, None, "", f"{MOVED} int64"),
    _row("MIRROR_PAD", "TfLiteMirrorPaddingParams", "OpDataMirrorPad", "", _ARG,
         prepare=mirror_pad),
    _row("MUL", "TfLiteMulParams", "OpDataMul", "i0 i1 o0", MOVED),
    _row("NEG", None, None, "", _REAL),
    _row("NOT_EQUAL", None, "OpDataComparison", "i0 i1", f"bool {COMPARED}"),
    _row("PACK", "TfLitePackParams", None, "", f"{MOVED} int64"),
    _row("PAD", None, "OpDataPad", "", MOVED, prepare=constant_input("i0 i1 i2 o0", "i1")),
    _row("PADV2", None, "OpDataPad", "", MOVED, prepare=constant_input("i0 i1 i2 o0", "i1")),
    _row("PRELU", None, "PreluParams", "i0 i1 o0", POOLED),
    _row("QUANTIZE", None, "OpDataQuantizeReference", "", " ".join(QUANTIZED),
         prepare=quantize),
    _row("READ_VARIABLE", None, None, "i0"),
    _row("REDUCE_ALL", "TfLiteReducerParams", "OpDataReduce", "", "bool", prepare=reduce_all),
    _row("REDUCE_MAX", "TfLiteReducerParams", "OpDataReduce", "", _ARG, prepare=reduce_min_max),
    _row("REDUCE_MIN", "TfLiteReducerParams", "OpDataReduce", "", _ARG, prepare=reduce_min_max),
    _row("RELU", None, "ReluOpData", "i0 o0", POOLED),
    _row("RELU6", None, "Relu6OpData", "i0", POOLED),
    _row("RESHAPE", "TfLiteReshapeParams", None, prepare=reshape),
    _row("RESIZE_BILINEAR", "TfLiteResizeBilinearParams", None, "", _ARG,
         prepare=constant_input("i0 i1 o0", "i1")),
    _row("RESIZE_NEAREST_NEIGHBOR", "TfLiteResizeNearestNeighborParams", None, "", POOLED,
         prepare=constant_input("i0 i1 o0", "i1")),
    _row("REVERSE_V2", None, None, "i0 i1 o0", f"{MOVED} int64 uint8 bool"),
    _row("ROUND", None, None, "i0 o0", _REAL),
    _row("RSQRT", None, "OpDataAbsRsqrt", "i0 o0", POOLED),
    _row("SELECT_V2", None, "OpDataSelect", "", "bool",
         prepare=constant_input("i0 i1 i2 o0", i1=POOLED)),
    _row("SHAPE", "TfLiteShapeParams", None, prepare=constant_input("", o0="int32")),
    _row("SIN", None, None, "i0 o0", _REAL),
    _row("SLICE", None, None, "i0 i1 i2 o0", f"{MOVED} bool"),
    _row("SOFTMAX", "TfLiteSoftmaxParams", "SoftmaxParams", "", POOLED, prepare=softmax),
    _row("SPACE_TO_BATCH_ND", None, "SpaceToBatchParams", "i0 o0", _ARG),
    _row("SPACE_TO_DEPTH", "TfLiteSpaceToDepthParams", None, "", _ARG, prepare=space_to_depth),
    _row("SPLIT", "TfLiteSplitParams", None, prepare=constant_input("i0", "i0", i1=MOVED)),
    _row("SPLIT_V", "TfLiteSplitVParams", None, "", MOVED, prepare=constant_input("i2", "i2")),
    _row("SQRT", None, None, "i0 o0", _REAL),
    _row("SQUARE", None, None, "i0 o0", _REAL),
    _row("SQUARED_DIFFERENCE", None, "OpDataSquaredDifference", "i0 i1 o0", MOVED),
    _row("SQUEEZE", "TfLiteSqueezeParams", None, "i0 o0"),
    _row("STRIDED_SLICE", "TfLiteStridedSliceParams", "StridedSliceParams", "",
         f"{MOVED} bool", prepare=strided_slice),
    _row("SUB", "TfLiteSubParams", "OpDataSub", "i0 i1 o0", MOVED),
    _row("SUM", "TfLiteReducerParams", "OpDataReduce", "", POOLED, prepare=mean_or_sum),
    _row("SVDF", "TfLiteSVDFParams", "OpDataSvdf", prepare=svdf),
    _row("TANH", None, "OpDataTanh", "i0 i0 o0", POOLED),
    _row("TRANSPOSE", None, None, "", POOLED, prepare=constant_input("i0 i1 o0", "i1")),
    _row("TRANSPOSE_CONV", "TfLiteTransposeConvParams", "OpDataTransposeConv",
         prepare=transpose_conv),
    _row("UNIDIRECTIONAL_SEQUENCE_LSTM", "TfLiteUnidirectionalSequenceLSTMParams", "OpDataLSTM",
         prepare=lstm),
    _row("UNPACK", "TfLiteUnpackParams", None, "", MOVED),
    _row("VAR_HANDLE", "TfLiteVarHandleParams", "OpDataVarHandle", prepare=var_handle),
    _row("WHILE", "TfLiteWhileParams", "OpDataWhile"),
    _row("ZEROS_LIKE", None, None, "i0 o0", "float32 int8 int32 int64"),
    _row("CIRCULAR_BUFFER", None, "OpDataCircularBuffer", "i0 o0", "int8"),
    _row("TFLM_DECODE", prepare=decode),
    _row("TFLite_Detection_PostProcess", None, "OpDataDetectionPostProcess",
         prepare=detection_post_process),
)  # fmt: skip
