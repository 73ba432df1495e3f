"""What TFLM's wrappers around CMSIS-NN take; operators that are not here are the reference kernels.

Source    TFLM `tensorflow/lite/micro/kernels/cmsis_nn/` at 90b983c2b. Scratch sizes:
          `cmsis_nn_buffers`, for the chip's instructions: plain C, DSP or MVE.
"""

from __future__ import annotations

from typing import Final

from refinterp.numerics.window import window
from refinterp.tflm.footprint import Ask, Footprint
from refinterp.tflm.kernels import cmsis_nn_buffers as buffers
from refinterp.tflm.kernels.cmsis_nn_buffers import Conv
from refinterp.tflm.kernels.reference_elements import softmax_tables
from refinterp.tflm.kernels.reference_recurrent import (
    LSTM_INPUTS,
    lstm_checks,
    lstm_scratch,
    lstm_sizes,
    svdf_checks,
    svdf_scratch,
)
from refinterp.tflm.kernels.reference_weights import (
    POOLED,
    batch_matmul_shape,
    fully_connected_data,
    multipliers,
    quantized_weights,
    transpose_conv_data,
    transposed,
    weighted,
    weighted_transpose,
)
from refinterp.tflm.operation import TflmOperation
from refinterp.tflm.targets import Simd

_COLUMNS: Final = "columns of the input"


def _simd(op: TflmOperation) -> Simd:
    return op.profile.target.simd


def _ask(op: TflmOperation, size: int, what: str) -> None:
    if size > 0:
        op.scratch(size, what)


def convolution(op: TflmOperation, filter_channels: int) -> Conv:
    """The shapes and settings that scratch sizes go by; filter_channels: as CMSIS-NN is told."""
    x, w, y = op["i0"].shape, op["i1"].shape, op["o0"].shape
    for ref in ("i0", "i1", "o0"):
        op.require(op[ref].rank == 4, f"{op[ref]} has rank {op[ref].rank}, not 4")
    stride = (int(op.option("stride_h", 1)), int(op.option("stride_w", 1)))
    dilation = (
        int(op.option("dilation_h_factor", 1)),
        int(op.option("dilation_w_factor", 1)),
    )
    before = tuple(
        window(
            op.option("padding", "SAME"), x[i], w[i], stride[i - 1], dilation[i - 1], where=op.where
        ).before
        for i in (1, 2)
    )
    return Conv(
        (x[0], x[1], x[2], x[3]),
        (w[1], w[2], filter_channels),
        (y[0], y[1], y[2], y[3]),
        stride,
        (before[0], before[1]),
        dilation,
    )


def conv_2d(op: TflmOperation) -> None:
    """Prepare of CONV_2D."""
    op.temps("i0 i1 o0")
    op.same_type("i0", "o0")
    weighted(op)
    x, w = op["i0"], op["i1"]
    conv = convolution(op, w.shape[3])
    op.require(
        w.shape[3] > 0 and x.shape[3] % w.shape[3] == 0,
        f"{x.shape[3]} input channels are no multiple of the weights' {w.shape[3]}",
    )
    if x.dtype != "float32":
        quantized_weights(op, "i1", 0)
        multipliers(op, w.shape[0])
    op.temps("i0 i1 i2 o0")
    if x.dtype == "int8":
        _ask(op, buffers.conv_s8(conv, _simd(op)), _COLUMNS)
    elif x.dtype == "int16":
        _ask(op, buffers.conv_s16(conv, _simd(op)), _COLUMNS)


def depthwise_conv_2d(op: TflmOperation) -> None:
    """Prepare of DEPTHWISE_CONV_2D."""
    op.temps("i0 i1 o0")
    op.same_type("i0", "o0")
    weighted(op)
    x, w = op["i0"], op["i1"]
    conv = convolution(op, op["o0"].shape[3]) if x.dtype == "int8" else None
    if conv and w.dtype == "int8" and buffers.depends_on_stride(conv, _simd(op)):
        op.doubt()  # Prepare leaves the stride that it passes on unset
    if x.dtype != "float32":
        quantized_weights(op, "i1", 3, zeros=True)
        multipliers(op, w.shape[3])
    op.temps("i0 i1 i2 o0")
    if conv:
        rule = buffers.depthwise_s4 if w.dtype == "int4" else buffers.depthwise_s8
        _ask(op, rule(conv, _simd(op)), _COLUMNS)


