"""Files that lie about their own bytes: each lie is named by byte and path, none does worse."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.errors import ModelError
from refinterp.graph.check import check
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from tests.modelfile.oracle import differences
from tests.modelfile.samples import dense, everything

FILES = [write_model(dense()), write_model(everything())]


def u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


class Place:
    """Walks a valid file by hand: where a table, its vtable and its fields lie."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]

    def slot(self, slot: int) -> int:
        """Where the vtable says where the field lies."""
        return self.vtable + 4 + 2 * slot

    def field(self, slot: int) -> int:
        """Where the field's value lies."""
        return self.at + int(struct.unpack_from("<H", self.data, self.slot(slot))[0])

    def target(self, slot: int) -> int:
        """Where the field's offset leads."""
        return self.field(slot) + u32(self.data, self.field(slot))

    def element(self, slot: int, index: int) -> Place:
        """A table in a vector of tables."""
        at = self.target(slot) + 4 + 4 * index
        return Place(self.data, at + u32(self.data, at))


DENSE = FILES[0]
ROOT = Place(DENSE, u32(DENSE, 0))
GRAPH = ROOT.element(2, 0)
TENSOR = GRAPH.element(0, 1)
OPERATOR = GRAPH.element(3, 0)
CODE = ROOT.element(1, 0)


def patched(at: int, format_: str, value: int) -> bytes:
    data = bytearray(DENSE)
    struct.pack_into("<" + format_, data, at, value)
    return bytes(data)


def test_places_are_those_of_the_file() -> None:
    """The walk by hand finds what the reader finds."""
    model = read_model(DENSE)
    assert u32(DENSE, OPERATOR.target(1)) == len(model.subgraphs[0].operators[0].inputs)
    name = TENSOR.target(3)
    assert DENSE[name + 4 : name + 4 + u32(DENSE, name)] == b"w"


LIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "root beyond the end": (
        lambda: patched(0, "I", 10**6),
        r"byte 0: model: the offset 1000000 leads to byte 1000000, but it may only lead to 1\.\.",
    ),
    "root at itself": (lambda: patched(0, "I", 0), "byte 0: model: the offset 0 leads to byte 0"),
    "vtable before the file": (
        lambda: patched(GRAPH.at, "i", 10**6),
        rf"byte {GRAPH.at}: subgraphs\[0\]: the vtable is said to be at byte -",
    ),
    "vtable behind the file": (
        lambda: patched(GRAPH.at, "i", -(10**6)),
        rf"byte {GRAPH.at}: subgraphs\[0\]: the vtable is said to be at byte 1",
    ),
    "vtable of odd length": (
        lambda: patched(OPERATOR.vtable, "H", 7),
        rf"byte {OPERATOR.vtable}: subgraphs\[0\]\.operators\[0\]: a vtable of 7 bytes: it must",
    ),
    "vtable longer than the file": (
        lambda: patched(OPERATOR.vtable, "H", 60000),
        rf"byte {OPERATOR.vtable}: subgraphs\[0\]\.operators\[0\]: a vtable of 60000 bytes",
    ),
    "table of no bytes": (
        lambda: patched(OPERATOR.vtable + 2, "H", 2),
        rf"byte {OPERATOR.vtable + 2}: subgraphs\[0\]\.operators\[0\]: a table of 2 bytes: 4",
    ),
    "table longer than the file": (
        lambda: patched(OPERATOR.vtable + 2, "H", 65535),
        rf"byte {OPERATOR.at}: subgraphs\[0\]\.operators\[0\]: a table of 65535 bytes, but only",
    ),
    "field outside its table": (
        lambda: patched(OPERATOR.slot(1), "H", 900),
        rf"byte {OPERATOR.slot(1)}: subgraphs\[0\]\.operators\[0\]\.inputs: the vtable puts its 4 "
        r"bytes at 900, but the table's fields lie in 4\.\.",
    ),
    "field on the vtable's offset": (
        lambda: patched(OPERATOR.slot(1), "H", 2),
        rf"byte {OPERATOR.slot(1)}: subgraphs\[0\]\.operators\[0\]\.inputs: the vtable puts",
    ),
    "vector beyond the end": (
        lambda: patched(OPERATOR.field(1), "I", 2**31),
        rf"byte {OPERATOR.field(1)}: subgraphs\[0\]\.operators\[0\]\.inputs: the offset 2147483648",
    ),
    "vector at itself": (
        lambda: patched(OPERATOR.field(1), "I", 0),
        rf"byte {OPERATOR.field(1)}: subgraphs\[0\]\.operators\[0\]\.inputs: the offset 0 leads",
    ),
    "vector too long": (
        lambda: patched(OPERATOR.target(1), "I", 2**32 - 1),
        rf"byte {OPERATOR.target(1)}: subgraphs\[0\]\.operators\[0\]\.inputs: a vector of "
        "4294967295 elements of 4 bytes, but only ",
    ),
    "vector of tables too long": (
        lambda: patched(GRAPH.target(0), "I", 2**30),
        rf"byte {GRAPH.target(0)}: subgraphs\[0\]\.tensors: a vector of 1073741824 elements of 4",
    ),
    "table of a vector beyond the end": (
        lambda: patched(GRAPH.target(0) + 8, "I", 10**6),
        rf"byte {GRAPH.target(0) + 8}: subgraphs\[0\]\.tensors\[1\]: the offset 1000000 leads",
    ),
    "string too long": (
        lambda: patched(TENSOR.target(3), "I", 10**6),
        rf"byte {TENSOR.target(3)}: subgraphs\[0\]\.tensors\[1\]\.name: a vector of 1000000 ",
    ),
    "string without an end": (
        lambda: patched(TENSOR.target(3) + 5, "B", 65),
        rf"byte {TENSOR.target(3) + 5}: subgraphs\[0\]\.tensors\[1\]\.name: the string of 1 bytes "
        "does not end in a NUL",
    ),
    "child table beyond the end": (
        lambda: patched(TENSOR.field(4), "I", 10**6),
        rf"byte {TENSOR.field(4)}: subgraphs\[0\]\.tensors\[1\]\.quantization: the offset 1000000",
    ),
    "union's table beyond the end": (
        lambda: patched(OPERATOR.field(4), "I", 10**6),
        rf"byte {OPERATOR.field(4)}: subgraphs\[0\]\.operators\[0\]\.builtin_options: the offset",
    ),
    "union's number outside the table": (
        lambda: patched(OPERATOR.slot(3), "H", 700),
        rf"byte {OPERATOR.slot(3)}: subgraphs\[0\]\.operators\[0\]\.builtin_options: the vtable "
        "puts its 1 bytes at 700",
    ),
    "union's offset outside the table": (
        lambda: patched(OPERATOR.slot(4), "H", 700),
        rf"byte {OPERATOR.slot(4)}: subgraphs\[0\]\.operators\[0\]\.builtin_options: the vtable "
        "puts its 4 bytes at 700",
    ),
    "scalar outside its table": (
        lambda: patched(CODE.slot(2), "H", 800),
        rf"byte {CODE.slot(2)}: operator_codes\[0\]\.version: the vtable puts its 4 bytes at 800",
    ),
    "no identifier": (
        lambda: patched(4, "I", 0x31323334),
        "byte 4: model: a .tflite file has the identifier b'TFL3' here, but found b'4321'",
    ),
    "no bytes": (lambda: b"", "this is an empty file"),
    "few bytes": (lambda: DENSE[:6], "byte 4: model: .* but the file ends after 6 bytes"),
    "identifier alone": (lambda: DENSE[:8], "byte 0: model: the offset"),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_is_named_by_byte_and_path(lie: str) -> None:
    """The message begins with the byte offset and the path, then says found and allowed."""
    make, message = LIES[lie]
    with pytest.raises(ModelError, match="^" + message):
        read_model(make())


