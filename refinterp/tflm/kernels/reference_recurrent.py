"""What TFLM's reference kernels take for SVDF and LSTM."""

from __future__ import annotations

from typing import Final

from refinterp.tflm.kernels.reference_weights import POOLED
from refinterp.tflm.operation import TflmOperand, TflmOperation


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
