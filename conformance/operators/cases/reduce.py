"""Reductions: every set of axes, negative and repeated ones, with and without kept dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.draw import Draw, chance, inputs, scale, shape, zero_point
from refinterp.graph.build import GraphBuilder


def draw_axes(d: Draw, rank: int) -> list[int]:
    """Some axes in any order, some counted from the end, some named twice."""
    axes = [axis for axis in range(rank) if chance(d, 50)]
    if axes and chance(d, 20):
        axes.append(axes[d.integer(0, len(axes) - 1)])
    d.rng.shuffle(axes)
    return [axis - rank if chance(d, 30) else axis for axis in axes]


def reduced(dims: tuple[int, ...], axes: list[int], keep: bool) -> tuple[int, ...]:
    """The output's shape."""
    gone = {axis % len(dims) for axis in axes}
    if keep:
        return tuple(1 if i in gone else n for i, n in enumerate(dims))
    return tuple(n for i, n in enumerate(dims) if i not in gone)


def reduction(
    d: Draw, dtype: str, operator: str, *, rescales: bool = False, plain: bool = False
) -> Case:
    """One reduction. rescales: the output may have a scale of its own; plain: there are none."""
    rank = d.integer(0, 5)
    dims = shape(d, rank, 7)
    axes = draw_axes(d, rank)
    keep = chance(d, 50)
    mine: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    if dtype in ("int8", "uint8", "int16") and not plain:
        mine = {"scale": scale(d, 2.0**-9, 1.0), "zero_point": zero_point(d, dtype)}
        theirs = mine
        if rescales:
            share = float(np.float32(mine["scale"] * 2.0 ** (d.integer(-30, 30) / 10)))
            theirs = {
                "scale": share if chance(d, 90) else scale(d, 2.0**-14, 2.0**8),
                "zero_point": zero_point(d, dtype),
            }
    g = GraphBuilder()
    x = g.input("x", dims, dtype, **mine)
    axis: Any = np.array(axes, np.int32)
    if len(axes) == 1 and chance(d, 30):
        axis = axis.reshape(())
    a = g.constant("axes", axis, "int32")
    y = g.tensor("y", reduced(dims, axes, keep), dtype, **theirs)
    g.operator(operator, [x, a], [y], {"keep_dims": keep})
    samples = [[inputs(d, dims, dtype)] for _ in range(3)]
    return Case(g.build(outputs=[y]), samples, 0.0)


@generator("MEAN", "float32", "int8", "uint8", "int16", "int32", "int64")
def mean(d: Draw, dtype: str) -> Case:
    """One MEAN."""
    return reduction(d, dtype, "MEAN", rescales=True)


@generator("SUM", "float32", "int8", "uint8", "int16", "int32", "int64")
def sum_(d: Draw, dtype: str) -> Case:
    """One SUM."""
    case = reduction(d, dtype, "SUM", rescales=True)
    if dtype in ("int8", "int16"):  # see known_differences
        return replace(case, undefined=frozenset({"runtime:litert-reference"}))
    return case


@generator("REDUCE_PROD", "float32", "int8", "uint8", "int16", "int32", "int64")
def reduce_prod(d: Draw, dtype: str) -> Case:
    """One REDUCE_PROD; uint8 only as plain numbers."""
    if dtype == "uint8":
        return reduction(d, dtype, "REDUCE_PROD", plain=True)
    return reduction(d, dtype, "REDUCE_PROD", rescales=True)


@generator("REDUCE_MAX", "bool", "float32", "int8", "uint8", "int16", "int32", "int64")
def reduce_max(d: Draw, dtype: str) -> Case:
    """One REDUCE_MAX."""
    return reduction(d, dtype, "REDUCE_MAX")


@generator("REDUCE_MIN", "bool", "float32", "int8", "uint8", "int16", "int32", "int64")
def reduce_min(d: Draw, dtype: str) -> Case:
    """One REDUCE_MIN."""
    return reduction(d, dtype, "REDUCE_MIN")


@generator("REDUCE_ANY", "bool")
def reduce_any(d: Draw, dtype: str) -> Case:
    """One REDUCE_ANY."""
    return reduction(d, dtype, "REDUCE_ANY")


@generator("REDUCE_ALL", "bool")
def reduce_all(d: Draw, dtype: str) -> Case:
    """One REDUCE_ALL."""
    return reduction(d, dtype, "REDUCE_ALL")
