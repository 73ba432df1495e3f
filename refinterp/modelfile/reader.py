"""Bytes to `Model`: any well-formed .tflite file, however absurd its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.layout import Enum, Layout, Table, layout
from refinterp.graph.model import (
    NO_BYTES,
    NO_OPTIONS,
    Buffer,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Options,
    Quantization,
    Shape,
    Signature,
    Subgraph,
    Tensor,
)
from refinterp.modelfile import damage
from refinterp.modelfile.flatbuffer import FlatBuffer, TableValues
from refinterp.modelfile.opening import Opened, Source, opened, told

_NO_INT64: Final = np.empty(0, np.int64)
_NO_FLOAT32: Final = np.empty(0, np.float32)


def read_model(source: Source) -> Model:
    """Read a model from a path or from the file's bytes.

    A file is mapped, and the model's arrays are read-only views of it: loading takes time in
    proportion to the number of tables, not to the bytes of the weights. The file must not change
    while the model is in use. C or C++ source, whatever it is called, is searched for an array that
    holds a model; of several the first is taken, with a warning, or the one that `PATH:NAME` names.

    Raises ModelError when the bytes are not a well-formed model; the message begins with the path,
    if there is one, and says what the file is, or else the byte offset and the path of the value at
    fault. Raises UsageError when the path cannot be read.
    """
    return model_of(opened(source))


def model_of(found: Opened) -> Model:
    """Read a model from its bytes, where those have been found already, as `read_model` does.

    Raises ModelError when the bytes are not a well-formed model.
    """
    data, path, array = found
    try:
        model = _model(FlatBuffer(data), path)
    except ModelError as error:
        raise ModelError(told(f"{error}; {damage.explain(data)}", path)) from None
    return model if array is None else replace(model, array=array)


def _model(file: FlatBuffer, source: str | None) -> Model:
    schema = layout()
    root = file.root()
    buffers = tuple(
        _buffer(file, values, f"buffers[{i}]") for i, values in enumerate(root.get("buffers", ()))
    )
    operators = schema.enums["BuiltinOperator"]
    codes = tuple(_operator_code(operators, values) for values in root.get("operator_codes", ()))
    return Model(
        subgraphs=tuple(
            _subgraph(file, schema, codes, values, f"subgraphs[{i}]")
            for i, values in enumerate(root.get("subgraphs", ()))
        ),
        operator_codes=codes,
        buffers=buffers,
        version=root.get("version", 0),
        description=root.get("description"),
        metadata=tuple(
            Metadata(values.get("name", ""), values.get("buffer", 0))
            for values in root.get("metadata", ())
        ),
        metadata_buffer=_ints(root.get("metadata_buffer")),
        signatures=tuple(_signature(values) for values in root.get("signature_defs", ())),
        external_buffer_groups=_mappings(schema, "ExternalBufferGroup", root),
        external_buffers=_mappings(schema, "ExternalBuffer", root),
        source=source,
    )


def _ints(array: NDArray[Any] | None) -> Shape:
    return () if array is None else tuple(array.tolist())


def _outside(
    file: FlatBuffer, values: TableValues, prefix: str, path: str
) -> NDArray[np.uint8] | None:
    """Return the bytes behind the flatbuffer that a table points at, or None if it does not."""
    offset = values.get(f"{prefix}offset", 0)
    size = values.get(f"{prefix}size", 0)
    if offset <= 1:
        return None
    if offset + size > file.size:
        raise ModelError(
            f"byte {offset}: {path}.{prefix}offset: {size} bytes are said to lie here, but the "
            f"file has {file.size} bytes"
        )
    return file.data[offset : offset + size]


def _buffer(file: FlatBuffer, values: TableValues, path: str) -> Buffer:
    outside = _outside(file, values, "", path) if "offset" in values else None
    if outside is not None:
        return Buffer(outside, appended=True)
    return Buffer(values.get("data", NO_BYTES))


def _operator_code(operators: Enum, values: TableValues) -> OperatorCode:
    deprecated = values.get("deprecated_builtin_code", 0)
    builtin = values.get("builtin_code", 0)
    number = operators.values.get(builtin, builtin) if isinstance(builtin, str) else builtin
    number = max(number, deprecated)
    return OperatorCode(
        builtin=operators.names.get(number, number),
        version=values.get("version", 1),
        custom=values.get("custom_code"),
        deprecated=deprecated,
    )


def _signature(values: TableValues) -> Signature:
    def names(key: str) -> tuple[tuple[str, int], ...]:
        return tuple((m.get("name", ""), m.get("tensor_index", 0)) for m in values.get(key, ()))

    return Signature(
        key=values.get("signature_key", ""),
        subgraph=values.get("subgraph_index", 0),
        inputs=names("inputs"),
        outputs=names("outputs"),
    )


def _subgraph(
    file: FlatBuffer,
    schema: Layout,
    codes: tuple[OperatorCode, ...],
    values: TableValues,
    path: str,
) -> Subgraph:
    return Subgraph(
        tensors=tuple([_tensor(schema, tensor) for tensor in values.get("tensors", ())]),
        inputs=_ints(values.get("inputs")),
        outputs=_ints(values.get("outputs")),
        operators=tuple(
            [
                _operator(file, schema, codes, operator, f"{path}.operators[{i}]")
                for i, operator in enumerate(values.get("operators", ()))
            ]
        ),
        name=values.get("name"),
        debug_metadata_index=values.get("debug_metadata_index", -1),
    )


def _tensor(schema: Layout, values: TableValues) -> Tensor:
    quantization = values.get("quantization")
    sparsity = values.get("sparsity")
    signature = values.get("shape_signature")
    variants = values.get("variant_tensors", ())
    return Tensor(
        name=values.get("name", ""),
        shape=_ints(values.get("shape")),
        dtype=values.get("type", "float32"),
        buffer=values.get("buffer", 0),
        quantization=None if quantization is None else _quantization(schema, quantization),
        is_variable=values.get("is_variable", False),
        shape_signature=None if signature is None else _ints(signature),
        has_rank=values.get("has_rank", False),
        sparsity=None
        if sparsity is None
        else _mapping(schema, "SparsityParameters", sparsity, arrays=True),
        variant_tensors=tuple(_mapping(schema, "VariantSubType", v) for v in variants),
        external_buffer=values.get("external_buffer", 0),
    )


def _quantization(schema: Layout, values: TableValues) -> Quantization:
    details = values.get("details")
    if details is not None:
        member, fields = details
        details = (member, _options(schema, member, fields))
    return Quantization(
        scale=values.get("scale", _NO_FLOAT32),
        zero_point=values.get("zero_point", _NO_INT64),
        quantized_dimension=values.get("quantized_dimension", 0),
        minimum=values.get("min", _NO_FLOAT32),
        maximum=values.get("max", _NO_FLOAT32),
        details=details,
    )


def _operator(
    file: FlatBuffer,
    schema: Layout,
    codes: tuple[OperatorCode, ...],
    values: TableValues,
    path: str,
) -> Operator:
    index = values.get("opcode_index", 0)
    options_type, options = values.get("builtin_options") or (None, None)
    options_2_type, options_2 = values.get("builtin_options_2") or (None, None)
    outside = (
        _outside(file, values, "large_custom_options_", path)
        if "large_custom_options_offset" in values
        else None
    )
    return Operator(
        opcode_index=index,
        code=codes[index] if index < len(codes) else None,
        inputs=_ints(values.get("inputs")),
        outputs=_ints(values.get("outputs")),
        options=_options(schema, options_type, options),
        options_type=options_type,
        options_2=_options(schema, options_2_type, options_2),
        options_2_type=options_2_type,
        custom_options=values.get("custom_options", NO_BYTES) if outside is None else outside,
        custom_options_format=values.get("custom_options_format", "FLEXBUFFERS"),
        custom_options_appended=outside is not None,
        intermediates=_ints(values.get("intermediates")),
        mutating_variable_inputs=tuple(map(bool, values.get("mutating_variable_inputs", ()))),
        debug_metadata_index=values.get("debug_metadata_index", -1),
    )


def _options(schema: Layout, member: str | int | None, values: TableValues | None) -> Options:
    """Return a union's table with its defaults, or no options when the table is absent."""
    if values is None or not isinstance(member, str):
        return NO_OPTIONS
    return _mapping(schema, member, values)


