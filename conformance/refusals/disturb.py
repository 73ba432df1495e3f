"""One field of a valid model changed: what the disturbed-model conformance draws.

Each disturbance is a function (draw, case, operator index) → (case, what was changed), or None
where the model has nothing of the kind. The rest of the model stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from conformance.operators.case import Case
from conformance.operators.draw import Draw, chance, choice
from refinterp.errors import RefinterpError
from refinterp.graph.constants import constant, has_constant, pack
from refinterp.graph.flexbuffer import read_map, write_map
from refinterp.graph.layout import layout
from refinterp.graph.model import (
    OPTIONAL,
    PACKED_BITS,
    STORAGE,
    Buffer,
    Model,
    Operator,
    OperatorCode,
    Quantization,
    Tensor,
)

Disturbed = tuple[Case, str]
Disturbance = Callable[[Draw, Case, int], Disturbed | None]

DISTURBANCES: dict[str, Disturbance] = {}
"""Field → the function that changes it."""

TYPES: Final = ("float32", "int8", "int16", "uint8", "int32", "int64", "bool", "float16", "int4",
                "uint32")  # fmt: skip


def _field(name: str) -> Callable[[Disturbance], Disturbance]:
    def register(function: Disturbance) -> Disturbance:
        DISTURBANCES[name] = function
        return function

    return register


# Pieces ---------------------------------------------------------------------------------------


def _operator(case: Case, at: int) -> Operator:
    return case.model.subgraphs[0].operators[at]


def _tensors(case: Case) -> tuple[Tensor, ...]:
    return case.model.subgraphs[0].tensors


def _with_graph(case: Case, **changes: Any) -> Case:
    first, *rest = case.model.subgraphs
    model = replace(case.model, subgraphs=(replace(first, **changes), *rest))
    return replace(case, model=model)


def _with_tensor(case: Case, index: int, **changes: Any) -> Case:
    tensors = list(_tensors(case))
    tensors[index] = replace(tensors[index], **changes)
    return _with_samples(_with_graph(case, tensors=tuple(tensors)))


def _with_operator(case: Case, at: int, **changes: Any) -> Case:
    operators = list(case.model.subgraphs[0].operators)
    operators[at] = replace(operators[at], **changes)
    return _with_graph(case, operators=tuple(operators))


def _encoded(array: NDArray[Any], dtype: str) -> NDArray[np.uint8]:
    stored = STORAGE[dtype]
    if dtype in PACKED_BITS:
        bits = PACKED_BITS[dtype]
        low = -(1 << (bits - 1)) if stored.kind == "i" else 0
        values = np.clip(array.astype(np.int64), low, low + (1 << bits) - 1)
        return pack(values.astype(stored).reshape(-1), bits)
    if stored.kind in "iu":
        info = np.iinfo(stored)
        wide = np.nan_to_num(array.astype(np.float64), posinf=0, neginf=0)
        if array.dtype.kind in "iu":
            values = np.clip(array, max(info.min, np.iinfo(array.dtype).min),
                             min(info.max, np.iinfo(array.dtype).max))  # fmt: skip
        else:
            values = np.clip(wide, max(info.min, -(2**62)), min(info.max, 2**62))
        array = values
    with np.errstate(all="ignore"):
        return np.frombuffer(array.astype(stored).tobytes(), np.uint8)


def _with_value(case: Case, index: int, array: NDArray[Any], **changes: Any) -> Case:
    """Give a tensor another constant, in a buffer of its own."""
    tensor = _tensors(case)[index]
    dtype = str(changes.get("dtype", tensor.dtype))
    buffers = (*case.model.buffers, Buffer(_encoded(array, dtype)))
    case = replace(case, model=replace(case.model, buffers=buffers))
    return _with_tensor(case, index, buffer=len(buffers) - 1, shape=tuple(array.shape), **changes)


def _with_samples(case: Case) -> Case:
    """Make samples fit the inputs: those that do not are drawn anew, small and not negative."""
    graph = case.model.subgraphs[0]
    rng = np.random.default_rng(len(graph.tensors))
    low = int(any("DIV" in operator.name or "MOD" in operator.name for operator in graph.operators))
    samples = []
    for sample in case.samples[:1] or [[]]:
        fitting = []
        for position, index in enumerate(graph.inputs):
            tensor = graph.tensors[index]
            stored = STORAGE.get(str(tensor.dtype), np.dtype(np.int8))
            shape = tuple(max(n, 0) for n in tensor.shape)
            given = sample[position] if position < len(sample) else None
            if given is None or given.shape != shape:
                given = rng.integers(low, 2, shape)
            bits = PACKED_BITS.get(str(tensor.dtype))
            if bits and given.size:
                low = -(1 << (bits - 1)) if stored.kind == "i" else 0
                given = np.clip(given.astype(np.int64), low, low + (1 << bits) - 1)
            with np.errstate(all="ignore"):
                fitting.append(given if given.dtype == stored else given.astype(stored))
        samples.append(fitting)
    return replace(case, samples=samples)


def _value(model: Model, tensor: Tensor) -> NDArray[Any] | None:
    try:
        return constant(model, tensor) if str(tensor.dtype) in STORAGE else None
    except RefinterpError:
        return None


def _pick(d: Draw, case: Case, at: int, wanted: Callable[[Tensor], bool]) -> tuple[int, str] | None:
    """One of the operator's tensors of a kind, and what it is called."""
    operator = _operator(case, at)
    places = [
        (index, f"{side} {position}")
        for side, indices in (("input", operator.inputs), ("output", operator.outputs))
        for position, index in enumerate(indices)
        if index != OPTIONAL and wanted(_tensors(case)[index])
    ]
    return choice(d, places) if places else None


