"""Shapes and values of tensors changed, and what is constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from conformance.operators.case import Case
from conformance.operators.draw import Draw, chance, choice
from conformance.refusals.edits import (
    Disturbed,
    operator_at,
    pick,
    resized,
    tensors_of,
    value_of,
    with_graph,
    with_samples,
    with_tensor,
    with_value,
)
from refinterp.graph.constants import has_constant
from refinterp.graph.model import OPTIONAL, STORAGE


def none(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Nothing at all."""
    return with_samples(case), "nothing"


def rank(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A dimension of size 1 more, or a dimension less."""
    picked = pick(d, case, at, lambda t: str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    shape = list(tensors_of(case)[index].shape)
    if shape and chance(d, 40):
        shape = shape[1:] if chance(d, 50) else shape[:-1]
    else:
        shape.insert(choice(d, [0, len(shape)]), 1)
    before = list(tensors_of(case)[index].shape)
    return resized(case, index, shape), f"{place}: {before} -> {shape}"


def size(d: Draw, case: Case, at: int) -> Disturbed | None:
    """One dimension longer or shorter."""
    picked = pick(d, case, at, lambda t: len(t.shape) > 0 and str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    shape = list(tensors_of(case)[index].shape)
    axis = d.integer(0, len(shape) - 1)
    before = list(shape)
    shape[axis] = max(0, choice(d, [shape[axis] + 1, shape[axis] - 1, 2 * shape[axis], 1]))
    return resized(case, index, shape), f"{place}: {before} -> {shape}"


def constness(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A constant that is given at run time, or an input that is a constant."""
    graph = case.model.subgraphs[0]
    operator = operator_at(case, at)
    kinds = []
    for position, index in enumerate(operator.inputs):
        if index == OPTIONAL or str(graph.tensors[index].dtype) not in STORAGE:
            continue
        if has_constant(case.model, graph.tensors[index]):
            if value_of(case.model, graph.tensors[index]) is not None:
                kinds.append(("input", position, index))
        elif index in graph.inputs and len(graph.inputs) > 1:
            kinds.append(("constant", position, index))
    if not kinds:
        return None
    what, position, index = choice(d, kinds)
    sample = list(case.samples[0]) if case.samples else []
    if what == "constant":
        place = graph.inputs.index(index)
        value = sample.pop(place)
        case = with_graph(case, inputs=tuple(i for i in graph.inputs if i != index))
        case = replace(case, samples=[sample])
        return with_value(case, index, value), f"input {position}: a constant"
    given = value_of(case.model, graph.tensors[index])
    assert given is not None
    case = replace(case, samples=[[*sample, given]])
    case = with_graph(case, inputs=(*graph.inputs, index))
    return with_tensor(case, index, buffer=0), f"input {position}: given at run time"


def value(d: Draw, case: Case, at: int) -> Disturbed | None:
    """An element of a small integer constant (an axis, a size, an index) changed."""
    picked = pick(
        d, case, at,
        lambda t: has_constant(case.model, t) and t.dtype in ("int32", "int64")
        and 0 < int(np.prod(t.shape)) <= 16,
    )  # fmt: skip
    if picked is None:
        return None
    index, place = picked
    old = value_of(case.model, tensors_of(case)[index])
    if old is None:
        return None
    new = old.copy()
    flat = new.reshape(-1)
    where = d.integer(0, flat.size - 1)
    with np.errstate(all="ignore"):
        flat[where] = flat[where] + choice(d, [1, -1, 2, -2, 5, -7])
    return with_value(case, index, new), f"{place}: {old.tolist()} -> {new.tolist()}"


def variable(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A tensor that keeps its value, or one that no longer does."""
    picked = pick(d, case, at, lambda t: not has_constant(case.model, t))
    if picked is None:
        return None
    index, place = picked
    now = not tensors_of(case)[index].is_variable
    return with_tensor(case, index, is_variable=now), f"{place}: is_variable {now}"


def name(d: Draw, case: Case, at: int) -> Disturbed | None:
    """What means nothing: a tensor's name, or the ranges that were seen when it was quantized."""
    index = d.integer(0, len(tensors_of(case)) - 1)
    return with_samples(with_tensor(case, index, name="another name")), "a name"
