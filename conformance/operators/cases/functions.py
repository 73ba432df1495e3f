"""Functions of one tensor beyond the activations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case, generator
from conformance.operators.cases.activations import (
    ULP,
    draw_shape,
    mark,
    rescaling_marks,
    ulp,
    unary,
)
from conformance.operators.draw import Draw, chance, inputs
from refinterp.graph.build import GraphBuilder


def plain(d: Draw, operator: str, dtype: str, tolerance: float = 0.0, **rest: Any) -> Case:
    """A model without quantization, or with one that the operator ignores."""
    x = mark(d, dtype, 2.0**-8, 1.0) if dtype in ("int8", "int16") else {}
    return unary(d, operator, dtype, x, dict(x), float_tolerance=tolerance, **rest)


def positive(d: Draw, operator: str, dtype: str, x: Any, y: Any, tolerance: float = 0.0) -> Case:
    """Data at or above the zero point, which is where the operator is defined."""
    dims = draw_shape(d)
    g = GraphBuilder()
    source = g.input("x", dims, dtype, **x)
    target = g.tensor("y", dims, dtype, **y)
    g.operator(operator, [source], [target])
    samples = []
    for _ in range(3):
        data = inputs(d, dims, dtype)
        data = np.abs(data) if dtype == "float32" else np.maximum(data, x["zero_point"])
        samples.append([data.astype(dtype)])
    return Case(g.build(outputs=[target]), samples, float_tolerance=tolerance)


@generator("NEG", "float32", "float16", "int8", "int16", "int32", "int64")
def neg(d: Draw, dtype: str) -> Case:
    """One NEG."""
    return plain(d, "NEG", dtype)


@generator("SQUARE", "float32")
def square(d: Draw, dtype: str) -> Case:
    """One SQUARE."""
    return plain(d, "SQUARE", dtype)


@generator("SIN", "float32", "float16")
def sin(d: Draw, dtype: str) -> Case:
    """One SIN."""
    return plain(d, "SIN", dtype, ulp(dtype))


@generator("COS", "float32", "float16")
def cos(d: Draw, dtype: str) -> Case:
    """One COS."""
    return plain(d, "COS", dtype, ulp(dtype))


@generator("CEIL", "float32")
def ceil(d: Draw, dtype: str) -> Case:
    """One CEIL."""
    return plain(d, "CEIL", dtype)


@generator("FLOOR", "float32", "float16")
def floor(d: Draw, dtype: str) -> Case:
    """One FLOOR."""
    return plain(d, "FLOOR", dtype)


@generator("ROUND", "float32", "float16")
def round_(d: Draw, dtype: str) -> Case:
    """One ROUND, on halves too."""
    case = plain(d, "ROUND", dtype)
    for sample in case.samples[1:]:
        sample[0] = (np.rint(sample[0] * 2) / 2).astype(dtype)
    return case


@generator("SIGN", "float32", "int32")
def sign(d: Draw, dtype: str) -> Case:
    """One SIGN."""
    return plain(d, "SIGN", dtype)


@generator("LOGICAL_NOT", "bool")
def logical_not(d: Draw, dtype: str) -> Case:
    """One LOGICAL_NOT."""
    return plain(d, "LOGICAL_NOT", dtype)


@generator("ABS", "float32", "int8", "int16", "int32")
def abs_(d: Draw, dtype: str) -> Case:
    """One ABS; int16 may have no scales."""
    marks = ({}, {}) if dtype == "int16" and chance(d, 10) else rescaling_marks(d, dtype)
    if dtype == "int32":
        marks = ({}, {})
    return unary(d, "ABS", dtype, *marks)


@generator("SQRT", "float32", "int8", "int16")
def sqrt(d: Draw, dtype: str) -> Case:
    """One SQRT."""
    x = mark(d, dtype, 2.0**-10, 1.0)
    span = 2.0**15 if dtype == "int16" else 2.0**7
    typical = float(np.sqrt(x["scale"] * span)) / span if x else 1.0
    y = mark(d, dtype, typical / 4, typical * 4)
    return positive(d, "SQRT", dtype, x, y)


@generator("RSQRT", "float32", "int8", "int16")
def rsqrt(d: Draw, dtype: str) -> Case:
    """One RSQRT."""
    x = mark(d, dtype, 2.0**-10, 1.0)
    typical = 1 / float(np.sqrt(x["scale"])) / (2.0**15 if dtype == "int16" else 2.0**7) if x else 1
    y = mark(d, dtype, typical / 8, typical * 4)
    return positive(d, "RSQRT", dtype, x, y, 2 * ULP)


@generator("EXP", "float32", "int8", "int16")
def exp(d: Draw, dtype: str) -> Case:
    """One EXP."""
    x = mark(d, dtype, *((2.0**-16, 2.0**-12) if dtype == "int16" else (2.0**-9, 2.0**-3)))
    y = mark(d, dtype, *((2.0**-15, 2.0**-8) if dtype == "int16" else (2.0**-8, 2.0)))
    return unary(d, "EXP", dtype, x, y, float_tolerance=2 * ULP)


@generator("LOG", "float32", "int8", "int16")
def log(d: Draw, dtype: str) -> Case:
    """One LOG."""
    x = mark(d, dtype, *((2.0**-15, 2.0**-8) if dtype == "int16" else (2.0**-8, 1.0)))
    y = mark(d, dtype, *((2.0**-14, 2.0**-11) if dtype == "int16" else (2.0**-7, 2.0**-4)))
    return unary(d, "LOG", dtype, x, y, float_tolerance=2 * ULP)


@generator("ELU", "float32", "int8")
def elu(d: Draw, dtype: str) -> Case:
    """One ELU."""
    return unary(d, "ELU", dtype, *rescaling_marks(d, dtype), float_tolerance=4 * ULP)


@generator("GELU", "float32", "float16", "int8", "uint8", "int16")
def gelu(d: Draw, dtype: str) -> Case:
    """One GELU, exact or approximate."""
    x = mark(d, dtype, 2.0**-8, 2.0**-3)
    y = mark(d, dtype, x["scale"] / 2, x["scale"] * 2) if x else {}
    options = {"approximate": chance(d, 50)}
    case = unary(d, "GELU", dtype, x, y, options, float_tolerance=8 * ulp(dtype))
    if x:
        return case
    largest = max(float(np.abs(sample[0]).max(initial=0)) for sample in case.samples)
    return replace(case, float_absolute=4 * ulp(dtype) * largest)  # 1 + tanh cancels
