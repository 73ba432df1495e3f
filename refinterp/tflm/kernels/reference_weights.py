"""What TFLM's reference kernels take for convolutions and matrix products."""

from __future__ import annotations

from typing import Final

from refinterp.tflm.operation import TflmOperation

HYBRID: Final = "hybrid models are not supported"
POOLED: Final = "float32 int8 int16"


def weighted(op: TflmOperation, *, int4: bool = True, conv: str = "i1") -> None:
    """Refuse inputs and weights whose types do not go together: hybrid and unsigned models."""
    x, w = op["i0"], op[conv]
    allowed = {"float32": ("float32",), "int16": ("int8",), "int8": ("int8", "int4")[: 1 + int4]}
    if w.dtype not in allowed.get(x.dtype, ()) and not op.judged:
        reason = HYBRID if x.dtype != w.dtype else "its kernels take float32, int8 and int16"
        op.refuse(f"input is {x}, weights are {w}: {reason}")


def quantized_weights(op: TflmOperation, weights: str, axis: int, *, zeros: bool = False) -> None:
    """Refuse weights without one scale, or one per channel."""
    w = op[weights]
    op.require(w.scales > 0, f"weights {w} are not quantized")
    channels = w.shape[axis] if axis < w.rank else 0
    op.require(
        w.scales in (1, channels),
        f"weights {w} have {w.scales} scales for {channels} channels",
    )
    if zeros:
        op.require(
            w.scales == w.zero_points,
            f"weights {w} have {w.scales} scales but {w.zero_points} zero points",
        )


def multipliers(op: TflmOperation, channels: int) -> None:
    """Ask for a multiplier and a shift per channel."""
    op.keep(4 * channels, "multiplier per channel")
    op.keep(4 * channels, "shift per channel")


def unpacked(op: TflmOperation, weights: str) -> None:
    """Ask for the bytes that int4 weights are unpacked into."""
    if op[weights].dtype == "int4":
        op.scratch(op[weights].elements, "weights unpacked from int4")


def conv_2d(op: TflmOperation) -> None:
    """Prepare of CONV_2D."""
    op.temps("o0 i0 i1")
    op.same_type("i0", "o0")
    weighted(op)
    multipliers(op, op["i1"].shape[0])
    if op["i0"].dtype != "float32":
        quantized_weights(op, "i1", 0)
    op.temps("i0 i1 i2 o0")
    unpacked(op, "i1")


def depthwise_conv_2d(op: TflmOperation) -> None:
    """Prepare of DEPTHWISE_CONV_2D."""
    op.temps("o0 i0 i1")
    multipliers(op, op["i1"].shape[3])
    weighted(op)
    if op["i0"].dtype == "int8":
        quantized_weights(op, "i1", 3, zeros=True)
    unpacked(op, "i1")
    op.temps("i0 i1 i2 o0")


def transpose_conv(op: TflmOperation) -> None:
    """Prepare of TRANSPOSE_CONV."""
    x, w, y = op["i2"], op["i1"], op["o0"]
    op.temps("o0 i2 i1")
    weighted_transpose(op)
    multipliers(op, w.shape[0])
    if x.dtype in ("int8", "int16"):
        op.scratch((4 if x.dtype == "int8" else 8) * y.elements, "sums before they are requantized")
        quantized_weights(op, "i1", 0, zeros=True)
    transpose_conv_data(op)


def weighted_transpose(op: TflmOperation) -> None:
    """Refuse types of TRANSPOSE_CONV that do not go together."""
    x, w = op["i2"], op["i1"]
    fit = {("float32",) * 2, ("int8",) * 2, ("int16", "int8")}
    if (x.dtype, w.dtype) not in fit and not op.judged:
        op.refuse(f"input is {x}, weights are {w}: {HYBRID}")


def transpose_conv_data(op: TflmOperation) -> None:
    """Ask for what CalculateOpData asks for in both libraries."""
    if op["i2"].dtype == "float32":
        return
    op.temps("i2 i1 i3 o0")
    bias = op.get("i3")
    if op["i2"].dtype == "int16" and bias is not None and bias.dtype == "int16":
        op.scratch(8 * bias.elements, "bias widened to 64 bits")


def fully_connected(op: TflmOperation) -> None:
    """Prepare of FULLY_CONNECTED."""
    op.temps("i0 i1 i2 o0")
    op.same_type("i0", "o0")
    weighted(op)
    unpacked(op, "i1")
    fully_connected_data(op)


def fully_connected_data(op: TflmOperation) -> None:
    """Ask for what CalculateOpDataFullyConnected asks for in every library."""
    w = op["i1"]
    if op["i0"].dtype != "float32" and w.scales > 1:
        op.require(w.dtype != "int4", f"weights {w} are int4 with a scale per channel")
        axis = w.tensor.quantization.quantized_dimension if w.tensor.quantization else 0
        op.require(
            0 <= axis < w.rank and w.shape[axis] == w.scales,
            f"weights {w} have {w.scales} scales along axis {axis} of {list(w.shape)}",
        )
        multipliers(op, w.scales)


def transposed(op: TflmOperation, ref: str) -> None:
    """Ask for a transposed copy of an operand, with a struct and dimensions of its own."""
    x = op[ref]
    op.keep_struct("TfLiteEvalTensor", f"transposed input {ref[1:]}: TfLiteEvalTensor")
    op.keep(4 + 4 * x.rank, f"transposed input {ref[1:]}: dimensions")
    op.keep(x.elements * x.itemsize, f"transposed input {ref[1:]}: elements")


def batch_matmul_shape(op: TflmOperation) -> tuple[int, ...]:
    """Shape of BATCH_MATMUL's output."""
    x, y = op["i0"].shape, op["i1"].shape
    rank = max(len(x), len(y))
    x, y = (1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y
    rows = x[-1] if op.option("adj_x", False) else x[-2]
    columns = y[-2] if op.option("adj_y", False) else y[-1]
    batch = (b if a == 1 else a for a, b in zip(x[:-2], y[:-2], strict=True))
    return (*batch, rows, columns)


def batch_matmul(op: TflmOperation) -> None:
    """Prepare of BATCH_MATMUL."""
    op.temps("i0 i1 o0")
    op.one_of("i0", POOLED)
    op.same_type("i0", "i1")
    op.same_type("i0", "o0")
    for ref in ("i0", "i1"):
        op.require(2 <= op[ref].rank <= 5, f"{op[ref]} has rank {op[ref].rank}, not 2 to 5")
    if op["i0"].dtype != "float32":
        op.keep_struct("QuantizationOpDataBatchMatmul")
    if op.option("adj_x", False):
        transposed(op, "i0")
    if not op.option("adj_y", False):
        transposed(op, "i1")
    op.rewrite("o0", batch_matmul_shape(op))
