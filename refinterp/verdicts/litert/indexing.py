"""LiteRT's operators that gather, scatter and look up."""

from __future__ import annotations

import math

from refinterp.verdicts.checks import (
    elements,
    has_dimensions,
    rank,
    refuse,
    runs_on,
    same_type,
    types,
)
from refinterp.verdicts.common import batch_dimensions_agree
from refinterp.verdicts.litert.parts import axis_of, sizes_fit
from refinterp.verdicts.node import Node
from refinterp.verdicts.operand import Operand
from refinterp.verdicts.table import litert


@litert("GATHER")
def gather(node: Node) -> None:
    """GATHER."""
    node.counts(2, 1)
    x, positions = node.x(0), node.x(1)
    node.y()
    types(positions, "int64", "int32", "int16")
    types(x, "float32", "float16", "uint8", "int4", "int8", "int16", "int64", "int32", "bool")
    axis = int(node.option("axis", 0))
    at = axis_of(axis, x)
    batch_dimensions_agree(node, x, positions, at)
    _not_negative(positions)


def _not_negative(positions: Operand) -> None:
    values = positions.integers()
    if values is not None and not min(values, default=0) >= 0:
        refuse(
            "values",
            f"{positions.label} holds {min(values, default=0)}; allowed: 0 or more",
            stage="invoke",
        )


@litert("GATHER_ND")
def gather_nd(node: Node) -> None:
    """GATHER_ND."""
    node.counts(2, 1)
    x, indices = node.x(0), node.x(1)
    node.y()
    types(x, "float16", "float32", "uint8", "int8", "int16", "int64", "int32", "bool")
    types(indices, "int64", "int32", "int16")
    has_dimensions(x)
    has_dimensions(indices)
    depth = indices.shape[-1]
    if not 0 <= depth <= x.rank:
        refuse("shapes", f"{indices.label} has {depth} coordinates; allowed: up to {x.rank}")
    if not (x.size > 0 or indices.size == 0):
        refuse("shapes", f"{x.label} has no elements", stage="invoke")
    _not_negative(indices)
    _within(indices, x.shape[:depth])


def _within(indices: Operand, sizes: tuple[int, ...]) -> None:
    """Coordinates lead to an element, counted through: each alone may be too large."""
    value = indices.value
    if value is None or not value.size or not sizes:
        return
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    last = max(sum(int(i) * s for i, s in zip(row, steps, strict=True))
               for row in value.reshape(-1, len(sizes)))  # fmt: skip
    if last >= math.prod(sizes):
        refuse("values", f"{indices.label} leads beyond {list(sizes)}", stage="invoke")


@litert("SCATTER_ND")
def scatter_nd(node: Node) -> None:
    """SCATTER_ND."""
    node.counts(3, 1)
    indices, updates, shape = node.x(0), node.x(1), node.x(2)
    types(updates, "float32", "uint8", "bool", "int8", "int64", "int32")
    if indices.dtype != shape.dtype:
        refuse(
            "types",
            f"{indices.label} is of {indices.dtype} and {shape.label} of {shape.dtype}; allowed: "
            "the same",
        )
    node.y()
    types(indices, "int32")
    wanted = shape.integers()
    if wanted is None:
        ahead = indices.shape[:-1]
        if updates.shape[: len(ahead)] != ahead:
            refuse(
                "shapes",
                f"{updates.label} has shape {list(updates.shape)}; allowed: {list(ahead)} first",
                stage="invoke",
            )
        return
    if not (indices.rank >= 1 and updates.rank >= 1 and shape.rank == 1):
        refuse(
            "rank",
            f"{indices.label}, {updates.label} and {shape.label} have {indices.rank}, "
            f"{updates.rank} and {shape.rank} dimensions; allowed: 1 or more, 1 or more, 1",
        )
    sizes_fit(wanted, "the shape")
    outer, depth = indices.rank - 1, indices.shape[-1]
    _within(indices, tuple(wanted[:depth]))
    mine = list(updates.shape)
    if not (
        mine[:outer] == list(indices.shape[:outer])
        and mine[outer:] == wanted[depth:]
        and len(mine) - outer == len(wanted) - depth
    ):
        refuse(
            "shapes",
            f"{updates.label} has shape {mine}; allowed: "
            f"{[*indices.shape[:outer], *wanted[depth:]]}",
        )


