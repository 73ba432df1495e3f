"""What TFLM's reference kernels take.

Source    TFLM `tensorflow/lite/micro/kernels/` at 90b983c2b: Init and Prepare of each kernel, read
          line by line; parsers in `core/api/flatbuffer_conversions.cc`. Types are those that
          Prepare checks or Eval switches on.
Measured  `measured` rows agree with the arena of models that hold the operator, byte for byte; the
          others were read, not measured.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from refinterp.tflm.footprint import Ask, Footprint
from refinterp.tflm.operation import TflmOperand, TflmOperation

HYBRID: Final = "hybrid models are not supported"
INT16_TABLE: Final = 513 * 2  # bytes of a table over int16
DECODE_STATES: Final = {0: "DecodeStateLut", 1: "DecodeStateHuffman", 2: "DecodeStatePrune"}
TABLES: Final = 0
HUFFMAN: Final = 1
PRUNED: Final = 2
POOLED: Final = "float32 int8 int16"
COMPARED: Final = "float32 int32 int64 int8"
MOVED: Final = "float32 int8 int16 int32"
QUANTIZED: Final = {
    "float32": "int8 int16",
    "int8": "int8 int16 int32 uint8",
    "int16": "int8 int16 int32",
    "int32": "int8 int16",
    "uint8": "int8",
}
"""Types QUANTIZE turns each type into."""


# convolutions and matrix products


def weighted(op: TflmOperation, *, int4: bool = True, conv: str = "i1") -> None:
    """Refuse inputs and weights whose types do not go together: hybrid and unsigned models."""
    x, w = op["i0"], op[conv]
    allowed = {"float32": ("float32",), "int16": ("int8",), "int8": ("int8", "int4")[: 1 + int4]}
    if w.dtype not in allowed.get(x.dtype, ()):
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
    if (x.dtype, w.dtype) not in {("float32",) * 2, ("int8",) * 2, ("int16", "int8")}:
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


# recurrent operators


def svdf(op: TflmOperation) -> None:
    """Prepare of SVDF."""
    svdf_checks(op)
    op.temps("i0 i1 i2 i3 i4 o0")
    svdf_scratch(op)


def svdf_checks(op: TflmOperation) -> None:
    """Refuse what PrepareSvdf refuses for its types."""
    op.one_of("i0", "float32 int8")
    quantized = op["i0"].dtype == "int8"
    op.one_of("i1", op["i0"].dtype)
    op.one_of("i2", "int8 int16" if quantized else "float32")
    op.one_of("i4", "int8 int16" if quantized else "float32")
    op.require(op["i4"].tensor.is_variable, f"state {op['i4']} is not a variable")
    if quantized:
        op.require(op.get("i3") is not None, "it has no bias")


def svdf_scratch(op: TflmOperation) -> None:
    """Ask for the sums of the filters, and of the units."""
    batch, filters = op["i0"].shape[0], op["i1"].shape[0]
    op.scratch(4 * batch * filters, "one value per filter")
    if op["i0"].dtype == "int8":
        op.scratch(4 * batch * (filters // int(op.option("rank", 1))), "one sum per unit")


LSTM_INPUTS: Final = " ".join(f"i{i}" for i in range(24))


def lstm_checks(op: TflmOperation) -> TflmOperand:
    """Refuse what the LSTM's Prepare refuses; return the cell state."""
    op.require(len(op.operator.inputs) == 24, f"it has {len(op.operator.inputs)} inputs, not 24")
    for i in (*range(1, 9), *range(12, 16)):
        op[f"i{i}"]
    for i in (*range(9, 12), 16, 17, *range(20, 24)):
        op.require(op.get(f"i{i}") is None, f"input {i} is used: peephole, projection and layer "
                   "normalization are not supported")  # fmt: skip
    op.one_of("i0", POOLED)
    # Float data with byte-wide weights are taken, and the weights read as the floats they are not.
    op.one_of("i1", "float32 int8 uint8" if op["i0"].dtype == "float32" else "int8")
    for ref in ("i18", "i19"):
        op.require(op[ref].tensor.is_variable, f"state {op[ref]} is not a variable")
    op.one_of("i19", "float32 int16")
    return op["i19"]


