"""Bounds-checked access to a FlatBuffer, driven by the layout.

Nothing is followed before it is checked: an offset must lead forward and inside the file, a vtable
and the object it describes must lie inside it, a field inside its object, a vector's elements
before the file's end, a string must be terminated. What fails raises `ModelError`, which begins
with the byte offset and the path of the value at fault.

Offsets only lead forward, so no chain of them can loop. A table is decoded once however often it is
referred to, and the elements of vectors are counted against a budget in proportion to the file's
size, so overlapping vectors cannot make a small file expensive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.layout import SCALAR_BYTES, Field, Layout, layout

TableValues: TypeAlias = dict[str, Any]
"""The fields present in a table, by name.

Scalars are Python numbers, enumerations their names (an int when unknown), strings str (bytes that
are not UTF-8 as surrogate escapes), vectors of scalars read-only NumPy views, of enumerations and
strings tuples, of tables tuples of `TableValues`; a union is (member, `TableValues` or None).
"""

_Read: TypeAlias = Callable[[int, str], Any]
"""Takes the position of a field's value and the path of its table."""

_FORMATS: Final[Mapping[str, struct.Struct]] = MappingProxyType(
    {
        name: struct.Struct("<" + code)
        for name, code in zip(SCALAR_BYTES, "?bBhHiIqQfd", strict=True)
    }
)
DTYPES: Final[Mapping[str, np.dtype[Any]]] = MappingProxyType(
    {name: np.dtype(packed.format) for name, packed in _FORMATS.items()}
)
"""The NumPy type of each scalar of the format, little-endian as it is stored."""

_U16: Final = struct.Struct("<H").unpack_from
_U32: Final = struct.Struct("<I").unpack_from
_I32: Final = struct.Struct("<i").unpack_from

_FREE_ELEMENTS: Final = 1_000_000
_ELEMENTS_PER_BYTE: Final = 8