def transpose_conv(op: TflmOperation) -> None:
    """Prepare of TRANSPOSE_CONV."""
    x, w, y = op["i2"], op["i1"], op["o0"]
    op.temps("o0 i2 i1")
    op.same_type("i2", "o0")
    weighted_transpose(op)
    multipliers(op, w.shape[0])
    if x.dtype == "int8":
        conv = Conv(
            (x.shape[0], x.shape[1], x.shape[2], x.shape[3]),
            (w.shape[1], w.shape[2], x.shape[3]),
            (y.shape[0], y.shape[1], y.shape[2], w.shape[0]),
            (int(op.option("stride_h", 1)), int(op.option("stride_w", 1))),
        )
        op.scratch(buffers.transpose_conv_s8(conv, _simd(op)), "columns, or rows of sums")
        op.scratch(buffers.transpose_conv_reversed_s8(conv), "filter, turned round")
    elif x.dtype == "int16":
        op.require(
            op.get("i3") is not None,
            "it has no bias, and CMSIS-NN's wrapper crashes on int16 without one",
        )
        op.scratch(8 * y.elements, "sums before they are requantized")
    if x.dtype != "float32":
        quantized_weights(op, "i1", 0, zeros=True)
    transpose_conv_data(op)


def fully_connected(op: TflmOperation) -> None:
    """Prepare of FULLY_CONNECTED."""
    op.temps("i0 i1 i2 o0")
    op.same_type("i0", "o0")
    weighted(op)
    x, w, y, bias = op["i0"], op["i1"], op["o0"], op.get("i2")
    fully_connected_data(op)
    if x.dtype == "float32":
        return
    op.require(
        w.scales <= 1 or x.dtype == "int8",
        f"weights {w} have a scale per channel, which CMSIS-NN takes with int8 inputs only",
    )
    if x.dtype != "int8" or w.dtype == "int4":
        return
    outputs = y.shape[-1]
    if y.rank > 2 and w.shape[-1] % 4 == 0:
        if w.scales <= 1:
            op.scratch(8 * outputs, "multiplier and shift for each output")
        return
    size = buffers.fully_connected_s8(outputs, _simd(op))
    known = w.constant and (bias is None or bias.constant)
    if size and known and not op.profile.kernels.size:
        op.keep(size, "kernel sums")
    else:
        _ask(op, size, "kernel sums")


def batch_matmul(op: TflmOperation) -> None:
    """Prepare of BATCH_MATMUL."""
    op.temps("i0 i1 o0")
    op.one_of("i0", POOLED)
    op.same_type("i0", "i1")
    op.same_type("i0", "o0")
    for ref in ("i0", "i1"):
        op.require(2 <= op[ref].rank <= 4, f"{op[ref]} has rank {op[ref].rank}, not 2 to 4")
    if op.option("adj_x", False):
        transposed(op, "i0")
    if not op.option("adj_y", False):
        transposed(op, "i1")
    shape = batch_matmul_shape(op)
    op.rewrite("o0", shape)
    if op["i0"].dtype == "float32":
        return
    op.keep_struct("QuantizationOpDataBatchMatmul")
    if op["i0"].dtype == "int8":
        _ask(op, buffers.fully_connected_s8(shape[-1], _simd(op)), "kernel sums")


def average_pool_2d(op: TflmOperation) -> None:
    """Prepare of AVERAGE_POOL_2D."""
    op.temps("i0 o0 i0 o0")
    if op["i0"].dtype != "float32":
        _ask(op, buffers.average_pool(op["i0"].shape[3], _simd(op)), "sum per channel")


def softmax(op: TflmOperation) -> None:
    """Prepare of SOFTMAX."""
    op.temps("i0 o0")
    softmax_tables(op)