def lstm(op: TflmOperation) -> None:
    """Prepare of UNIDIRECTIONAL_SEQUENCE_LSTM."""
    op.temps(f"{LSTM_INPUTS} o0")
    lstm_scratch(op, lstm_checks(op), 4)


def lstm_sizes(op: TflmOperation) -> tuple[int, int]:
    """Batch size and state dimension."""
    x, state = op["i0"].shape, op["i18"].shape
    return x[1] if op.option("time_major", False) else x[0], state[1]


def lstm_scratch(op: TflmOperation, cell: TflmOperand, count: int) -> None:
    """Ask for buffers of one gate each."""
    batch, states = lstm_sizes(op)
    for _ in range(count):
        op.scratch(batch * states * cell.itemsize, "one gate")


# element by element


def add_n(op: TflmOperation) -> None:
    """Prepare of ADD_N."""
    op.temps("i0 o0")
    op.one_of("o0", "float32 int8")
    for i in range(1, len(op.operator.inputs)):
        op.temps(f"i{i}")
        op.same_type(f"i{i}", "i0")
        same = op[f"i{i}"].scale == op["i0"].scale and op[f"i{i}"].zero_point == op["i0"].zero_point
        op.require(op["i0"].dtype != "int8" or same, f"inputs 0 and {i} have different scales")
    if op["o0"].dtype == "int8":
        op.keep_struct("OpDataAddN")
    op.scratch(op.pointer * len(op.operator.inputs), "pointers to the inputs")


def concatenation(op: TflmOperation) -> None:
    """Prepare of CONCATENATION."""
    op.temps("i0 o0")
    op.one_of("i0", "float32 int8 int16 int32 int64 bool")
    op.same_type("o0", "i0")
    count = len(op.operator.inputs)
    op.require(count <= 10, f"it has {count} inputs, at most 10 are supported")
    for i in range(count):
        op.temps(f"i{i}")
        op.same_type(f"i{i}", "i0")
        x, y = op[f"i{i}"], op["o0"]
        same = x.scale == y.scale and x.zero_point == y.zero_point
        op.require(x.dtype != "int8" or same, f"input {i} and the output have different scales")


def cumsum(op: TflmOperation) -> None:
    """Prepare of CUMSUM."""
    op.temps("i0 i1 o0")
    if op["o0"].dtype == "int8":
        op.keep_struct("OpDataCumSum")


def exp(op: TflmOperation) -> None:
    """Prepare of EXP."""
    op.temps("i0 o0")
    op.same_type("o0", "i0")


def log_softmax(op: TflmOperation) -> None:
    """Prepare of LOG_SOFTMAX."""
    op.temps("i0 o0")
    if op["i0"].dtype == "int8":
        op.keep_struct("OpDataLogSoftmax")


def softmax(op: TflmOperation) -> None:
    """Prepare of SOFTMAX."""
    op.temps("i0 o0")
    softmax_tables(op)


def softmax_tables(op: TflmOperation) -> None:
    """Ask for the two tables that int16 takes, in every library."""
    if op["i0"].dtype == "int16":
        op.keep(INT16_TABLE, "table of exp(x)")
        op.keep(INT16_TABLE, "table of 1 / (1 + x)")
    allowed = {"int8": ("int8", "int16")}.get(op["i0"].dtype, (op["i0"].dtype,))
    op.require(op["o0"].dtype in allowed, f"input is {op['i0']}, output is {op['o0']}")


# reductions


def mean_or_sum(op: TflmOperation) -> None:
    """Prepare of MEAN and SUM."""
    op.temps("i0 o0 i1")
    if op["i0"].dtype != "float32":
        op.scratch(4 * op["o0"].elements, "one sum per output")
    reduced(op)
    reduce_simple(op)


def reduce_min_max(op: TflmOperation) -> None:
    """Prepare of REDUCE_MAX and REDUCE_MIN."""
    reduce_simple(op)
    op.temps("i0 o0 i1")
    reduced(op)


def reduce_all(op: TflmOperation) -> None:
    """Prepare of REDUCE_ALL."""
    op.temps("i0 o0 i1")
    reduce_simple(op)
    reduced(op)


