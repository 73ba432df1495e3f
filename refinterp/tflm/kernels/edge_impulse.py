"""What the kernels take that Edge Impulse added to TFLM of February 2023, or changed.

Source    Edge Impulse's SDK at 0b8b16093 of firmware-arduino-nano-33-ble-sense,
          `tensorflow/lite/micro/kernels/`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from refinterp.tflm.footprint import Footprint
from refinterp.tflm.kernels.reference_elements import reduce_min_max, reduce_simple
from refinterp.tflm.kernels.reference_weights import batch_matmul_shape, transposed
from refinterp.tflm.operation import TflmOperation

_COMPLEX: Final = 8  # bytes of a complex number


def batch_matmul(op: TflmOperation) -> None:
    """Prepare of BATCH_MATMUL: reals times int8 are quantized as it runs."""
    op.temps("i0 i1 o0")
    a, b = op["i0"], op["i1"]
    hybrid = a.dtype == "float32" and b.dtype == "int8"
    if hybrid:
        op.keep_struct("HybridOpDataBatchMatmul")
    elif a.dtype == "int8":
        op.keep_struct("QuantizationOpDataBatchMatmul")
    if op.option("adj_x", False):
        transposed(op, "i0")
    if not op.option("adj_y", False):
        transposed(op, "i1")
    if hybrid:
        rows = a.shape[-1] if op.option("adj_x", False) else a.shape[-2]
        batches = a.elements // (a.shape[-1] * a.shape[-2])
        op.scratch(a.elements, "quantized input")
        op.scratch(4 * rows * batches, "scale of every row")
        op.scratch(4 * rows * batches, "zero point of every row")
        matrices = b.elements // (b.shape[-1] * b.shape[-2])
        op.keep(4 * matrices * b.shape[-1], "sums of rows")
    op.rewrite("o0", batch_matmul_shape(op))


def mean_or_sum(op: TflmOperation) -> None:
    """Prepare of MEAN and SUM."""
    op.temps("i0 o0")
    if op["i0"].dtype in ("int8", "int16"):
        op.scratch(4 * op["o0"].elements, "one sum per output")
    reduce_simple(op)


def rfft_2d(op: TflmOperation) -> None:
    """Prepare of RFFT2D."""
    op.temps("i0 i1 o0")
    op.scratch(_COMPLEX * op["o0"].elements, "transformed rows")


_BATCH_MATMUL: Final = Footprint(
    "BATCH_MATMUL", "TfLiteBatchMatMulParams", "OpDataBatchMatmul", prepare=batch_matmul,
    measured=True,
)  # fmt: skip

LAYER: Final = MappingProxyType(
    {
        "reference": (
            _BATCH_MATMUL,
            Footprint("COMPLEX_ABS", temps="i0 o0"),
            Footprint("IMAG", temps="i0 o0"),
            Footprint("REAL", temps="i0 o0"),
            *(
                Footprint(name, "TfLiteReducerParams", "OpDataReduce", prepare=reduce_min_max,
                          measured=True)
                for name in ("REDUCE_ALL", "REDUCE_ANY", "REDUCE_MIN")
            ),
            *(
                Footprint(name, "TfLiteReducerParams", "OpDataReduce", prepare=mean_or_sum,
                          measured=True)
                for name in ("MEAN", "SUM")
            ),
            Footprint("RFFT2D", None, "OpDataRfft2d", prepare=rfft_2d),
            Footprint("SCATTER_ND", temps="i0 i1 i2 o0", measured=True),
            Footprint("SELECT", None, "OpDataSelect", "i0 i1 i2 o0", measured=True),
            Footprint("TILE", None, "OpDataTile", "i0 o0 i1", measured=True),
            Footprint("TOPK_V2", temps="i0 i1 o1 i0", measured=True),
        ),
        "cmsis_nn": (_BATCH_MATMUL,),
    }
)  # fmt: skip
"""Library → rows that were otherwise."""
