"""`Model` to the bytes of a .tflite file, the inverse of the reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import flatbuffers
import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.layout import Field, Layout, layout
from refinterp.graph.model import Model, Operator, OperatorCode, Options, Quantization, Tensor
from refinterp.modelfile.flatbuffer import DTYPES

_ALIGNMENT: Final = 16
_LARGEST_DEPRECATED_CODE: Final = 127  # what the one-byte operator code says for all above it

_SLOTS: Final[Mapping[str, str]] = {
    "bool": "Bool", "byte": "Int8", "ubyte": "Uint8", "short": "Int16", "ushort": "Uint16",
    "int": "Int32", "uint": "Uint32", "long": "Int64", "ulong": "Uint64", "float": "Float32",
    "double": "Float64",
}  # fmt: skip
"""The builder's name of each scalar."""


def write_model(model: Model) -> bytes:
    """Return the file that `read_model` reads back as an equal model, the same bytes each time.

    Buffers lie on 16-byte boundaries. What a model says lies behind the flatbuffer is written
    there: appended buffers first, in their order, then appended custom options.

    Raises UsageError when a name or a number has no place in the format.
    """
    appended = [buffer.data for buffer in model.buffers if buffer.appended]
    appended += [
        operator.custom_options
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.custom_options_appended
    ]
    if not appended:
        return _flatbuffer(model, [])
    # The offsets are numbers of fixed width, so a first pass with any of them gives the length.
    length = len(_flatbuffer(model, [_ALIGNMENT] * len(appended)))
    offsets = []
    for data in appended:
        length += -length % _ALIGNMENT
        offsets.append(length)
        length += data.size
    file = bytearray(_flatbuffer(model, offsets))
    for offset, data in zip(offsets, appended, strict=True):
        file += bytes(offset - len(file))
        file += data.tobytes()
    return bytes(file)


def save_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the model's file to `path`."""
    Path(path).write_bytes(write_model(model))


def _flatbuffer(model: Model, offsets: list[int]) -> bytes:
    """Return the flatbuffer alone; offsets: where each piece behind it starts."""
    schema = layout()
    writer = _Writer(schema, sum(buffer.data.size for buffer in model.buffers))
    return writer.finish(_model(schema, model, offsets))


def _model(schema: Layout, model: Model, offsets: list[int]) -> Options:
    """Return the root table's fields; absent ones are left out."""
    places = iter(offsets)
    buffers = [
        {"offset": next(places), "size": buffer.data.size}
        if buffer.appended
        else {"data": buffer.data if buffer.data.size else None}
        for buffer in model.buffers
    ]
    return {
        "version": model.version,
        "operator_codes": [_operator_code(schema, code) for code in model.operator_codes],
        "subgraphs": [
            {
                "tensors": [_tensor(tensor) for tensor in subgraph.tensors],
                "inputs": subgraph.inputs,
                "outputs": subgraph.outputs,
                "operators": [_operator(operator, places) for operator in subgraph.operators],
                "name": subgraph.name,
                "debug_metadata_index": subgraph.debug_metadata_index,
            }
            for subgraph in model.subgraphs
        ],
        "description": model.description,
        "buffers": buffers,
        "metadata_buffer": model.metadata_buffer or None,
        "metadata": [{"name": m.name, "buffer": m.buffer} for m in model.metadata] or None,
        "signature_defs": [
            {
                "inputs": _names(signature.inputs),
                "outputs": _names(signature.outputs),
                "signature_key": signature.key,
                "subgraph_index": signature.subgraph,
            }
            for signature in model.signatures
        ]
        or None,
        "external_buffer_groups": model.external_buffer_groups or None,
        "external_buffers": model.external_buffers or None,
    }


def _names(pairs: Iterable[tuple[str, int]]) -> list[Options]:
    return [{"name": name, "tensor_index": index} for name, index in pairs]


def _operator_code(schema: Layout, code: OperatorCode) -> Options:
    number = _enum_number(schema, "BuiltinOperator", code.builtin, "operator_codes")
    deprecated = code.deprecated
    if deprecated is None:
        deprecated = min(number, _LARGEST_DEPRECATED_CODE)
    return {
        "deprecated_builtin_code": deprecated,
        "custom_code": code.custom,
        "version": code.version,
        "builtin_code": number,
    }


def _tensor(tensor: Tensor) -> Options:
    return {
        "shape": tensor.shape,
        "type": tensor.dtype,
        "buffer": tensor.buffer,
        "name": tensor.name,
        "quantization": _quantization(tensor.quantization),
        "is_variable": tensor.is_variable,
        "sparsity": tensor.sparsity,
        "shape_signature": tensor.shape_signature,
        "has_rank": tensor.has_rank,
        "variant_tensors": tensor.variant_tensors or None,
        "external_buffer": tensor.external_buffer,
    }


def _quantization(quantization: Quantization | None) -> Options | None:
    if quantization is None:
        return None
    return {
        "min": _present(quantization.minimum),
        "max": _present(quantization.maximum),
        "scale": _present(quantization.scale),
        "zero_point": _present(quantization.zero_point),
        "details": quantization.details,
        "quantized_dimension": quantization.quantized_dimension,
    }


def _present(array: NDArray[Any]) -> NDArray[Any] | None:
    return array if array.size else None


def _operator(operator: Operator, places: Iterator[int]) -> Options:
    fields: dict[str, Any] = {
        "opcode_index": operator.opcode_index,
        "inputs": operator.inputs,
        "outputs": operator.outputs,
        "builtin_options": _union(operator.options_type, operator.options),
        "custom_options_format": operator.custom_options_format,
        "mutating_variable_inputs": operator.mutating_variable_inputs or None,
        "intermediates": operator.intermediates or None,
        "builtin_options_2": _union(operator.options_2_type, operator.options_2),
        "debug_metadata_index": operator.debug_metadata_index,
    }
    if operator.custom_options_appended:
        fields["large_custom_options_offset"] = next(places)
        fields["large_custom_options_size"] = operator.custom_options.size
    else:
        fields["custom_options"] = _present(operator.custom_options)
    return fields


