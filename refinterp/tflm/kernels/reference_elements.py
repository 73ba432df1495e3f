"""What TFLM's reference kernels take element by element, and for reductions."""

from __future__ import annotations

from typing import Final

from refinterp.tflm.operation import TflmOperation

INT16_TABLE: Final = 513 * 2  # bytes of a table over int16


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