def svdf_init(op: TflmOperation) -> None:
    """Init of SVDF."""
    op.keep_struct("CmsisOpDataSvdf for size" if op.profile.kernels.size else "CmsisOpDataSvdf")


def svdf(op: TflmOperation) -> None:
    """Prepare of SVDF."""
    svdf_checks(op)
    op.temps("i0 i1 i2 i3 i4 o0")
    svdf_scratch(op)
    if op["i0"].dtype != "int8":
        return
    size = buffers.svdf_s8(op["i1"].shape[0], _simd(op))
    if op.profile.kernels.size:
        op.require(
            size > 0 or op["i2"].dtype != "int8",
            "built for size and without MVE, its wrapper fails when it runs with int8 time weights "
            "(cmsis_nn/svdf.cc wants a scratch buffer that its Prepare does not request)",
        )
        _ask(op, size, "kernel sums")
    elif size:
        op.must_be_constant("i1")
        op.keep(size, "kernel sums")


def lstm(op: TflmOperation) -> None:
    """Prepare of UNIDIRECTIONAL_SEQUENCE_LSTM."""
    op.temps(f"{LSTM_INPUTS} o0")
    cell = lstm_checks(op)
    for i in (*range(1, 9), *range(12, 16)):
        op.must_be_constant(f"i{i}")
    quantized = op["i0"].dtype != "float32" and cell.dtype == "int16"
    if quantized:
        _, states = lstm_sizes(op)
        item = 4 if op["i0"].dtype == "int8" else 8
        for source in ("input", "state"):
            for gate in ("input", "forget", "cell", "output"):
                op.keep(item * states, f"kernel sums of the {source}'s {gate} weights")
    lstm_scratch(op, cell, 3 if quantized else 4)


def ethos_u(op: TflmOperation) -> None:
    """Prepare of ethos-u, in builds with the driver of that processor (`ethos_u/ethosu.cc`)."""
    count = len(op.operator.inputs) + len(op.operator.outputs)
    op.scratch(8 * count, "base addresses")
    op.scratch(op.pointer * count, "sizes at the base addresses")
    op.temps("i0")


def _row(
    operator: str,
    params: str | None,
    data: str | None,
    temps: str = "",
    types: str = "",
    *,
    init: Ask | None = None,
    prepare: Ask | None = None,
) -> Footprint:
    measured = operator != "ethos-u"
    return Footprint(operator, params, data, temps, types, init, prepare, measured)


ROWS: Final[tuple[Footprint, ...]] = (
    _row("AVERAGE_POOL_2D", "TfLitePoolParams", "CmsisOpDataPooling", types=POOLED,
         prepare=average_pool_2d),
    _row("BATCH_MATMUL", "TfLiteBatchMatMulParams", "CmsisOpDataBatchMatmul",
         prepare=batch_matmul),
    _row("CONV_2D", "TfLiteConvParams", "CmsisOpDataConv", prepare=conv_2d),
    _row("DEPTHWISE_CONV_2D", "TfLiteDepthwiseConvParams", "CmsisOpDataConv",
         prepare=depthwise_conv_2d),
    _row("FULLY_CONNECTED", "TfLiteFullyConnectedParams", "CmsisOpDataFullyConnected",
         prepare=fully_connected),
    _row("MAX_POOL_2D", "TfLitePoolParams", "CmsisOpDataPooling", "i0 o0", POOLED),
    _row("SOFTMAX", "TfLiteSoftmaxParams", "CmsisOpDataSoftmax", types=POOLED, prepare=softmax),
    _row("SVDF", "TfLiteSVDFParams", None, init=svdf_init, prepare=svdf),
    _row("TRANSPOSE_CONV", "TfLiteTransposeConvParams", "CmsisOpDataTransposeConv",
         prepare=transpose_conv),
    _row("UNIDIRECTIONAL_SEQUENCE_LSTM", "TfLiteUnidirectionalSequenceLSTMParams",
         "CmsisOpDataLSTM", prepare=lstm),
    _row("ethos-u", None, "OpDataEthosU", prepare=ethos_u),
)  # fmt: skip
