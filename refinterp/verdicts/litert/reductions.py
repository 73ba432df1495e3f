"""LiteRT's operators that reduce along axes or by segments."""

from __future__ import annotations

from refinterp.verdicts.checks import elements, has_dimensions, rank, refuse, runs_on, types
from refinterp.verdicts.litert.parts import CODES, axis_of, same_marks, zeros_are_zero
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ALL", "REDUCE_ANY")
def reduce(node: Node) -> None:
    """Along axes."""
    node.counts(2, 1)
    x, axis, y = node.x(0), node.x(1), node.y()
    if node.name in ("REDUCE_ALL", "REDUCE_ANY"):
        types(x, "bool")
    types(axis, "int32")
    if x.dtype == "int16":
        zeros_are_zero(x, y)
    if node.name == "MEAN":
        runs_on(x, "float32", "int32", "int64", *CODES)
    elif node.name == "REDUCE_PROD":
        if x.affine:
            types(x, "int8", "int16")
        elif x.dtype in CODES:
            same_marks(x, y)
        runs_on(x, "float32", "int32", "int64", "uint8", "int8", "int16", "bool")
    else:
        runs_on(x, "float32", "int32", "int64", *CODES, "bool")
        if x.dtype in CODES and node.name in ("REDUCE_MAX", "REDUCE_MIN"):
            same_marks(x, y)
    values = axis.integers()
    if values is not None and x.rank:
        for value in values:
            axis_of(value, x)


@litert("ARG_MAX", "ARG_MIN")
def arg_max(node: Node) -> None:
    """Where the largest or smallest is."""
    node.counts(2, 1)
    x, axis = node.x(0), node.x(1)
    elements(axis, 1)
    types(axis, "int32", "int64")
    node.y()
    kind = str(node.option("output_type", "float32"))
    if kind not in ("int32", "int64"):
        refuse("options", f"output_type is {kind}; allowed: int32, int64")
    types(x, "float32", "uint8", "int8", "int32", "bool")
    has_dimensions(x)
    if axis.constant:
        at = axis_of((axis.integers() or [0])[0], x)
        if x.shape[at] <= 0:
            refuse("shapes", f"{x.label} has nothing along dimension {at}")


@litert("CUMSUM")
def cumsum(node: Node) -> None:
    """Running sums."""
    node.counts(2, 1)
    x, axis = node.x(0, aborts=True), node.x(1, aborts=True)
    node.y(aborts=True)
    types(x, "int32", "float32", "int64")
    types(axis, "int32")
    elements(axis, 1)
    has_dimensions(x)
    value = axis.integers()
    if value is not None:
        at = value[0] + x.rank if value[0] < 0 else value[0]
        if not 0 <= at < x.rank:
            refuse(
                "axis",
                f"the axis is {value[0]}; allowed: {-x.rank} to {x.rank - 1}",
                stage="invoke",
            )


@litert("SEGMENT_SUM")
def segment_sum(node: Node) -> None:
    """SEGMENT_SUM."""
    node.counts(2, 1)
    x, ids = node.x(0), node.x(1)
    node.y()
    types(x, "int32", "float32")
    types(ids, "int32")
    has_dimensions(x)
    rank(ids, 1)
    elements(ids, x.shape[0])
    values = ids.integers()
    if values:
        steps = [b - a for a, b in zip([0, *values], values, strict=False)]
        if not (values[0] == 0 and set(steps) <= {0, 1}):
            refuse(
                "values",
                f"{ids.label} holds {values[:8]}; allowed: from 0 on, each the last or one more",
            )


@litert("UNSORTED_SEGMENT_SUM", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX",
        "UNSORTED_SEGMENT_MIN")  # fmt: skip
def unsorted_segment(node: Node) -> None:
    """Segments."""
    node.counts(3, 1)
    x, ids, count = node.x(0), node.x(1), node.x(2)
    node.y()
    types(x, "int32", "float32")
    types(ids, "int32")
    types(count, "int32")
    if not (ids.rank <= x.rank and ids.shape == x.shape[: ids.rank]):
        refuse(
            "shapes",
            f"{ids.label} has shape {list(ids.shape)}; allowed: how that of {x.label}, "
            f"{list(x.shape)}, begins",
        )
    if count.shape not in ((), (1,)):
        refuse("shapes", f"{count.label} has shape {list(count.shape)}; allowed: [] or [1]")
    wanted, values = count.integers(), ids.integers()
    if wanted is not None:
        if wanted[0] < 0:
            refuse("values", f"{count.label} is {wanted[0]}; allowed: 0 or more")
        if values is not None and not max(values, default=-1) < wanted[0]:
            refuse(
                "values",
                f"{ids.label} holds {max(values, default=-1)}; allowed: less than {wanted[0]}",
            )
