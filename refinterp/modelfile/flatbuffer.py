"""Bounds-checked access to a FlatBuffer, driven by the layout.

Nothing is followed before it is checked: an offset must lead forward and inside the file, a vtable
and the object it describes must lie inside it, a field inside its object, a vector's elements
before the file's end, a string must be terminated. What fails raises `ModelError`, which begins
with the byte offset and the path of the value at fault.

Tables of one kind, which share their few vtables, are read together, field by field: each field of
all of them at once. Of hundreds of tensors none is then a matter of its own.

Offsets only lead forward, so no chain of them can loop. A table is decoded once however often it is
referred to, and the elements of vectors are counted against a budget in proportion to the file's
size, so overlapping vectors cannot make a small file expensive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
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

_Paths: TypeAlias = Callable[[int], str]
"""The path of a table by its number among those that are read together."""

_Read: TypeAlias = Callable[[Sequence[int], _Paths], Sequence[Any]]
"""Takes where a field's value lies in each table, and the field's paths; returns the values."""

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
        self._start = self.data.ctypes.data
        self._tables: dict[str, dict[int, TableValues]] = {}
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
        return self._read(self._schema.root, self._follow([0], _nowhere), _nowhere)[0]

    def _fail(self, at: int, path: str, what: str) -> NoReturn:
        where = path.lstrip(".") or self._schema.root.lower()
        raise ModelError(f"byte {at}: {where}: {what}")

    def _spend(self, elements: int, at: int, paths: _Paths, index: int) -> None:
        self._budget -= elements
        if self._budget < 0:
            self._fail(
                at,
                paths(index),
                "the file's tables and vectors overlap so much that reading them all would take "
                f"more than {_ELEMENTS_PER_BYTE} elements per byte of the file",
            )

    def _follow(self, places: Sequence[int], paths: _Paths) -> list[int]:
        """Return where the offsets stored at some places lead; four bytes are readable there."""
        buffer, last = self._bytes, self.size - 4
        targets = []
        for index, at in enumerate(places):
            target = at + _U32(buffer, at)[0]
            if not at < target <= last:
                self._fail(
                    at,
                    paths(index),
                    f"the offset {target - at} leads to byte {target}, but it may only lead to "
                    f"{at + 1}..{last} (the file has {self.size} bytes)",
                )
            targets.append(target)
        return targets

    def _read(self, name: str, places: Sequence[int], paths: _Paths) -> list[TableValues]:
        """Return the tables of one kind that lie at some places."""
        known = self._tables.setdefault(name, {})
        buffer = self._bytes
        alike: dict[int, list[int]] = {}  # by vtable, the numbers of those not read yet
        for index, at in enumerate(places):
            if at not in known:
                known[at] = {}
                alike.setdefault(at - _I32(buffer, at)[0], []).append(index)
        for vtable, numbers in alike.items():
            own = [places[index] for index in numbers]
            self._read_alike(name, vtable, own, lambda i, numbers=numbers: paths(numbers[i]))  # type: ignore[misc]
        return [known[at] for at in places]

    def _read_alike(self, name: str, vtable: int, places: Sequence[int], paths: _Paths) -> None:
        """Read tables that share a vtable."""
        size, fields = self._plan(name, places[0], vtable, paths(0))
        for index, at in enumerate(places):
            if at + size > self.size:
                left = self.size - at
                self._fail(
                    at, paths(index), f"a table of {size} bytes, but only {left} bytes are left"
                )
        self._spend(len(places), places[0], paths, 0)
        known = self._tables[name]
        tables = [known[at] for at in places]
        for field, offset, read in fields:
            key = field.name
            own = [at + offset for at in places] if offset else places
            values = read(own, lambda i, key=key: f"{paths(i)}.{key}")  # type: ignore[misc]
            for table, value in zip(tables, values, strict=True):
                table[key] = value

    def _plan(
        self, name: str, at: int, vtable: int, path: str
    ) -> tuple[int, list[tuple[Field, int, _Read]]]:
        """Check a vtable; return its object's size and the present fields' places in it."""
        if not 0 <= vtable <= self.size - 4:
            self._fail(
                at, path, f"the vtable is said to be at byte {vtable} of a file of {self.size}"
            )
        length = _U16(self._bytes, vtable)[0]
        size = _U16(self._bytes, vtable + 2)[0]
        if length < 4 or length % 2 or vtable + length > self.size:
            self._fail(
                vtable,
                path,
                f"a vtable of {length} bytes: it must be even, 4 or more, and end before byte "
                f"{self.size}",
            )
        if size < 4:
            self._fail(vtable + 2, path, f"a table of {size} bytes: 4 is the least")
        offsets = struct.unpack_from(f"<{length // 2 - 2}H", self._bytes, vtable + 4)
        # A vtable ends with the last field present, which may be a union's number without a table.
        offsets += (0,)
        fields: list[tuple[Field, int, _Read]] = []
        for field in self._schema.tables[name].fields:
            if field.slot >= len(offsets) or field.deprecated:
                continue
            offset = offsets[field.slot]
            if field.kind == "union":
                tag = offsets[field.slot - 1]
                if tag:
                    self._inside(tag, 1, size, vtable + 2 + 2 * field.slot, path, field)
                    if offset:
                        self._inside(offset, 4, size, vtable + 4 + 2 * field.slot, path, field)
                    fields.append((field, 0, self._union(field, tag, offset)))
            elif offset:
                stored = None if field.vector else field.stored
                width = SCALAR_BYTES[stored] if stored else 4
                self._inside(offset, width, size, vtable + 4 + 2 * field.slot, path, field)
                make = self._vectors if field.vector else self._singles
                fields.append((field, offset, make(field)))
        return size, fields

    def _inside(self, offset: int, width: int, size: int, at: int, path: str, field: Field) -> None:
        if offset < 4 or offset + width > size:
            self._fail(
                at,
                f"{path}.{field.name}",
                f"the vtable puts its {width} bytes at {offset}, but the table's fields lie in "
                f"4..{size}",
            )

    def _singles(self, field: Field) -> _Read:
        """Return what reads a field that is no vector."""
        type_ = field.type
        if field.kind == "table":
            return lambda places, paths: self._read(type_, self._follow(places, paths), paths)
        if field.kind == "string":
            return self._strings
        assert field.stored is not None, f"{field.name}: neither scalar, string nor table"
        unpack, buffer = _FORMATS[field.stored].unpack_from, self._bytes
        if field.kind == "enum":
            names = self._schema.enums[type_].names

            def enums(places: Sequence[int], paths: _Paths) -> list[str | int]:
                numbers = [unpack(buffer, at)[0] for at in places]
                return [names.get(number, number) for number in numbers]

            return enums
        return lambda places, paths: [unpack(buffer, at)[0] for at in places]

    def _lengths(self, places: Sequence[int], paths: _Paths, width: int) -> list[tuple[int, int]]:
        """Follow offsets to vectors; return each one's first element's position and its length."""
        buffer, size = self._bytes, self.size
        found = []
        for index, at in enumerate(places):
            start = at + _U32(buffer, at)[0] + 4
            if not at < start - 4 <= size - 4:
                self._follow([at], lambda _, index=index: paths(index))  # type: ignore[misc]
            length = _U32(buffer, start - 4)[0]
            if length * width > size - start:
                self._fail(
                    start - 4,
                    paths(index),
                    f"a vector of {length} elements of {width} bytes, but only {size - start} "
                    "bytes are left",
                )
            found.append((start, length))
        return found

    def _strings(self, places: Sequence[int], paths: _Paths) -> list[str]:
        buffer, size = self._bytes, self.size
        texts = []
        for index, (start, length) in enumerate(self._lengths(places, paths, 1)):
            end = start + length
            if end >= size or buffer[end]:
                self._fail(end, paths(index), f"the string of {length} bytes does not end in a NUL")
            texts.append(str(buffer[start:end], "utf-8", "surrogateescape"))
        self._spend(sum(map(len, texts)), places[0], paths, 0)
        return texts

    def _vectors(self, field: Field) -> _Read:
        """Return what reads a field that is a vector."""
        type_ = field.type
        if field.kind == "table":

            def tables(places: Sequence[int], paths: _Paths) -> list[tuple[TableValues, ...]]:
                found = []
                for index, (start, length) in enumerate(self._lengths(places, paths, 4)):
                    self._spend(length, start, paths, index)
                    path = paths(index)

                    def elements(i: int, path: str = path) -> str:
                        return f"{path}[{i}]"

                    targets = self._follow(range(start, start + 4 * length, 4), elements)
                    found.append(tuple(self._read(type_, targets, elements)))
                return found

            return tables
        assert field.stored is not None, f"{field.name}: no vectors of {field.kind}s in the format"
        dtype = DTYPES[field.stored]

        def arrays(places: Sequence[int], paths: _Paths) -> list[NDArray[Any]]:
            return self._arrays(dtype, places, paths)

        if field.kind == "enum":
            names = self._schema.enums[type_].names
            return lambda places, paths: [
                tuple(names.get(n, n) for n in array.tolist()) for array in arrays(places, paths)
            ]
        return arrays

    def _arrays(
        self, dtype: np.dtype[Any], places: Sequence[int], paths: _Paths
    ) -> list[NDArray[Any]]:
        """View vectors of scalars; they are copied where they lie askew."""
        width, found = dtype.itemsize, []
        aligned = self._start % width == 0
        whole = np.frombuffer(self._bytes, dtype, self.size // width)
        elements = 0
        for start, length in self._lengths(places, paths, width):
            elements += length
            if aligned and start % width == 0:
                first = start // width
                found.append(whole[first : first + length])
            else:
                array = np.frombuffer(self._bytes, dtype, length, start).copy()
                array.flags.writeable = False
                found.append(array)
        if width > 1:
            self._spend(elements, places[0], paths, 0)
        return found

    def _union(self, field: Field, tag: int, offset: int) -> _Read:
        """Return what reads unions, of tables, by their number at `tag` and offset at `offset`."""
        tables = self._schema.unions[field.type].tables

        def read(
            places: Sequence[int], paths: _Paths
        ) -> list[tuple[str | int, TableValues | None] | None]:
            numbers = [self._bytes[at + tag] for at in places]
            found: list[Any] = [(tables.get(n, n), None) if n else None for n in numbers]
            for number in dict.fromkeys(numbers) if offset else ():
                if number in tables:
                    own = [i for i, n in enumerate(numbers) if n == number]
                    where = [places[i] + offset for i in own]

                    def members(i: int, own: list[int] = own) -> str:
                        return paths(own[i])

                    table = tables[number]
                    values = self._read(table, self._follow(where, members), members)
                    for i, value in zip(own, values, strict=True):
                        found[i] = table, value
            return found

        return read


def _nowhere(index: int) -> str:
    """The path of the root table."""
    return ""
