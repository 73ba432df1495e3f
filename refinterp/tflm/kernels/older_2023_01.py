"""What TFLM's kernels took otherwise until January 2023.

Source    tflite-micro of 2023-01-14 as Chirale_TensorFLowLite 2.0.0 has it at 46da2f989.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels import cmsis_nn_buffers as buffers
from refinterp.tflm.kernels.older_2024_05 import transpose_conv
from refinterp.tflm.kernels.reference_recurrent import lstm_sizes
from refinterp.tflm.operation import TflmOperation

_GATES: Final = 4
_CHECKED: Final = " ".join(f"i{i}" for i in (1, 2, 3, 5, 6, 7, *range(9, 18)))
_ALL_WEIGHTS: Final = " ".join(f"i{i}" for i in range(1, 9))


def average_pool_2d(op: TflmOperation) -> None:
    """Prepare of AVERAGE_POOL_2D in CMSIS-NN's wrapper: int8 alone."""
    op.temps("i0 o0 i0 o0")
    if op["i0"].dtype == "int8":
        size = buffers.average_pool(op["i0"].shape[3], op.profile.target.simd)
        if size:
            op.scratch(size, "sum per channel")


def gather_nd(op: TflmOperation) -> None:
    """Prepare of GATHER_ND: the result's dimensions are the file's."""
    op.temps("i0 i1 o0")


def lstm(op: TflmOperation) -> None:
    """Prepare of UNIDIRECTIONAL_SEQUENCE_LSTM: integers are int8 data with an int16 cell."""
    batch, states = lstm_sizes(op)
    op.temps(f"i21 i0 i4 i8 {_CHECKED} o0 i18 i19 i1")
    if op["i0"].dtype != "int8":
        gates = _GATES - (op.get("i1") is None)
        op.scratch(op["i0"].itemsize * gates * batch * states, "all gates")
        return
    op.temps(f"i19 o0 i0 {_ALL_WEIGHTS} i16 i18 m4")
    for _ in range(_GATES):
        op.scratch(2 * batch * states, "one gate")
    op.scratch(batch * states, "hidden state")
    op.temps(f"i0 i18 {_ALL_WEIGHTS} i16 i17 m4")
    for gate, bias in ((2, 13), (3, 14), (4, 15), (1, 12)):
        op.temps(f"i{bias}")
        for weights in (gate, gate + _GATES):
            if op.get(f"i{weights}") is not None:
                op.keep(4 * op[f"i{weights}"].shape[0], f"effective bias of input {weights}")


_LSTM: Final = Footprint(
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "TfLiteUnidirectionalSequenceLSTMParams", "OpDataLSTM",
    prepare=lstm, measured=True,
)  # fmt: skip
_TRANSPOSE_CONV: Final = Footprint(
    "TRANSPOSE_CONV", "TfLiteTransposeConvParams", "OpDataTransposeConv",
    prepare=transpose_conv, measured=True,
)  # fmt: skip

LAYER: Final = MappingProxyType(
    {
        "reference": (
            Footprint("GATHER_ND", None, None, prepare=gather_nd),
            _LSTM,
            _TRANSPOSE_CONV,
        ),
        "cmsis_nn": (
            Footprint("AVERAGE_POOL_2D", "TfLitePoolParams", "CmsisOpDataPooling",
                      prepare=average_pool_2d, measured=True),
            _LSTM,
            _TRANSPOSE_CONV,
        ),
    }
)  # fmt: skip
"""Library → rows that were otherwise."""
