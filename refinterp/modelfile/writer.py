"""`Model` to the bytes of a .tflite file, the inverse of the reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import flatbuffers
import numpy as np

from refinterp.errors import UsageError
from refinterp.graph.layout import Field, Layout, layout
from refinterp.graph.model import Model, Options
from refinterp.modelfile.fields import enum_number, root_fields
from refinterp.modelfile.flatbuffer import DTYPES

_ALIGNMENT: Final = 16

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
    return writer.finish(root_fields(schema, model, offsets))


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
            value = enum_number(self._schema, field.type, value, path.lstrip("."))
            default = enum_number(self._schema, field.type, default, path)
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
            value = [enum_number(self._schema, field.type, v, path.lstrip(".")) for v in value]
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
