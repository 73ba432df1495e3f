"""The layout file against the classes that flatc generated from LiteRT's own schema."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from refinterp.errors import UsageError
from refinterp.graph.layout import SCALAR_BYTES, Field, layout, parse, schema_path

generated = pytest.importorskip("ai_edge_litert.schema_py_generated")

SLOT_METHODS = {
    "PrependBoolSlot": "bool",
    "PrependInt8Slot": "byte",
    "PrependUint8Slot": "ubyte",
    "PrependInt16Slot": "short",
    "PrependUint16Slot": "ushort",
    "PrependInt32Slot": "int",
    "PrependUint32Slot": "uint",
    "PrependInt64Slot": "long",
    "PrependUint64Slot": "ulong",
    "PrependFloat32Slot": "float",
    "PrependFloat64Slot": "double",
    "PrependUOffsetTRelativeSlot": "offset",
}


class Recorder:
    """Stands for a flatbuffers builder and keeps the one call made to it."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> None:
            self.call = (name, *arguments)

        return call


def record(function: str, argument: int | None = None) -> tuple[Any, ...]:
    """Return the builder call that a generated function makes."""
    recorder = Recorder()
    arguments = [] if argument is None else [argument]
    getattr(generated, function)(recorder, *arguments)
    return recorder.call


def camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def members(cls: type) -> dict[str, int]:
    return {k: v for k, v in vars(cls).items() if isinstance(v, int) and not k.startswith("_")}


def generated_classes() -> dict[str, type]:
    classes = dict(inspect.getmembers(generated, inspect.isclass))
    return {name: cls for name, cls in classes.items() if cls.__module__ == generated.__name__}


def test_every_enumeration_and_union_has_the_generated_members() -> None:
    """Names and numbers agree, and neither side has an enumeration the other lacks."""
    classes = generated_classes()
    theirs = {name: members(cls) for name, cls in classes.items() if members(cls)}
    ours: dict[str, dict[str, int]] = {}
    for name, enum in layout().enums.items():
        upper = name == "TensorType"
        ours[name] = {(k.upper() if upper else k): v for k, v in enum.values.items()}
    for name, union in layout().unions.items():
        ours[name] = {"NONE": 0, **union.numbers}
    assert ours == theirs


def test_every_table_is_the_generated_one() -> None:
    """Neither side has a table the other lacks."""
    theirs = {name for name, cls in generated_classes().items() if hasattr(cls, "GetRootAs")}
    assert set(layout().tables) == theirs


@pytest.mark.parametrize("name", sorted(layout().tables))
def test_every_field_has_the_generated_slot_type_and_default(name: str) -> None:
    """Slots, stored types, defaults and element sizes agree for each table."""
    table = layout().tables[name]
    kept = [field for field in table.fields if not field.deprecated]
    pattern = re.compile(rf"{name}Add([A-Z]\w*)")
    theirs = {m.group(1) for m in map(pattern.fullmatch, dir(generated)) if m}
    ours = {camel(f.name) for f in kept} | {
        camel(f.name) + "Type" for f in kept if f.kind == "union"
    }
    assert ours == theirs
    last = table.fields[-1].slot + 1 if table.fields else 0
    assert record(f"{name}Start") == ("StartObject", last)
    for field in kept:
        compare_field(name, field)


def compare_field(table: str, field: Field) -> None:
    method, slot, _, default = record(f"{table}Add{camel(field.name)}", 77)
    assert slot == field.slot
    if field.vector:
        width = SCALAR_BYTES[field.stored] if field.stored else 4
        assert SLOT_METHODS[method] == "offset"
        start = record(f"{table}Start{camel(field.name)}Vector", 3)
        assert start == ("StartVector", width, 3, width)  # flatc's Python knows no force_align
    elif field.kind == "scalar" or field.kind == "enum":
        assert SLOT_METHODS[method] == field.stored
        ours = field.default
        if field.kind == "enum":
            ours = layout().enums[field.type].values[ours]
        assert ours == default
    else:
        assert SLOT_METHODS[method] == "offset"
        if field.kind == "union":
            number = record(f"{table}Add{camel(field.name)}Type", 77)
            assert number == ("PrependUint8Slot", field.slot - 1, 77, 0)


def test_options_of_every_operator_are_tables_of_one_union() -> None:
    """Each table in the two unions of options belongs to an operator, and the other way round."""
    unions = layout().unions
    tables = set(unions["BuiltinOptions"].numbers) | set(unions["BuiltinOptions2"].numbers)
    assert set(layout().options.values()) == tables
    assert set(layout().options) <= set(layout().enums["BuiltinOperator"].values)


def test_references_name_lists_of_the_model() -> None:
    """What a field is said to be an index into exists."""
    lists = {f.name for f in layout().tables["Model"].fields} | {"tensors"}
    refers = {f.refers for t in layout().tables.values() for f in t.fields if f.refers}
    assert refers <= lists
    assert {"tensors", "buffers", "subgraphs", "operator_codes"} <= refers


def test_import_reads_nothing() -> None:
    """`import refinterp` neither parses the layout nor loads flatbuffers."""
    code = (
        "import sys, refinterp\n"
        "assert 'flatbuffers' not in sys.modules\n"
        "from refinterp.graph.layout import layout\n"
        "assert layout.cache_info().currsize == 0\n"
        "layout(); layout()\n"
        "assert layout.cache_info().misses == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_type_is_named() -> None:
    """A field of an undefined type is refused with its name."""
    with pytest.raises(UsageError, match="'width' is of type 'integer'"):
        parse("identifier TFL3\nroot A\ntable A\n  0 width integer\n")


def test_unknown_block_is_named() -> None:
    """A heading that is none is refused."""
    with pytest.raises(UsageError, match="struct A"):
        parse("struct A\n")


def test_missing_file_is_said() -> None:
    """A schema file that was not installed is an error that names the folder."""
    with pytest.raises(FileNotFoundError, match=r"schema/absent\.layout"):
        schema_path("absent.layout")