def built(table: Callable[[Any], int]) -> bytes:
    """A file of one flatbuffers builder call, under the format's identifier."""
    flatbuffers = pytest.importorskip("flatbuffers")
    builder = flatbuffers.Builder(64)
    builder.Finish(table(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("size", [1, 10**15])
def test_appended_bytes_beyond_the_file_are_named(size: int) -> None:
    """Buffer.offset and size must lie inside the file."""

    def model(b: Any) -> int:
        b.StartObject(3)
        b.PrependUint64Slot(1, 4096, 0)
        b.PrependUint64Slot(2, size, 0)
        buffer = b.EndObject()
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(buffer)
        buffers = b.EndVector()
        b.StartObject(10)
        b.PrependUOffsetTRelativeSlot(4, buffers, 0)
        return int(b.EndObject())

    message = rf"^byte 4096: buffers\[0\]\.offset: {size} bytes are said to lie here, but the file"
    with pytest.raises(ModelError, match=message):
        read_model(built(model))


def test_appended_custom_options_beyond_the_file_are_named() -> None:
    """large_custom_options_offset and size must lie inside the file."""

    def one(b: Any, fields: int, slot: int, child: int) -> int:
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(child)
        vector = b.EndVector()
        b.StartObject(fields)
        b.PrependUOffsetTRelativeSlot(slot, vector, 0)
        return int(b.EndObject())

    def model(b: Any) -> int:
        b.StartObject(14)
        b.PrependUint64Slot(9, 4096, 0)
        b.PrependUint64Slot(10, 8, 0)
        return one(b, 10, 2, one(b, 6, 3, int(b.EndObject())))

    message = (
        r"^byte 4096: subgraphs\[0\]\.operators\[0\]\.large_custom_options_offset: 8 bytes are said"
    )
    with pytest.raises(ModelError, match=message):
        read_model(built(model))


def test_overlapping_vectors_do_not_multiply() -> None:
    """Tables that share their bytes cost what the file is large, not what they add up to."""
    count = 20_000

    def model(b: Any) -> int:
        b.StartVector(4, count, 4)
        for _ in range(count):
            b.PrependInt32(1)
        shape = b.EndVector()
        tensors = []
        for _ in range(count):
            b.StartObject(11)
            b.PrependUOffsetTRelativeSlot(0, shape, 0)
            tensors.append(b.EndObject())
        b.StartVector(4, count, 4)
        for tensor in tensors:
            b.PrependUOffsetTRelative(tensor)
        tensor_vector = b.EndVector()
        b.StartObject(6)
        b.PrependUOffsetTRelativeSlot(0, tensor_vector, 0)
        graph = b.EndObject()
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(graph)
        graphs = b.EndVector()
        b.StartObject(10)
        b.PrependUOffsetTRelativeSlot(2, graphs, 0)
        return int(b.EndObject())

    with pytest.raises(ModelError, match=r"^byte \d+: subgraphs\[0\]\.tensors\[\d+\].*overlap"):
        read_model(built(model))


def read_or_refuse(data: bytes) -> None:
    """Read what is well-formed, refuse the rest; what is read can be checked and written."""
    refusal = ""
    try:
        model = read_model(data)
    except ModelError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(("byte ", "this is "))
        return
    check(model)
    assert list(differences(model, read_model(write_model(model)))) == []


@given(st.sampled_from(FILES), st.data())
def test_any_damage_is_read_or_refused(file: bytes, data: st.DataObject) -> None:
    """Bytes and words overwritten anywhere, then cut: a model or a ModelError, nothing else."""
    damaged = bytearray(file)
    for _ in range(data.draw(st.integers(1, 4))):
        width = data.draw(st.sampled_from([1, 2, 4]))
        at = data.draw(st.integers(0, len(file) - width))
        edges = st.sampled_from([0, 1, 2, 4, 127, 255, 2**15, 2**16 - 1, 2**31, 2**32 - 1])
        value = data.draw(edges | st.integers(0, 2**32 - 1))
        damaged[at : at + width] = (value % 256**width).to_bytes(width, "little")
    end = data.draw(st.just(len(file)) | st.integers(0, len(file)))
    read_or_refuse(bytes(damaged[:end]))


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_identifier_are_read_or_refused(tail: bytes) -> None:
    """A file that is a root offset, the identifier and noise."""
    read_or_refuse(b"\x08\0\0\0TFL3" + tail)


@pytest.mark.parametrize("index", range(len(FILES)))
def test_every_truncation_is_refused(index: int) -> None:
    """A valid file cut anywhere but in its last padding is refused, never half read."""
    file = FILES[index]
    read = 0
    for end in range(0, len(file), 3):
        try:
            read_model(file[:end])
            read += 1
        except ModelError:
            pass
    assert read <= 6


@pytest.mark.parametrize("index", range(len(FILES)))
def test_every_byte_may_be_flipped(index: int) -> None:
    """Each single byte inverted, all zeros or all ones."""
    file = FILES[index]
    for at in range(len(file)):
        for value in {file[at] ^ 255, 0, 255}:
            damaged = bytearray(file)
            damaged[at] = value
            read_or_refuse(bytes(damaged))
