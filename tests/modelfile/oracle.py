"""A model as plain dictionaries: once through classes flatc generated, once from our `Model`.

Field names are the schema's. Enumerations are numbers, vectors lists (an absent one is empty),
absent strings empty, so that both sides can be compared with ==; floats are compared by their bits.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from refinterp.graph.layout import Field, layout
from refinterp.graph.model import (
    Model,
    Operator,
    OperatorCode,
    Options,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)

Values = dict[str, Any]


def camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _bits(value: float) -> bytes:
    """Return a float32's bits, so that NaN equals itself and -0.0 does not equal 0.0."""
    return struct.pack("<f", value)


# Through generated classes


def through_classes(module: Any, data: bytes) -> Values:
    """Return what the generated classes of `module` find in a file."""
    found = _table(module, "Model", module.Model.GetRootAs(data, 0))
    for code in found["operator_codes"]:
        code["builtin_code"] = max(code["builtin_code"], code["deprecated_builtin_code"])
    return found


def _table(module: Any, name: str, obj: Any) -> Values:
    values: Values = {}
    for field in layout().tables[name].fields:
        if not field.deprecated and hasattr(obj, camel(field.name)):
            values[field.name] = _value(module, obj, field)
    return values


def _value(module: Any, obj: Any, field: Field) -> Any:
    get = getattr(obj, camel(field.name))
    if field.vector:
        length = getattr(obj, camel(field.name) + "Length")()
        if field.kind == "table":
            return [_table(module, field.type, get(i)) for i in range(length)]
        if length == 0:
            return []
        array = getattr(obj, camel(field.name) + "AsNumpy")()
        return array.tobytes() if field.stored in ("ubyte", "float") else array.tolist()
    if field.kind == "union":
        return _union(module, obj, field)
    found = get()
    if field.kind == "table":
        return None if found is None else _table(module, field.type, found)
    if field.kind == "string":
        return (found or b"").decode("utf-8", "surrogateescape")
    return _bits(found) if field.stored == "float" else found


def _union(module: Any, obj: Any, field: Field) -> tuple[int, Values | None] | None:
    number = getattr(obj, camel(field.name) + "Type")()
    if number == 0:
        return None
    names = {v: k for k, v in vars(getattr(module, field.type)).items() if isinstance(v, int)}
    raw = getattr(obj, camel(field.name))()
    if raw is None or number not in names:
        return number, None
    member = getattr(module, names[number])()
    member.Init(raw.Bytes, raw.Pos)
    return number, _table(module, names[number], member)


# From our dataclasses


def from_model(model: Model) -> Values:
    """Return what a file of this model must say."""
    return {
        "version": model.version,
        "operator_codes": [_code(code) for code in model.operator_codes],
        "subgraphs": [_subgraph(subgraph) for subgraph in model.subgraphs],
        "description": model.description or "",
        "buffers": [{} if b.appended else {"data": _raw(b.data)} for b in model.buffers],
        "metadata_buffer": list(model.metadata_buffer),
        "metadata": [{"name": m.name, "buffer": m.buffer} for m in model.metadata],
        "signature_defs": [_signature(signature) for signature in model.signatures],
        "external_buffer_groups": _all("ExternalBufferGroup", model.external_buffer_groups),
        "external_buffers": _all("ExternalBuffer", model.external_buffers),
    }


def _raw(array: np.ndarray[Any, Any]) -> bytes | list[Any]:
    return array.tobytes() if array.size else []


def _number(enum: str, value: str | int) -> int:
    return value if isinstance(value, int) else layout().enums[enum].values[value]


def _code(code: OperatorCode) -> Values:
    return {
        "deprecated_builtin_code": code.deprecated,
        "custom_code": code.custom or "",
        "version": code.version,
        "builtin_code": _number("BuiltinOperator", code.builtin),
    }


def _signature(signature: Signature) -> Values:
    def names(pairs: Iterable[tuple[str, int]]) -> list[Values]:
        return [{"name": name, "tensor_index": index} for name, index in pairs]

    return {
        "inputs": names(signature.inputs),
        "outputs": names(signature.outputs),
        "signature_key": signature.key,
        "subgraph_index": signature.subgraph,
    }


def _subgraph(subgraph: Subgraph) -> Values:
    return {
        "tensors": [_tensor(tensor) for tensor in subgraph.tensors],
        "inputs": list(subgraph.inputs),
        "outputs": list(subgraph.outputs),
        "operators": [_operator(operator) for operator in subgraph.operators],
        "name": subgraph.name or "",
        "debug_metadata_index": subgraph.debug_metadata_index,
    }


