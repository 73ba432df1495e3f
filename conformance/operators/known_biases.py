"""Models whose biases meet a known difference, and models that mean the same and do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import Draw, codes, inputs, scale
from conformance.operators.known_edits import (
    node_of,
    operator_of,
    retyped,
    tensor_at,
    usual,
    with_operator,
    with_options,
)
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Quantization, Tensor
from refinterp.verdicts.differences.conditions import narrow_bias, wide_kernel


def short_bias(d: Draw) -> Case:
    """DEPTHWISE_CONV_2D of int16 data with an int32 bias."""

    def small(case: Case) -> bool:
        bias = tensor_at(case, 2)
        value = None if bias is None else constant(case.model, bias)
        return value is not None and bool(np.all(np.abs(value) < 2**31))

    case: Case = usual("DEPTHWISE_CONV_2D", "int16x8", small)(d)
    return retyped(case, operator_of(case).inputs[2], "int32")


def long_bias(case: Case) -> Case:
    """The same model with an int64 bias, its last operand."""
    long = retyped(case, operator_of(case).inputs[-1], "int64")
    named = "quantized_bias_type" in operator_of(case).options
    return with_options(long, quantized_bias_type="int64") if named else long


def unnamed_bias(operator: str, position: int) -> Any:
    """Models with an int32 bias and without the option that says so."""
    draw = usual(operator, "int16x8", lambda case: narrow_bias(position)(node_of(case)))
    return lambda d: with_options(draw(d), quantized_bias_type="float32")


def named_bias(case: Case) -> Case:
    return with_options(case, quantized_bias_type="int32")


def without_bias(d: Draw) -> Case:
    """FULLY_CONNECTED from uint8 to int16."""
    depth, units, rows = d.integer(1, 20), d.integer(1, 8), d.integer(1, 4)
    g = GraphBuilder()
    x = g.input("x", (rows, depth), "uint8", scale=scale(d), zero_point=d.integer(0, 255))
    w = g.constant("w", codes(d, (units, depth), "uint8"), scale=scale(d), zero_point=128)
    y = g.tensor("y", (rows, units), "int16", scale=scale(d), zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return Case(g.build(outputs=[y]), [[inputs(d, (rows, depth), "uint8")]])


def zero_bias(case: Case) -> Case:
    """The same model with a bias of zeros."""
    model, operator = case.model, operator_of(case)
    graph = model.subgraphs[0]
    units = graph.tensors[operator.inputs[1]].shape[0]
    zeros = np.zeros(4 * units, np.uint8)
    bias = Tensor("b", (units,), "int32", len(model.buffers))
    changed = with_operator(
        case, replace(operator, inputs=(*operator.inputs[:2], len(graph.tensors))),
        (*graph.tensors, bias),
    )  # fmt: skip
    return replace(changed, model=replace(changed.model, buffers=(*model.buffers, Buffer(zeros))))


def with_bias_scales(operator: str, position: int) -> Callable[[Draw], Case]:
    """Models whose bias has one scale where their weights have several, or several for one."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, "int8"](d)
            node = node_of(case)
            if node.has(position) and (made := _other_scales(case, position)) is not None:
                return made
        raise ValueError(f"{operator}: no model with a bias")

    return draw


def _other_scales(case: Case, position: int) -> Case | None:
    node = node_of(case)
    bias, weights = node.inputs[position], node.inputs[1]
    assert bias is not None
    assert weights is not None
    number = bias.size if weights.scales.size == 1 else 1
    if bias.size < 2 or not wide_kernel(node):
        return None
    tensors = list(case.model.subgraphs[0].tensors)
    at = operator_of(case).inputs[position]
    marks = Quantization(np.full(number, 0.01, np.float32), np.zeros(number, np.int64))
    tensors[at] = replace(tensors[at], quantization=marks)
    return with_operator(case, operator_of(case), tensors)
