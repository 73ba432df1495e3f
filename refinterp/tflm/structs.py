"""How large TFLM's C++ structs are on a target: their members, and the compiler's layout rule.

A struct is written as the types of its members in order, `*n` for n of a kind. Its size follows
from the target's ABI: each member at the next multiple of its alignment, the whole rounded up to
the largest. `enum` is a C enumeration: one byte where the ABI packs them (AAPCS bare metal), else
four. `int` and `float` are 32 bits everywhere TFLM runs.

Source    TFLM at 90b983c2b: `core/c/builtin_op_data.h` (…Params), `micro/kernels/*.h` and `*.cc`,
          `kernels/internal/types.h`, `micro/micro_allocator.h`, `micro/arena_allocator/`,
          `signal/`; CMSIS-NN `arm_nn_types.h` at 4ab83cc; esp-tflite-micro at 99f49e149.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple


@dataclass(frozen=True, slots=True)
class Abi:
    """What decides the size of a struct: bytes of a pointer (and of size_t) and of an enum."""

    name: str
    pointer: int
    enum: int


class StructLayout(NamedTuple):
    """Bytes a struct takes and the multiple it must lie on."""

    size: int
    align: int


_PLAIN: Final[Mapping[str, int]] = MappingProxyType(
    {"bool": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "int": 4, "u32": 4, "float": 4,
     "i64": 8, "double": 8}
)  # fmt: skip

STRUCTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # the allocator and what it keeps of a model
        "TfLiteEvalTensor": "ptr ptr enum",
        "TfLiteQuantization": "int ptr",
        "TfLiteQuantizationParams": "float int",
        "TfLiteAffineQuantization": "ptr ptr int",
        "TfLiteTensor": ("TfLiteQuantization TfLiteQuantizationParams ptr ptr size enum enum bool"),
        "TfLiteNode": "ptr*6 int",
        "NodeAndRegistration": "TfLiteNode ptr",
        "SubgraphAllocations": "ptr*2",
        "ScratchBufferHandle": "ptr",
        "ScratchBufferRequest": "size int*2",
        "AllocationInfo": "size ptr int*3 bool",
        "SingleArenaBufferAllocator": "ptr*7 ptr int",
        "RecordingSingleArenaBufferAllocator": "SingleArenaBufferAllocator size*4",
        "PersistentArenaBufferAllocator": "ptr*4",
        "NonPersistentArenaBufferAllocator": "ptr*6 int bool",
        "GreedyMemoryPlanner": "ptr int*2 ptr*4 int*2 ptr bool",
        "GreedyMemoryPlanner buffer": "int*10",  # its arrays: what one planned buffer takes
        "LinearMemoryPlanner": "ptr size*1024 int size",
        "MicroAllocator": "ptr*5 bool size ptr size",
        "RecordedAllocation": "size*3",
        "RecordingMicroAllocator": "MicroAllocator ptr RecordedAllocation*7",
        "MicroBuiltinDataAllocator": "ptr*2",
        "MicroResourceVariables": "ptr int*2",
        "MicroResourceVariable": "ptr*3 size i8",
        # parameters that a parser takes from the file
        "TfLitePaddingValues": "int*4",
        "TfLiteAddParams": "enum bool",
        "TfLiteArgMaxParams": "enum",
        "TfLiteArgMinParams": "enum",
        "TfLiteBatchMatMulParams": "bool*3",
        "TfLiteCallOnceParams": "int",
        "TfLiteCastParams": "enum*2",
        "TfLiteConcatenationParams": "int enum",
        "TfLiteConvParams": "enum int*2 enum int*2 enum",
        "TfLiteCumsumParams": "bool*2",
        "TfLiteDepthToSpaceParams": "int",
        "TfLiteDepthwiseConvParams": "enum int*3 enum int*2",
        "TfLiteDivParams": "enum",
        "TfLiteFullyConnectedParams": "enum*2 bool*2 enum",
        "TfLiteGatherParams": "int*2",
        "TfLiteIfParams": "int*2",
        "TfLiteL2NormParams": "enum",
        "TfLiteLeakyReluParams": "float",
        "TfLiteMirrorPaddingParams": "enum",
        "TfLiteMulParams": "enum",
        "TfLitePackParams": "int*2",
        "TfLitePoolParams": "enum int*4 enum TfLitePaddingValues",
        "TfLiteReducerParams": "bool",
        "TfLiteReshapeParams": "int*8 int",
        "TfLiteResizeBilinearParams": "bool*2",
        "TfLiteResizeNearestNeighborParams": "bool*2",
        "TfLiteSVDFParams": "int enum bool",
        "TfLiteShapeParams": "enum",
        "TfLiteSoftmaxParams": "float",
        "TfLiteSpaceToDepthParams": "int",
        "TfLiteSplitParams": "int",
        "TfLiteSplitVParams": "int",
        "TfLiteSqueezeParams": "int*8 int",
        "TfLiteStridedSliceParams": "int*5 bool",
        "TfLiteSubParams": "enum bool",
        "TfLiteTransposeConvParams": "enum int*2 enum*2",
        "TfLiteUnidirectionalSequenceLSTMParams": "enum float*2 bool*3",
        "TfLiteUnpackParams": "int*2",
        "TfLiteVarHandleParams": "ptr*2",
        "TfLiteWhileParams": "int*2",
        # what reference kernels work from, shared by several of them
        "PaddingValues": "i16*4",
        "ArithmeticParams": "u8 int*12 float*2 i64*2 i16*2 int*5",
        "ConvParams": "u8 PaddingValues i16*4 int*7 float*2",
        "FullyConnectedParams": "int*7 float*2 bool*2 u8",
        "SoftmaxParams": "double int*6 float ptr*5",
        # what an operator's Init or Prepare keeps, by the name its file gives it
        "OpDataAbsRsqrt": "int*4 bool int enum",
        "OpDataAdd": "bool int*12 float*2",
        "OpDataAddN": "int*10",
        "OpDataAssignVariable": "int",
        "OpDataBatchMatmul": "ptr*3 bool*3",
        "QuantizationOpDataBatchMatmul": "int*7",
        "OpDataCallOnce": "int bool",
        "OpDataCircularBuffer": "int*2",
        "OpDataComparison": "int*7 bool",
        "OpDataConcatenation": "int ptr*2 int*2 float",
        "OpDataConv": "TfLitePaddingValues int*5 ptr*2 int*3",
        "OpDataCumSum": "int*9",
        "OpDataDetectionPostProcess": (
            "int*3 float*2 int bool float*4 int*11 TfLiteQuantizationParams*3"
        ),
        "OpDataDiv": "int*7",
        "OpDataElu": "i8*256",
        "OpDataEmbeddingLookup": "float size",
        "OpDataEthosU": "int*3",
        "OpDataFullyConnected": "int*9 ptr*2 bool",
        "OpDataIf": "int*2",
        "OpDataLSTM": ("LstmSizeInfo CellStateInfo enum GateParameters*4 ArithmeticParams*3 int*4"),
        "LstmSizeInfo": "bool int*4",
        "CellStateInfo": "float i16 int",
        "GateParameters": "FullyConnectedParams*2",
        "OpDataLogSoftmax": "int*5 size*2",
        "OpDataLogistic": "int*4",
        "OpDataMirrorPad": "int*5",
        "OpDataMul": "int*7 float*2",
        "OpDataPad": "i8 int*5 i8 int*5 u8 int",
        "OpDataPooling": "TfLitePaddingValues int*2 float*2",
        "OpDataQuantizeReference": "int double int*3",
        "OpDataReduce": "int*6 float int float int*2",
        "OpDataSelect": "bool",
        "OpDataSquaredDifference": "bool ArithmeticParams",
        "OpDataSub": "bool int*12",
        "OpDataSvdf": "int*9",
        "OpDataTanh": "int*4",
        "OpDataTransposeConv": "ConvParams int*2 ptr*2",
        "OpDataVarHandle": "int",
        "OpDataWhile": "int*2",
        "DequantizeOpData": "DequantizationParams int*3",
        "DequantizationParams": "double int",
        "HardSwishParams": "i16*3 int i16 int",
        "L2NormalizationParams": "int",
        "LeakyReluOpData": "int*6",
        "PreluParams": "int*7",
        "Relu6OpData": "int*2",
        "ReluOpData": "u8 int*6",
        "SpaceToBatchParams": "int",
        "StridedSliceParams": "i8 int*5 i8 int*5 i8 int*5 u16*5 bool",
        "DecodeStateLut": "DecodeState ptr size*3 ptr u8*2 bool",
        "DecodeStatePrune": "DecodeState ptr size*3 ptr*2 i8 bool",
        "DecodeStateHuffman": "DecodeState ptr size ptr bool u8",
        "DecodeState": "ptr*3",
        # the signal library
        "CircularBuffer": "size*3 int*2 ptr",
        "SignalDelayParams": "int*3 ptr*2",
        "SignalEnergyParams": "int*2",
        "SignalFilterBankParams": "FilterbankConfig ptr",
        "FilterbankConfig": "int ptr*5 int*2",
        "SignalLogParams": "int*2",
        "SignalSpectralSubtractionParams": "SpectralSubtractionConfig ptr size",
        "SpectralSubtractionConfig": "int u32*7 bool",
        "SignalFramerParams": "int*4 bool ptr*2",
        "SignalIrfftParams": "int*4 enum ptr",
        "SignalOverlapAddParams": "int*4 enum ptr",
        "SignalPcanParams": "int",
        "SignalRfftParams": "int*4 enum ptr int ptr",
        "SignalStackerParams": "int*4 size*2 bool ptr*2",
        "SignalWindowParams": "int*2",
        "kiss_fft_state": "int*66",  # without its twiddles
        "kiss_fftr_state": "ptr*3",
        "IrfftFloatState": "int ptr",
        # wrappers around CMSIS-NN
        "CmsisOpDataBatchMatmul": "OpDataBatchMatmul int*4 int",
        "CmsisOpDataConv": "OpDataConv int",
        "CmsisOpDataFullyConnected": "OpDataFullyConnected int*2 ptr int*3",
        "CmsisOpDataLSTM": "OpDataLSTM cmsis_nn_lstm_params",
        "cmsis_nn_lstm_params": "int*15 cmsis_nn_lstm_gate*4",
        "cmsis_nn_lstm_gate": "int*2 ptr*2 int*2 ptr*2 ptr enum",
        "CmsisOpDataPooling": "OpDataPooling int",
        "CmsisOpDataSoftmax": "SoftmaxParams int*2",
        "CmsisOpDataSvdf": "int*9 ptr",
        "CmsisOpDataSvdf for size": "int*9 ptr int",
        "CmsisOpDataTransposeConv": "ConvParams int*3 ptr*2",
        # wrappers around ESP-NN
        "EspNodeDataConv": "OpDataConv int",
        "EspNodeDataSoftmax": "SoftmaxParams int",
    }
)
"""Members of every struct TFLM puts into its arena, at the snapshot; versions override some."""


@cache
def _layout(members: str, abi: Abi, changes: tuple[tuple[str, str], ...]) -> StructLayout:
    end, largest = 0, 1
    for member in members.split():
        kind, _, many = member.partition("*")
        size, align = _member(kind, abi, changes)
        end += -end % align
        end += size * int(many or 1)
        largest = max(largest, align)
    return StructLayout(end + -end % largest, largest)


def _member(kind: str, abi: Abi, changes: tuple[tuple[str, str], ...]) -> StructLayout:
    if kind in ("ptr", "size"):
        return StructLayout(abi.pointer, abi.pointer)
    if kind == "enum":
        return StructLayout(abi.enum, abi.enum)
    if kind in _PLAIN:
        return StructLayout(_PLAIN[kind], _PLAIN[kind])
    return layout(kind, abi, changes)


def layout(name: str, abi: Abi, changes: tuple[tuple[str, str], ...] = ()) -> StructLayout:
    """Return a struct's size and alignment; changes: members that a version has otherwise.

    Raises KeyError for a struct nobody declared.
    """
    return _layout(dict(changes).get(name) or STRUCTS[name], abi, changes)