@litert("SPARSE_TO_DENSE")
def sparse_to_dense(node: Node) -> None:
    """SPARSE_TO_DENSE."""
    node.counts(4, 1)
    indices, shape, values, default = (node.x(i) for i in range(4))
    rank(indices, 0, 2)
    rank(shape, 1)
    rank(values, 0, 1)
    elements(default, 1)
    types(indices, "int32", "int64")
    types(shape, "int32", "int64")
    types(values, "int32", "int64", "int8", "uint8", "float32")
    same_type(values, default)
    if indices.rank < 2:
        if values.rank and indices.size != values.size:
            refuse(
                "shapes",
                f"{indices.label} has {indices.size} elements and {values.label} {values.size}",
            )
        elements(shape, 1)
    else:
        if indices.shape[1] != shape.size:
            refuse(
                "shapes", f"{indices.label} has {indices.shape[1]} columns; allowed: {shape.size}"
            )
        if values.rank and indices.shape[0] != values.size:
            refuse("shapes", f"{indices.label} has {indices.shape[0]} rows; allowed: {values.size}")
    node.y()
    wanted, where_ = shape.integers(), indices.value
    if wanted is None:
        return
    sizes_fit(wanted, "the shape")
    if where_ is not None and where_.size:
        rows = where_.reshape(-1, len(wanted))
        if not bool((rows < wanted).all() and (rows >= 0).all()):
            refuse("values", f"{indices.label} leads beyond {wanted}", stage="invoke")


@litert("ONE_HOT")
def one_hot(node: Node) -> None:
    """ONE_HOT."""
    node.counts(4, 1)
    indices, depth, on, off = (node.x(i, aborts=True) for i in range(4))
    node.y()
    types(on, "float32", "int16", "int32", "int64", "int8", "uint8", "bool")
    types(indices, "int32", "int64")
    axis = int(node.option("axis", -1))
    at = indices.rank if axis == -1 else axis
    if not 0 <= at <= indices.rank:
        refuse("axis", f"the axis is {axis}; allowed: -1 to {indices.rank}")
    for x in (depth, on, off):
        elements(x, 1)
    same_type(off, on)
    if depth.constant and depth.value is not None:
        raw = depth.value.tobytes()[:4]
        if int.from_bytes(raw, "little", signed=True) < 0:
            refuse("values", f"{depth.label} is negative; allowed: 0 or more")
    runs_on(on, "float32", "int32", "int64", "int8", "uint8", "bool")


@litert("EMBEDDING_LOOKUP")
def embedding_lookup(node: Node) -> None:
    """EMBEDDING_LOOKUP."""
    node.counts(2, 1)
    lookup, value, y = node.x(0), node.x(1), node.y()
    rank(lookup, 1)
    types(lookup, "int32")
    if value.rank < 2:
        refuse("rank", f"{value.label} has {value.rank} dimensions; allowed: 2 or more")
    codes = ("uint8", "int8", "int4", "int2")
    if value.affine:
        if value.dtype in codes and y.dtype == "float32" and value.first_zero != 0:
            refuse("zero points", f"{value.label} has zero point {value.first_zero}; allowed: 0")
        if value.scales.size > 1:
            types(value, *codes)
            types(y, "float32", "float16")
            if not (value.axis == 0 and value.scales.size == value.shape[0]):
                refuse(
                    "scales",
                    f"{value.label} has {value.scales.size} scales along dimension {value.axis}; "
                    f"allowed: {value.shape[0]} along dimension 0",
                )


@litert("HASHTABLE_LOOKUP")
def hashtable_lookup(node: Node) -> None:
    """HASHTABLE_LOOKUP."""
    node.counts(3, 2)
    lookup, key, value = node.x(0), node.x(1), node.x(2)
    rank(lookup, 1)
    types(lookup, "int32")
    rank(key, 1)
    types(key, "int32")
    has_dimensions(value)
    if key.shape[0] != value.shape[0]:
        refuse("shapes", f"{key.label} has {key.shape[0]} elements; allowed: {value.shape[0]}")
    y, hits = node.y(0), node.y(1)
    types(hits, "uint8")
    same_type(value, y)