def reduce_simple(op: TflmOperation) -> None:
    """Look at what PrepareSimple looks at."""
    op.temps("i0 i1 o0" if op["i0"].dtype == "int8" else "i0 i1")
    op.one_of("i1", "int32")


def reduced(op: TflmOperation) -> None:
    """Ask for an index per input dimension and one per reduced axis."""
    op.scratch(4 * op["i0"].rank, "index per dimension")
    op.scratch(4 * op["i1"].elements, "reduced axes")


# shapes


def depth_to_space(op: TflmOperation) -> None:
    """Prepare of DEPTH_TO_SPACE."""
    op.temps("i0 o0")
    op.require(op["i0"].rank == 4, f"{op['i0']} has rank {op['i0'].rank}, not 4")
    n, h, w, c = op["i0"].shape
    block = int(op.option("block_size", 1))
    op.require(block > 0, "block_size is 0")
    op.rewrite("o0", (n, h * block, w * block, c // block // block))


def space_to_depth(op: TflmOperation) -> None:
    """Prepare of SPACE_TO_DEPTH."""
    op.temps("i0 o0")
    op.require(op["i0"].rank == 4, f"{op['i0']} has rank {op['i0'].rank}, not 4")
    n, h, w, c = op["i0"].shape
    block = int(op.option("block_size", 1))
    op.require(block > 0, "block_size is 0")
    op.rewrite("o0", (n, h // block, w // block, c * block * block))


def l2_pool_2d(op: TflmOperation) -> None:
    """Prepare of L2_POOL_2D."""
    op.temps("o0 i0")
    op.rewrite("o0", op["o0"].shape)


def embedding_lookup(op: TflmOperation) -> None:
    """Prepare of EMBEDDING_LOOKUP."""
    op.temps("i0 i1 o0")
    op.one_of("i0", "int32")
    op.one_of("i1", "float32 int8")
    op.rewrite("o0", (op["i0"].shape[0], *op["i1"].shape[1:]))
    op.keep_struct("OpDataEmbeddingLookup")


def gather(op: TflmOperation) -> None:
    """Prepare of GATHER."""
    op.temps("i0 i1 o0")
    op.one_of("i1", "int32")
    x, at = op["i0"].shape, op["i1"].shape
    axis, batch = int(op.option("axis")), int(op.option("batch_dims"))
    axis += len(x) * (axis < 0)
    batch += len(at) * (batch < 0)
    op.rewrite("o0", (*x[:axis], *at[batch:], *x[axis + 1 :]))


def gather_nd(op: TflmOperation) -> None:
    """Prepare of GATHER_ND."""
    op.temps("i0 i1 o0")
    op.one_of("i1", "int32")
    x, at = op["i0"].shape, op["i1"].shape
    op.require(bool(at), f"indices {op['i1']} are a scalar")
    op.rewrite("o0", (*at[:-1], *x[at[-1] :]))


def reshape(op: TflmOperation) -> None:
    """Prepare of RESHAPE."""
    op.temps("i0 o0")
    shape = op["o0"].shape
    if len(op.operator.inputs) == 1 and shape == (0,):
        op.state.shapes[op["o0"].id] = ()
    elif -1 in shape:
        rest = math.prod(size for size in shape if size != -1)
        full = tuple(op["i0"].elements // rest if size == -1 else size for size in shape)
        op.rewrite("o0", full)
    op.same_type("i0", "o0")


def mirror_pad(op: TflmOperation) -> None:
    """Prepare of MIRROR_PAD."""
    op.temps("i0 i1 o0")
    op.scratch(4 * op["i0"].rank, "elements per output dimension")
    op.scratch(4 * op["i0"].rank, "elements per input dimension")


def constant_input(temps: str, *refs: str, **types: str) -> Ask:
    """Return a Prepare that looks at `temps` and wants the file to hold the values of `refs`.

    types: those that further operands may have, by operand.
    """

    def prepare(op: TflmOperation) -> None:
        op.temps(temps)
        for ref in refs:
            op.must_be_constant(ref)
        for ref, allowed in types.items():
            op.one_of(ref, allowed)

    return prepare


def strided_slice(op: TflmOperation) -> None:
    """Prepare of STRIDED_SLICE."""
    op.temps("i0 i1 i2 i3 o0")
    op.require(op["i0"].rank <= 4, f"{op['i0']} has rank {op['i0'].rank}, at most 4 is supported")
    for ref in ("i1", "i2", "i3"):
        op.must_be_constant(ref)


def quantize(op: TflmOperation) -> None:
    """Prepare of QUANTIZE."""
    op.temps("i0 o0")
    op.one_of("o0", QUANTIZED[op["i0"].dtype])
    op.require(op["o0"].scales == 1, f"output {op['o0']} has {op['o0'].scales} scales, not one")


# resource variables


def var_handle(op: TflmOperation) -> None:
    """Prepare of VAR_HANDLE."""
    name = repr((op.option("container", None), op.option("shared_name", None)))
    if name not in op.state.names:
        op.state.names.append(name)
    op.state.resources[op["o0"].id] = op.state.names.index(name)
    op.state.shapes[op["o0"].id] = (0,)  # its data is the id the operator keeps, not the arena's


def assign_variable(op: TflmOperation) -> None:
    """Prepare of ASSIGN_VARIABLE."""
    op.temps("i1")
    resource = op.state.resources.get(op["i0"].id)
    if resource is not None and resource not in op.state.variables:
        op.state.variables.add(resource)
        op.keep(op["i1"].elements * op["i1"].itemsize, "resource variable")


def assign_variable_init(op: TflmOperation) -> None:
    """Init of ASSIGN_VARIABLE."""
    if op.profile.tflm.compression:
        op.keep_struct("OpDataAssignVariable")


# custom operators that are not of the signal library


def detection_post_process(op: TflmOperation) -> None:
    """Prepare of TFLite_Detection_PostProcess."""
    op.temps("i0 i1 i2")
    options = op.option_map()
    boxes, scores = op["i0"].shape[1], op["i1"].shape[1] * op["i1"].shape[2]
    most, classes = int(options["max_detections"]), int(options["num_classes"])
    for size, what in (
        (boxes, "candidates"),
        (16 * boxes, "decoded boxes"),
        (4 * scores, "scores"),
        (4 * boxes, "scores of a class"),
        (4 * boxes, "kept scores"),
        (4 * most * boxes, "scores after suppression"),
        (4 * most * boxes, "sorted scores"),
        (4 * boxes, "kept indices"),
        (4 * most * boxes, "sorted indices"),
        (4 * max(classes, most) * boxes, "buffer"),
        (4 * min(boxes, most) * boxes, "selected"),
    ):
        op.scratch(size, what)


def _unread(kind: int, scales: int) -> int | None:
    """Return what a decoder leaves alone of its output's TfLiteTensor once it has its state.

    The tables' looks at the axis but not at the zero points behind it, the pruned's at these too.
    """
    if kind == HUFFMAN and scales:
        return None
    return 4 + 4 * scales if kind == TABLES and scales else 0


def decode(op: TflmOperation) -> None:
    """Prepare of TFLM_DECODE."""
    count = len(op.operator.outputs)
    op.require(
        len(op.operator.inputs) == 2 * count,
        f"it has {len(op.operator.inputs)} inputs for {count} outputs, not two each",
    )
    op.keep(op.pointer * count, "pointers to the decoders")
    for i in range(count):
        op.temps(f"i{2 * i} i{2 * i + 1} o{i}")
        op.must_be_constant(f"i{2 * i}")
        op.must_be_constant(f"i{2 * i + 1}")
        header = np.asarray(op[f"i{2 * i + 1}"].value()).view(np.uint8).reshape(-1)
        kind = int(header[0]) if header.size else -1
        op.require(kind in DECODE_STATES, f"input {2 * i + 1} asks for decoder {kind}")
        y = op[f"o{i}"]
        op.keep_struct(DECODE_STATES[kind], unread=_unread(kind, y.scales))
        q = y.tensor.quantization
        if kind == PRUNED and y.scales > 1 and q is not None and q.zero_point.any():
            op.keep(y.scales, "zero point per channel")


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
