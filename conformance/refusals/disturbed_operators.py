"""Options, operands and the version of an operator changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.operators.case import Case
from conformance.operators.draw import Draw, chance, choice
from conformance.refusals.edits import Disturbed, operator_at, tensors_of, with_graph, with_operator
from refinterp.errors import RefinterpError
from refinterp.graph.flexbuffer import read_map, write_map
from refinterp.graph.layout import layout
from refinterp.graph.model import OPTIONAL, OperatorCode


def option(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another value of one option."""
    operator = operator_at(case, at)
    if operator.code is not None and operator.code.builtin == "CUSTOM":
        return _custom_option(d, case, at)
    which = "options" if operator.options else "options_2"
    options = dict(getattr(operator, which))
    table = operator.options_type if which == "options" else operator.options_2_type
    if not options or not isinstance(table, str):
        return None
    name = choice(d, sorted(options))
    field = layout().tables[table][name]
    value = _other_value(d, field, options[name])
    if value is None:
        return None
    text = f"{name}: {options[name]} -> {value}"
    return with_operator(case, at, **{which: {**options, name: value}}), text


def _other_value(d: Draw, field: Any, value: Any) -> Any:
    if field.vector:
        if field.kind != "scalar":
            return None
        values = list(value) if value is not None else []
        if values and chance(d, 60):
            place = d.integer(0, len(values) - 1)
            values[place] = int(values[place]) + choice(d, [1, -1, 3, -5])
            if field.stored == "ubyte":
                values[place] %= 256
        else:
            values = [*values, 1] if chance(d, 50) or not values else values[:-1]
        return tuple(values)
    if field.kind == "enum":
        names = [n for n in layout().enums[field.type].values if n != value]
        names = [n.lower() for n in names] if field.type == "TensorType" else names
        names = [n for n in names if n != value]
        return choice(d, names) if names else None
    if field.kind != "scalar" or field.refers:
        return None
    if field.stored == "bool" or isinstance(value, bool):
        return not value
    if field.stored in ("float", "double"):
        return choice(d, [0.0, 1.0, -1.0, 0.5, 2.0])
    return int(value) + choice(d, [1, -1, 2, -3, 7])


def _custom_option(d: Draw, case: Case, at: int) -> Disturbed | None:
    raw = operator_at(case, at).custom_options.tobytes()
    try:
        fields = dict(read_map(raw))
    except RefinterpError:
        return None
    numbers = sorted(name for name, value in fields.items() if isinstance(value, (int, float)))
    if not numbers:
        return None
    name = choice(d, numbers)
    value = fields[name]
    if isinstance(value, bool):
        other: Any = not value
    elif isinstance(value, int):
        other = value + choice(d, [1, -1, 2, 7])
    else:
        other = choice(d, [0.0, 1.0, -1.0, 2.0])
    fields[name] = other
    data = np.frombuffer(write_map(fields), np.uint8)
    return with_operator(case, at, custom_options=data), f"{name}: {value} -> {other}"


def operands(d: Draw, case: Case, at: int) -> Disturbed | None:
    """An input left out, dropped, repeated; or an output more or less."""
    operator = operator_at(case, at)
    inputs = list(operator.inputs)
    kind = choice(d, ["omit", "drop", "repeat", "output"])
    if kind == "output":
        outputs = list(operator.outputs)
        if len(outputs) > 1 and chance(d, 50):
            gone = outputs.pop()
            graph = case.model.subgraphs[0]
            kept = tuple(i for i in graph.outputs if i != gone) or tuple(outputs[:1])
            case = with_graph(case, outputs=kept)
            return with_operator(case, at, outputs=tuple(outputs)), "an output less"
        if not outputs:
            return None
        tensors = (*tensors_of(case), replace(tensors_of(case)[outputs[-1]], name="more"))
        case = with_graph(case, tensors=tensors)
        more = (*outputs, len(tensors) - 1)
        return with_operator(case, at, outputs=more), "an output more"
    if not inputs:
        return None
    place = d.integer(0, len(inputs) - 1)
    if kind == "omit":
        if inputs[place] == OPTIONAL:
            return None
        inputs[place] = OPTIONAL
        text = f"input {place} left out"
    elif kind == "drop":
        inputs.pop()
        text = "the last input dropped"
    else:
        inputs.append(inputs[place])
        text = f"input {place} once more at the end"
    return with_operator(case, at, inputs=tuple(inputs)), text


def version(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another version of the operator."""
    operator = operator_at(case, at)
    assert operator.code is not None
    now = operator.code.version
    other = choice(d, [v for v in (1, 2, 3, 5, 9, 20) if v != now])
    code: OperatorCode = replace(operator.code, version=other)
    codes = list(case.model.operator_codes)
    codes[operator.opcode_index] = code
    case = replace(case, model=replace(case.model, operator_codes=tuple(codes)))
    operators = tuple(
        replace(o, code=code) if o.opcode_index == operator.opcode_index else o
        for o in case.model.subgraphs[0].operators
    )
    return with_graph(case, operators=operators), f"version {now} -> {other}"