def _mappings(schema: Layout, name: str, root: TableValues) -> tuple[Options, ...]:
    """Return a list of the root table whose elements are tables of that name, as mappings."""
    table: Table = schema.tables[schema.root]
    key = next(f.name for f in table.fields if f.type == name)
    return tuple(_mapping(schema, name, values) for values in root.get(key, ()))


def _mapping(
    schema: Layout, name: str, values: TableValues, *, arrays: bool = False
) -> Mapping[str, Any]:
    """Return all fields of a table, absent ones with their defaults.

    Vectors become tuples, vectors of bytes stay arrays; with `arrays` all of them do.
    """
    table = schema.tables[name]
    if not values:
        return table.defaults
    result = dict(table.defaults)
    for key, value in values.items():
        field = table[key]
        if field.kind == "union":
            if value is not None:
                member, fields = value
                filled = (
                    NO_OPTIONS
                    if fields is None
                    else _mapping(schema, member, fields, arrays=arrays)
                )
                value = (member, filled)
        elif field.kind == "table":
            if field.vector:
                value = tuple(_mapping(schema, field.type, v, arrays=arrays) for v in value)
            else:
                value = _mapping(schema, field.type, value, arrays=arrays)
        elif field.vector and field.stored != "ubyte" and field.kind == "scalar" and not arrays:
            value = tuple(value.tolist())
        result[key] = value
    return MappingProxyType(result)