def _quantized(tensor: Tensor) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale.size > 0


# Disturbances -----------------------------------------------------------------------------------


@_field("none")
def none(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Nothing at all."""
    return _with_samples(case), "nothing"


@_field("dtype")
def dtype(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another element type for one operand or result."""
    picked = _pick(d, case, at, lambda t: str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    tensor = _tensors(case)[index]
    other = choice(d, [name for name in TYPES if name != tensor.dtype])
    return _retyped(case, index, other), f"{place}: {tensor.dtype} -> {other}"


def _retyped(case: Case, index: int, other: str) -> Case:
    tensor = _tensors(case)[index]
    value = _value(case.model, tensor)
    if value is None:
        return _with_tensor(case, index, dtype=other)
    return _with_value(case, index, value, dtype=other)


@_field("all types")
def all_types(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another element type for all operands and results that have the first one's."""
    operator = _operator(case, at)
    if not operator.inputs or operator.inputs[0] == OPTIONAL:
        return None
    first = str(_tensors(case)[operator.inputs[0]].dtype)
    other = choice(d, [name for name in TYPES if name != first])
    for index in dict.fromkeys((*operator.inputs, *operator.outputs)):
        if index != OPTIONAL and _tensors(case)[index].dtype == first:
            case = _retyped(case, index, other)
    return case, f"{first} -> {other}"


@_field("scale")
def scale(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A scale of one tensor times a factor."""
    picked = _pick(d, case, at, _quantized)
    if picked is None:
        return None
    index, place = picked
    q = _tensors(case)[index].quantization
    assert q is not None
    factor = choice(d, [2.0, 1.001, 0.5, 1.05, 1e-3, 1e4, 1 / 256])
    scales = q.scale.astype(np.float64) * factor
    q = replace(q, scale=scales.astype(np.float32))
    return _with_tensor(case, index, quantization=q), f"{place}: scale * {factor:.4g}"


@_field("zero point")
def zero_point(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A zero point moved."""
    picked = _pick(d, case, at, _quantized)
    if picked is None:
        return None
    index, place = picked
    tensor = _tensors(case)[index]
    q = tensor.quantization
    assert q is not None
    if not q.zero_point.size:
        return None
    value = choice(d, [0, 1, -1, -128, 127, 5, 128])
    zeros = np.full(q.zero_point.size, value, np.int64)
    changed = _with_tensor(case, index, quantization=replace(q, zero_point=zeros))
    return changed, f"{place} ({tensor.dtype}): zero point {int(q.zero_point[0])} -> {value}"


@_field("unquantized")
def unquantized(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A tensor without its quantization."""
    picked = _pick(d, case, at, _quantized)
    if picked is None:
        return None
    index, place = picked
    return _with_tensor(case, index, quantization=None), f"{place}: not quantized"


@_field("quantized")
def quantized(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A scale for a tensor that has none."""
    picked = _pick(d, case, at, lambda t: t.quantization is None or not t.quantization.scale.size)
    if picked is None:
        return None
    index, place = picked
    q = Quantization(np.array([0.5], np.float32), np.array([0], np.int64))
    return _with_tensor(case, index, quantization=q), f"{place}: scale 0.5"


@_field("per channel")
def per_channel(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Scales per channel where there was one, or one where there were several."""
    picked = _pick(d, case, at, lambda t: _quantized(t) and len(t.shape) > 0)
    if picked is None:
        return None
    index, place = picked
    tensor = _tensors(case)[index]
    q = tensor.quantization
    assert q is not None
    if q.scale.size > 1:
        q = replace(q, scale=q.scale[:1], zero_point=q.zero_point[:1])
        what = "one scale"
    else:
        axis = d.integer(0, len(tensor.shape) - 1)
        count = tensor.shape[axis]
        q = replace(
            q,
            scale=np.repeat(q.scale[:1], count),
            zero_point=np.repeat(q.zero_point[:1], count),
            quantized_dimension=axis,
        )
        what = f"{count} scales along {axis}"
    return _with_tensor(case, index, quantization=q), f"{place}: {what}"


@_field("axis of scales")
def axis_of_scales(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another quantized_dimension."""
    picked = _pick(d, case, at, _quantized)
    if picked is None:
        return None
    index, place = picked
    tensor = _tensors(case)[index]
    q = tensor.quantization
    assert q is not None
    axis = choice(d, [a for a in range(5) if a != q.quantized_dimension])
    changed = _with_tensor(case, index, quantization=replace(q, quantized_dimension=axis))
    return changed, f"{place} ({len(tensor.shape)}D, {q.scale.size} scales): axis {axis}"


def _reshaped(case: Case, index: int, shape: Sequence[int]) -> Case:
    value = _value(case.model, _tensors(case)[index])
    if value is None:
        return _with_tensor(case, index, shape=tuple(shape), shape_signature=None)
    return _with_value(case, index, np.resize(value, tuple(shape)))


@_field("rank")
def rank(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A dimension of size 1 more, or a dimension less."""
    picked = _pick(d, case, at, lambda t: str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    shape = list(_tensors(case)[index].shape)
    if shape and chance(d, 40):
        shape = shape[1:] if chance(d, 50) else shape[:-1]
    else:
        shape.insert(choice(d, [0, len(shape)]), 1)
    before = list(_tensors(case)[index].shape)
    return _reshaped(case, index, shape), f"{place}: {before} -> {shape}"


@_field("size")
def size(d: Draw, case: Case, at: int) -> Disturbed | None:
    """One dimension longer or shorter."""
    picked = _pick(d, case, at, lambda t: len(t.shape) > 0 and str(t.dtype) in STORAGE)
    if picked is None:
        return None
    index, place = picked
    shape = list(_tensors(case)[index].shape)
    axis = d.integer(0, len(shape) - 1)
    before = list(shape)
    shape[axis] = max(0, choice(d, [shape[axis] + 1, shape[axis] - 1, 2 * shape[axis], 1]))
    return _reshaped(case, index, shape), f"{place}: {before} -> {shape}"


@_field("option")
def option(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another value of one option."""
    operator = _operator(case, at)
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
    return _with_operator(case, at, **{which: {**options, name: value}}), text


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
    raw = _operator(case, at).custom_options.tobytes()
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
    return _with_operator(case, at, custom_options=data), f"{name}: {value} -> {other}"


@_field("operands")
def operands(d: Draw, case: Case, at: int) -> Disturbed | None:
    """An input left out, dropped, repeated; or an output more or less."""
    operator = _operator(case, at)
    inputs = list(operator.inputs)
    kind = choice(d, ["omit", "drop", "repeat", "output"])
    if kind == "output":
        outputs = list(operator.outputs)
        if len(outputs) > 1 and chance(d, 50):
            gone = outputs.pop()
            graph = case.model.subgraphs[0]
            kept = tuple(i for i in graph.outputs if i != gone) or tuple(outputs[:1])
            case = _with_graph(case, outputs=kept)
            return _with_operator(case, at, outputs=tuple(outputs)), "an output less"
        if not outputs:
            return None
        tensors = (*_tensors(case), replace(_tensors(case)[outputs[-1]], name="more"))
        case = _with_graph(case, tensors=tensors)
        more = (*outputs, len(tensors) - 1)
        return _with_operator(case, at, outputs=more), "an output more"
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
    return _with_operator(case, at, inputs=tuple(inputs)), text


@_field("constness")
def constness(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A constant that is given at run time, or an input that is a constant."""
    graph = case.model.subgraphs[0]
    operator = _operator(case, at)
    kinds = []
    for position, index in enumerate(operator.inputs):
        if index == OPTIONAL or str(graph.tensors[index].dtype) not in STORAGE:
            continue
        if has_constant(case.model, graph.tensors[index]):
            if _value(case.model, graph.tensors[index]) is not None:
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
        case = _with_graph(case, inputs=tuple(i for i in graph.inputs if i != index))
        case = replace(case, samples=[sample])
        return _with_value(case, index, value), f"input {position}: a constant"
    given = _value(case.model, graph.tensors[index])
    assert given is not None
    case = replace(case, samples=[[*sample, given]])
    case = _with_graph(case, inputs=(*graph.inputs, index))
    return _with_tensor(case, index, buffer=0), f"input {position}: given at run time"


@_field("value")
def value(d: Draw, case: Case, at: int) -> Disturbed | None:
    """An element of a small integer constant (an axis, a size, an index) changed."""
    picked = _pick(
        d, case, at,
        lambda t: has_constant(case.model, t) and t.dtype in ("int32", "int64")
        and 0 < int(np.prod(t.shape)) <= 16,
    )  # fmt: skip
    if picked is None:
        return None
    index, place = picked
    old = _value(case.model, _tensors(case)[index])
    if old is None:
        return None
    new = old.copy()
    flat = new.reshape(-1)
    where = d.integer(0, flat.size - 1)
    with np.errstate(all="ignore"):
        flat[where] = flat[where] + choice(d, [1, -1, 2, -2, 5, -7])
    return _with_value(case, index, new), f"{place}: {old.tolist()} -> {new.tolist()}"


@_field("version")
def version(d: Draw, case: Case, at: int) -> Disturbed | None:
    """Another version of the operator."""
    operator = _operator(case, at)
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
    return _with_graph(case, operators=operators), f"version {now} -> {other}"


@_field("variable")
def variable(d: Draw, case: Case, at: int) -> Disturbed | None:
    """A tensor that keeps its value, or one that no longer does."""
    picked = _pick(d, case, at, lambda t: not has_constant(case.model, t))
    if picked is None:
        return None
    index, place = picked
    now = not _tensors(case)[index].is_variable
    return _with_tensor(case, index, is_variable=now), f"{place}: is_variable {now}"


@_field("name")
def name(d: Draw, case: Case, at: int) -> Disturbed | None:
    """What means nothing: a tensor's name, or the ranges that were seen when it was quantized."""
    index = d.integer(0, len(_tensors(case)) - 1)
    return _with_samples(_with_tensor(case, index, name="another name")), "a name"