def _union(member: str | int | None, options: Options) -> tuple[str | int, Options] | None:
    return None if member is None else (member, options)


def _enum_number(schema: Layout, name: str, value: str | int, path: str) -> int:
    """Return the number an enumeration's name is stored as; numbers pass."""
    if isinstance(value, int):
        return value
    values = schema.enums[name].values
    if value not in values:
        raise UsageError(f"{path}: {value!r} is not one of {name}: {', '.join(values)}")
    return values[value]


class _Writer:
    """Writes tables through the flatbuffers builder, children before parents."""

    def __init__(self, schema: Layout, size: int) -> None:
        self._schema = schema
        self._builder = flatbuffers.Builder(size + size // 8 + 4096)

    def finish(self, root: Options) -> bytes:
        """Write the root table and return the buffer."""
        table = self._table(self._schema.root, root, "")
        self._builder.Finish(table, file_identifier=self._schema.identifier.encode())
        return bytes(self._builder.Output())

    def _table(self, name: str, values: Options, path: str) -> int:
        table = self._schema.tables[name]
        unknown = [key for key in values if key not in table.defaults]
        if unknown:
            raise UsageError(
                f"{path.lstrip('.')}: {name} has no field {unknown[0]!r}; its fields are: "
                f"{', '.join(table.defaults) or 'none'}"
            )
        slots: list[Callable[[], None]] = []
        for field in table.fields:
            value = values.get(field.name)
            if value is not None and not field.deprecated:
                slots.append(self._field(field, value, f"{path}.{field.name}"))
        self._builder.StartObject(table.fields[-1].slot + 1 if table.fields else 0)
        for write in slots:
            write()
        return int(self._builder.EndObject())

    def _field(self, field: Field, value: Any, path: str) -> Callable[[], None]:
        """Write what lies outside the table; return what puts the field into it."""
        builder, slot = self._builder, field.slot
        if field.vector:
            offset = self._vector(field, value, path)
        elif field.kind == "string":
            offset = builder.CreateString(value, errors="surrogateescape")
        elif field.kind == "table":
            offset = self._table(field.type, value, path)
        elif field.kind == "union":
            return self._member(field, value, path)
        else:
            return self._scalar(field, value, path)
        return lambda: builder.PrependUOffsetTRelativeSlot(slot, offset, 0)

    def _scalar(self, field: Field, value: Any, path: str) -> Callable[[], None]:
        assert field.stored is not None
        default = field.default
        if field.kind == "enum":
            value = _enum_number(self._schema, field.type, value, path.lstrip("."))
            default = _enum_number(self._schema, field.type, default, path)
        elif DTYPES[field.stored].kind in "iu":
            limits = np.iinfo(DTYPES[field.stored])
            if not limits.min <= value <= limits.max:
                raise UsageError(
                    f"{path.lstrip('.')}: {value} does not fit {field.stored}: "
                    f"{limits.min}..{limits.max}"
                )
        elif repr(value) == "-0.0":
            default = None  # the builder would take it for the default, which is 0.0
        prepend = getattr(self._builder, f"Prepend{_SLOTS[field.stored]}Slot")
        return lambda: prepend(field.slot, value, default)

    def _member(self, field: Field, value: Any, path: str) -> Callable[[], None]:
        member, fields = value
        builder, slot = self._builder, field.slot
        union = self._schema.unions[field.type]
        if isinstance(member, int):
            number, offset = member, 0
        elif member not in union.numbers:
            raise UsageError(
                f"{path.lstrip('.')}: {member!r} is not one of {field.type}: "
                f"{', '.join(union.numbers)}"
            )
        else:
            number = union.numbers[member]
            # A table that has fields and is given none stands for a file without the table.
            given = bool(fields) or not self._schema.tables[member].defaults
            offset = self._table(member, fields, path) if given else 0

        def write() -> None:
            builder.PrependUint8Slot(slot - 1, number, 0)
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)

        return write

    def _vector(self, field: Field, value: Any, path: str) -> int:
        builder = self._builder
        if field.kind == "table":
            offsets = [self._table(field.type, v, f"{path}[{i}]") for i, v in enumerate(value)]
            builder.StartVector(4, len(offsets), 4)
            for offset in reversed(offsets):
                builder.PrependUOffsetTRelative(offset)
            return int(builder.EndVector())
        assert field.stored is not None, f"{path}: no vectors of {field.kind}s in the format"
        if field.kind == "enum":
            value = [_enum_number(self._schema, field.type, v, path.lstrip(".")) for v in value]
        dtype = DTYPES[field.stored]
        if dtype.kind in "iu" and len(value) and getattr(value, "dtype", None) != dtype:
            limits = np.iinfo(dtype)
            if min(value) < limits.min or max(value) > limits.max:
                raise UsageError(
                    f"{path.lstrip('.')}: not all fit {field.stored} ({limits.min}..{limits.max}): "
                    f"{value}"
                )
        array = np.asarray(value, dtype)
        # The builder's own vectors align to the element only, and copy the bytes twice.
        builder.StartVector(dtype.itemsize, array.size, max(field.align, dtype.itemsize))
        builder.head -= array.nbytes
        end = builder.head + array.nbytes
        builder.Bytes[builder.head : end] = np.ascontiguousarray(array).view(np.uint8).data
        builder.vectorNumElems = array.size
        return int(builder.EndVector())