class FlatBuffer:
    """The tables of one file.

    data: uint8 (bytes,), never written to; the views returned share its memory.
    """

    def __init__(self, data: NDArray[np.uint8], schema: Layout | None = None) -> None:
        self.data = data.view()
        self.data.flags.writeable = False
        self.size = data.size
        self._schema = schema or layout()
        self._bytes = self.data.data
        self._plans: dict[tuple[str, int], tuple[int, list[tuple[str, int, _Read]]]] = {}
        self._tables: dict[tuple[str, int], TableValues] = {}
        self._readers: dict[tuple[str, str], _Read] = {}
        self._budget = _FREE_ELEMENTS + _ELEMENTS_PER_BYTE * self.size

    def root(self) -> TableValues:
        """Return the root table's fields, all tables below it included.

        Raises ModelError when the identifier is missing or anything in the file is out of place.
        """
        expected = self._schema.identifier.encode()
        found = bytes(self._bytes[4:8])
        if found != expected:
            if self.size < 8:
                what = f"the file ends after {self.size} bytes"
            else:
                what = f"found {found!r}"
            self._fail(4, "", f"a .tflite file has the identifier {expected!r} here, but {what}")
        return self._table(self._schema.root, self._follow(0, ""), "")

    def _fail(self, at: int, path: str, what: str) -> NoReturn:
        where = path.lstrip(".") or self._schema.root.lower()
        raise ModelError(f"byte {at}: {where}: {what}")

    def _spend(self, elements: int, at: int, path: str) -> None:
        self._budget -= elements
        if self._budget < 0:
            self._fail(
                at,
                path,
                "the file's tables and vectors overlap so much that reading them all would take "
                f"more than {_ELEMENTS_PER_BYTE} elements per byte of the file",
            )

    def _follow(self, at: int, path: str) -> int:
        """Return where the offset stored at `at` leads; four bytes are readable there."""
        if at + 4 > self.size:
            self._fail(at, path, f"an offset of 4 bytes, but the file has {self.size} bytes")
        offset = int(_U32(self._bytes, at)[0])
        target = at + offset
        if offset == 0 or target + 4 > self.size:
            self._fail(
                at,
                path,
                f"the offset {offset} leads to byte {target}, but it may only lead to "
                f"{at + 1}..{self.size - 4} (the file has {self.size} bytes)",
            )
        return target

    def _table(self, name: str, at: int, path: str) -> TableValues:
        known = self._tables.get((name, at))
        if known is not None:
            return known
        vtable = at - int(_I32(self._bytes, at)[0])
        plan = self._plans.get((name, vtable))
        if plan is None:
            plan = self._plans[name, vtable] = self._plan(name, at, vtable, path)
        size, fields = plan
        if at + size > self.size:
            self._fail(
                at, path, f"a table of {size} bytes, but only {self.size - at} bytes are left"
            )
        self._spend(1, at, path)
        values = {field: read(at + offset, path) for field, offset, read in fields}
        self._tables[name, at] = values
        return values

    def _plan(
        self, name: str, at: int, vtable: int, path: str
    ) -> tuple[int, list[tuple[str, int, _Read]]]:
        """Check a vtable; return its object's size and the present fields' places in it."""
        if not 0 <= vtable <= self.size - 4:
            self._fail(
                at, path, f"the vtable is said to be at byte {vtable} of a file of {self.size}"
            )
        length = int(_U16(self._bytes, vtable)[0])
        size = int(_U16(self._bytes, vtable + 2)[0])
        if length < 4 or length % 2 or vtable + length > self.size:
            self._fail(
                vtable,
                path,
                f"a vtable of {length} bytes: it must be even, 4 or more, and end before byte "
                f"{self.size}",
            )
        if size < 4:
            self._fail(vtable + 2, path, f"a table of {size} bytes: 4 is the least")
        offsets = np.frombuffer(self._bytes, "<u2", length // 2 - 2, vtable + 4).tolist()
        # A vtable ends with the last field present, which may be a union's number without a table.
        offsets.append(0)
        fields: list[tuple[str, int, _Read]] = []
        for field in self._schema.tables[name].fields:
            if field.deprecated or field.slot >= len(offsets):
                continue
            offset = offsets[field.slot]
            if field.kind == "union":
                tag = offsets[field.slot - 1]
                if tag:
                    self._inside(tag, 1, size, vtable + 2 + 2 * field.slot, path, field)
                    if offset:
                        self._inside(offset, 4, size, vtable + 4 + 2 * field.slot, path, field)
                    fields.append((field.name, 0, self._union(field, tag, offset)))
                continue
            if not offset:
                continue
            stored = None if field.vector else field.stored
            width = SCALAR_BYTES[stored] if stored else 4
            self._inside(offset, width, size, vtable + 4 + 2 * field.slot, path, field)
            fields.append((field.name, offset, self._reader(name, field)))
        return size, fields

    def _inside(self, offset: int, width: int, size: int, at: int, path: str, field: Field) -> None:
        if offset < 4 or offset + width > size:
            self._fail(
                at,
                f"{path}.{field.name}",
                f"the vtable puts its {width} bytes at {offset}, but the table's fields lie in "
                f"4..{size}",
            )

    def _reader(self, table: str, field: Field) -> _Read:
        reader = self._readers.get((table, field.name))
        if reader is None:
            make = self._vector if field.vector else self._single
            reader = self._readers[table, field.name] = make(field)
        return reader

    def _single(self, field: Field) -> _Read:
        name, type_ = field.name, field.type
        if field.kind == "table":

            def read_table(at: int, path: str) -> TableValues:
                path = f"{path}.{name}"
                return self._table(type_, self._follow(at, path), path)

            return read_table
        if field.kind == "string":
            return lambda at, path: self._string(at, path, name)
        assert field.stored is not None, f"{name}: neither scalar, string nor table"
        unpack, buffer = _FORMATS[field.stored].unpack_from, self._bytes
        if field.kind == "enum":
            names = self._schema.enums[type_].names

            def read_enum(at: int, path: str) -> str | int:
                number: int = unpack(buffer, at)[0]
                return names.get(number, number)

            return read_enum
        return lambda at, path: unpack(buffer, at)[0]

    def _length(self, at: int, path: str, name: str, width: int) -> tuple[int, int]:
        """Follow an offset to a vector; return its first element's position and its length."""
        start = at + _U32(self._bytes, at)[0]
        if start == at or start + 4 > self.size:
            self._follow(at, f"{path}.{name}")  # fails, and says how
        length = _U32(self._bytes, start)[0]
        start += 4
        if length * width > self.size - start:
            self._fail(
                start - 4,
                f"{path}.{name}",
                f"a vector of {length} elements of {width} bytes, but only {self.size - start} "
                "bytes are left",
            )
        return start, length

    def _string(self, at: int, path: str, name: str) -> str:
        start, length = self._length(at, path, name, 1)
        end = start + length
        if end >= self.size or self._bytes[end]:
            self._fail(end, f"{path}.{name}", f"the string of {length} bytes does not end in a NUL")
        self._spend(length, start, path)
        return str(self._bytes[start:end], "utf-8", "surrogateescape")

    def _vector(self, field: Field) -> _Read:
        name, type_ = field.name, field.type
        if field.kind == "table":

            def read_tables(at: int, path: str) -> tuple[TableValues, ...]:
                start, length = self._length(at, path, name, 4)
                path = f"{path}.{name}"
                self._spend(length, start, path)
                places = [(start + 4 * i, f"{path}[{i}]") for i in range(length)]
                return tuple([self._table(type_, self._follow(*at), at[1]) for at in places])

            return read_tables
        assert field.stored is not None, f"{name}: no vectors of {field.kind}s in the format"
        dtype = DTYPES[field.stored]
        width = dtype.itemsize

        def read_array(at: int, path: str) -> NDArray[Any]:
            start, length = self._length(at, path, name, width)
            if width == 1:
                raw = self.data[start : start + length]
                return raw.view(dtype) if dtype.kind != "b" else raw != 0
            self._spend(length, start, path)
            array = np.frombuffer(self._bytes, dtype, length, start)
            if not array.flags.aligned:
                array = array.copy()
                array.flags.writeable = False
            return array

        if field.kind == "enum":
            names = self._schema.enums[type_].names
            return lambda at, path: tuple(names.get(n, n) for n in read_array(at, path).tolist())
        return read_array

    def _union(self, field: Field, tag: int, offset: int) -> _Read:
        """Return a reader of a union whose number lies at `tag`, its table's offset at `offset`."""
        tables = self._schema.unions[field.type].tables

        def read(at: int, path: str) -> tuple[str | int, TableValues | None] | None:
            number = self._bytes[at + tag]
            if number == 0:
                return None
            table = tables.get(number)
            if table is None:
                return number, None
            if not offset:
                return table, None
            path = f"{path}.{field.name}"
            return table, self._table(table, self._follow(at + offset, path), path)

        return read
