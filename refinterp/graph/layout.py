"""The tables and enumerations of the .tflite format, read from `schema/tflite.layout`.

The file is read at the first call of `layout()`, never at import. It is the only statement of the
format in the project: reader, writer, builder and checks all work from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from refinterp.errors import UsageError

SCALAR_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "bool": 1, "byte": 1, "ubyte": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4,
        "long": 8, "ulong": 8, "float": 4, "double": 8,
    }
)  # fmt: skip
"""The scalar types of the format and their sizes in bytes."""

Kind = Literal["scalar", "enum", "string", "table", "union"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    slot: its id, the index into the vtable; a union's number lies at slot - 1, its table at slot.
    name: as the schema spells it.
    type: the scalar, enumeration, table or union it (or each element of a vector) is.
    kind: which of these.
    stored: the scalar a scalar or an enumeration is stored as, None for the other kinds.
    vector: whether there are several.
    default: the value of an absent field: a number, an enumeration's name, () for a vector, None
        for a string, a table and a vector of bytes.
    align: bytes that a vector's elements are aligned to, at least.
    deprecated: whether the schema says not to write it.
    refers: the list of the model that the value is an index into, or None.
    """

    slot: int
    name: str
    type: str
    kind: Kind
    stored: str | None
    vector: bool
    default: Any
    align: int = 1
    deprecated: bool = False
    refers: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its fields in the order of their ids."""

    name: str
    fields: tuple[Field, ...]
    deprecated: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Field:
        """Return the field of that name; raises KeyError."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration: names by value, values by name, and the scalar it is stored as."""

    name: str
    stored: str
    names: Mapping[int, str]
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Union:
    """A union: tables by the number they are stored under, and back; 0 is "none"."""

    name: str
    tables: Mapping[int, str]
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole format.

    options: the table of each operator's options, for the operators that have one.
    lowest_version: the operators whose versions do not start at 1.
    """

    identifier: str
    root: str
    tables: Mapping[str, Table]
    enums: Mapping[str, Enum]
    unions: Mapping[str, Union]
    options: Mapping[str, str]
    lowest_version: Mapping[str, int]


def schema_path(name: str) -> Path:
    """Return the path of a file of `schema/`: beside the package in a checkout, else inside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "schema", package.parent / "schema"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"schema/{name} is neither in {package} nor beside it: the installation is incomplete"
    )


@cache
def layout() -> Layout:
    """Return the format, read once."""
    return parse(schema_path("tflite.layout").read_text(encoding="utf-8"))


def parse(text: str) -> Layout:
    """Read a layout file. Raises UsageError, naming the line, when it cannot be understood."""
    settings: dict[str, str] = {}
    blocks = list(_blocks(text))
    enums: dict[str, Enum] = {}
    unions: dict[str, Union] = {}
    options: dict[str, str] = {}
    lowest_version: dict[str, int] = {}
    known_tables = {words[1] for words, _ in blocks if words[0] == "table"}
    for words, lines in blocks:
        if words[0] in ("identifier", "root"):
            settings[words[0]] = words[1]
        elif words[0] == "enum":
            names = {int(line[0]): line[1] for line in lines}
            values = MappingProxyType({name: value for value, name in names.items()})
            enums[words[1]] = Enum(words[1], words[2], MappingProxyType(names), values)
            for line in lines:
                rest = [word for word in line[2:] if word != "deprecated"]
                if rest and rest[0] != "version":
                    options[line[1]] = rest.pop(0)
                if rest:
                    lowest_version[line[1]] = int(rest[1])
        elif words[0] == "union":
            members = {int(line[0]): line[1] for line in lines}
            numbers = MappingProxyType({table: number for number, table in members.items()})
            unions[words[1]] = Union(words[1], MappingProxyType(members), numbers)
        elif words[0] != "table":
            raise UsageError(f"layout: a block starts with {' '.join(words)!r}; allowed: "
                             "identifier, root, table, enum, union")  # fmt: skip
    tables = {}
    for words, lines in blocks:
        if words[0] == "table":
            fields = tuple(_field(line, known_tables, enums, unions) for line in lines)
            defaults = {f.name: f.default for f in fields if not f.deprecated}
            deprecated = "deprecated" in words
            tables[words[1]] = Table(words[1], fields, deprecated, MappingProxyType(defaults))
    return Layout(
        settings["identifier"],
        settings["root"],
        MappingProxyType(tables),
        MappingProxyType(enums),
        MappingProxyType(unions),
        MappingProxyType(options),
        MappingProxyType(lowest_version),
    )


def _blocks(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield (words of the heading, words of each indented line below it)."""
    heading: list[str] = []
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if line[0] == " ":
            lines.append(words)
            continue
        if heading:
            yield heading, lines
        heading, lines = words, []
    if heading:
        yield heading, lines


def _field(
    words: list[str], tables: set[str], enums: Mapping[str, Enum], unions: Mapping[str, Union]
) -> Field:
    ids, name, spelt = words[:3]
    vector = spelt.startswith("[")
    type_ = spelt.strip("[]")
    settings = {}
    rest = words[3:]
    deprecated = "deprecated" in rest
    for key in ("=", "align", "->"):
        if key in rest:
            settings[key] = rest[rest.index(key) + 1]
    kind: Kind
    stored = None
    default: Any = () if vector and type_ != "ubyte" else None
    if type_ in SCALAR_BYTES:
        kind, stored = "scalar", type_
        if not vector:
            default = _number(settings.get("=", "0"), type_)
    elif type_ in enums:
        kind, stored = "enum", enums[type_].stored
        if not vector:
            default = settings.get("=", enums[type_].names[0])
    elif type_ == "string":
        kind = "string"
    elif type_ in unions:
        kind = "union"
    elif type_ in tables:
        kind = "table"
    else:
        raise UsageError(f"layout: field {name!r} is of type {type_!r}, which is not defined")
    return Field(
        slot=int(ids.split(",")[-1]),
        name=name,
        type=type_,
        kind=kind,
        stored=stored,
        vector=vector,
        default=default,
        align=int(settings.get("align", "1")),
        deprecated=deprecated,
        refers=settings.get("->"),
    )


def _number(text: str, type_: str) -> bool | int | float:
    if type_ == "bool":
        return text in ("true", "1")
    return float(text) if type_ in ("float", "double") else int(text)
