"""A case's operator, and the same case with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import Draw
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Operator, Tensor
from refinterp.verdicts.node import Node


def node_of(case: Case) -> Node:
    """The operator of a case, as conditions look at it."""
    return Node(case.model, 0, 0)


def usual(operator: str, dtype: str, wanted: Callable[[Case], bool] | None = None) -> Any:
    """Models of the operator's generator, drawn until one is as wanted."""

    def draw(d: Draw) -> Case:
        for _ in range(1000):
            case = load_all()[operator, dtype](d)
            if wanted is None or wanted(case):
                return case
        raise ValueError(f"{operator} {dtype}: no model as wanted in 1000")

    return draw


def operator_of(case: Case) -> Operator:
    return case.model.subgraphs[0].operators[0]


def tensor_at(case: Case, position: int) -> Tensor | None:
    at = operator_of(case).inputs[position : position + 1]
    return case.model.subgraphs[0].tensors[at[0]] if at and at[0] >= 0 else None


def with_operator(case: Case, operator: Operator, tensors: Sequence[Tensor] | None = None) -> Case:
    graph = case.model.subgraphs[0]
    changed = replace(graph, operators=(operator,), tensors=tuple(tensors or graph.tensors))
    return replace(case, model=replace(case.model, subgraphs=(changed,)))


def with_options(case: Case, **options: Any) -> Case:
    """The same model with other options."""
    operator = operator_of(case)
    return with_operator(case, replace(operator, options={**operator.options, **options}))


def retyped(case: Case, index: int, dtype: str) -> Case:
    """The same model with one tensor of another type, its constant converted."""
    model = case.model
    tensors = list(model.subgraphs[0].tensors)
    value = constant(model, tensors[index])
    tensors[index] = replace(tensors[index], dtype=dtype)
    if value is not None:
        data = np.frombuffer(value.astype(dtype).tobytes(), np.uint8)
        tensors[index] = replace(tensors[index], buffer=len(model.buffers))
        model = replace(model, buffers=(*model.buffers, Buffer(data)))
    return with_operator(replace(case, model=model), operator_of(case), tensors)


def rescaled(case: Case, index: int, step: float) -> Case:
    """The same model with another scale of one tensor."""
    tensors = list(case.model.subgraphs[0].tensors)
    old = tensors[index].quantization
    assert old is not None
    marks = replace(old, scale=np.array([step], np.float32))
    tensors[index] = replace(tensors[index], quantization=marks)
    return with_operator(case, operator_of(case), tensors)