def _tensor(tensor: Tensor) -> Values:
    quantization = tensor.quantization
    sparsity = tensor.sparsity
    return {
        "shape": list(tensor.shape),
        "type": _number("TensorType", tensor.dtype),
        "buffer": tensor.buffer,
        "name": tensor.name,
        "quantization": None if quantization is None else _quantization(quantization),
        "is_variable": tensor.is_variable,
        "sparsity": None if sparsity is None else _options("SparsityParameters", sparsity),
        "shape_signature": list(tensor.shape_signature or ()),
        "has_rank": tensor.has_rank,
        "variant_tensors": _all("VariantSubType", tensor.variant_tensors),
        "external_buffer": tensor.external_buffer,
    }


def _quantization(quantization: Quantization) -> Values:
    details = quantization.details
    return {
        "min": _raw(quantization.minimum),
        "max": _raw(quantization.maximum),
        "scale": _raw(quantization.scale),
        "zero_point": quantization.zero_point.tolist(),
        "details": _member("QuantizationDetails", *(details or (None, {}))),
        "quantized_dimension": quantization.quantized_dimension,
    }


def _operator(operator: Operator) -> Values:
    return {
        "opcode_index": operator.opcode_index,
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
        "builtin_options": _member("BuiltinOptions", operator.options_type, operator.options),
        "custom_options": [] if operator.custom_options_appended else _raw(operator.custom_options),
        "custom_options_format": _number("CustomOptionsFormat", operator.custom_options_format),
        "mutating_variable_inputs": list(operator.mutating_variable_inputs),
        "intermediates": list(operator.intermediates),
        "builtin_options_2": _member(
            "BuiltinOptions2", operator.options_2_type, operator.options_2
        ),
        "debug_metadata_index": operator.debug_metadata_index,
    }


def _member(
    union: str, member: str | int | None, fields: Options
) -> tuple[int, Values | None] | None:
    if member is None:
        return None
    if isinstance(member, int):
        return member, None
    missing = not fields and layout().tables[member].defaults
    number = layout().unions[union].numbers[member]
    return number, None if missing else _options(member, fields)


def _all(table: str, values: Iterable[Options]) -> list[Values]:
    return [_options(table, fields) for fields in values]


def _options(table: str, fields: Options) -> Values:
    found: Values = {}
    for field in layout().tables[table].fields:
        if field.deprecated:
            continue
        value = fields[field.name]
        if field.kind == "table":
            found[field.name] = _all(field.type, value if field.vector else [value])
        elif field.kind == "union":
            found[field.name] = _member(field.type, *(value or (None, {})))
        elif field.kind == "string":
            found[field.name] = value or ""
        elif field.vector:
            found[field.name] = _vector(field, value)
        elif field.kind == "enum":
            found[field.name] = _number(field.type, value)
        else:
            found[field.name] = _bits(value) if field.stored == "float" else value
    return found


def _vector(field: Field, value: Any) -> Any:
    if value is None or len(value) == 0:
        return []
    if field.kind == "enum":
        return [_number(field.type, element) for element in value]
    if field.stored in ("ubyte", "float"):
        return np.asarray(value, np.float32 if field.stored == "float" else np.uint8).tobytes()
    return list(np.asarray(value).tolist())


# Comparing


def disagreements(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Yield what differs, wherever both sides say something; theirs decides which fields count."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() & ours.keys():
            yield from disagreements(theirs[key], ours[key], f"{path}.{key}")
    elif isinstance(theirs, (list, tuple)) and isinstance(ours, (list, tuple)):
        if len(theirs) != len(ours):
            yield f"{path}: {len(theirs)} elements, ours {len(ours)}"
        for index, (their, our) in enumerate(zip(theirs, ours, strict=False)):
            yield from disagreements(their, our, f"{path}[{index}]")
    elif type(theirs) is not type(ours) or theirs != ours:
        yield f"{path}: {theirs!r}, ours {ours!r}"


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield where two models differ, field by field of the dataclasses, where it was read from
    excepted.
    """
    if type(one) is not type(other):
        yield f"{path}: {one!r} is not {other!r}"
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name not in ("source", "array"):
                name = field.name
                yield from differences(getattr(one, name), getattr(other, name), f"{path}.{name}")
    elif isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape or one.tobytes() != other.tobytes():
            yield f"{path}: {one} is not {other}"
    elif isinstance(one, Mapping):
        if one.keys() != other.keys():
            yield f"{path}: {list(one)} is not {list(other)}"
        else:
            for key in one:
                yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, tuple):
        if len(one) != len(other):
            yield f"{path}: {len(one)} elements, not {len(other)}"
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from differences(left, right, f"{path}[{index}]")
    elif repr(one) != repr(other):  # NaN is NaN, and -0.0 is not 0.0
        yield f"{path}: {one!r} is not {other!r}"
