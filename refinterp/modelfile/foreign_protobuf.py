"""Models stored as protocol buffers: ONNX, TensorFlow, Core ML, told apart by their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refinterp.modelfile.foreign_kind import FROM_ONNX, FROM_TENSORFLOW, Kind

_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}  # wire type → bytes
_CORE_ML: Final = range(200, 3100)  # field numbers of the kinds of Core ML models
_MOST: Final = 100_000  # fields looked at

Field = tuple[int, int, int, int]
"""Number, wire type, and where its value begins and ends, or for a varint the value and 0."""


def protobuf(data: memoryview) -> Kind | None:
    """Say which kind of model a protocol buffer is, None when it is none that is known."""
    try:
        fields = list(_fields(data, 0, data.nbytes))
    except ValueError:
        return _cut_off(data)
    kinds: dict[int, int] = {number: wire for number, wire, *_ in fields}
    if not kinds:
        return None
    if kinds.get(1) == _VARINT and kinds.get(7) == _BYTES and set(kinds) <= {*range(1, 33)}:
        return Kind(f"an ONNX model{_made_by(data, fields)}", FROM_ONNX)
    if kinds.get(1) == _VARINT and any(number in _CORE_ML for number in kinds):
        return Kind("a Core ML model (.mlmodel)", "start from the model it was converted from")
    if kinds == {1: _VARINT, 2: _BYTES} and _first(fields, 1)[2] == 1:
        return Kind(
            "the graph of a TensorFlow SavedModel (saved_model.pb)",
            FROM_TENSORFLOW.replace("'FILE'", "the folder it lies in")
            + "; its weights are in variables/ beside it",
        )
    if kinds.get(1) == _BYTES and set(kinds) <= {1, 2, 3, 4} and _is_node(data, fields):
        return Kind(
            "a TensorFlow graph (GraphDef, .pb)",
            "convert it with TensorFlow: tf.compat.v1.lite.TFLiteConverter.from_frozen_graph("
            "'FILE', input_arrays, output_arrays)",
        )
    return None


def _cut_off(data: memoryview) -> Kind | None:
    """An ONNX or SavedModel file whose end is missing."""
    head = bytes(data[:512])
    if len(head) > 8 and head[0] == 0x08 and head[1] < 32 and head[2] == 0x12:
        name = head[4 : 4 + head[3]] if head[3] < 64 else b""
        if name.isascii() and name[:1].isalpha():
            return Kind("an ONNX model that is cut off", "fetch it again; then c" + FROM_ONNX[1:])
    return None


def _first(fields: list[Field], number: int) -> Field:
    return next(field for field in fields if field[0] == number)


def _made_by(data: memoryview, fields: list[Field]) -> str:
    made = [
        bytes(data[start:end]).decode("utf-8", "replace")
        for number, wire, start, end in fields
        if number in (2, 3) and wire == _BYTES and end - start < 80
    ]
    return f" (made by {' '.join(made)})" if any(made) else ""


def _is_node(data: memoryview, fields: list[Field]) -> bool:
    """Whether the first element is a NodeDef: a name, then an operator."""
    _, _, start, end = _first(fields, 1)
    try:
        inner = list(_fields(data, start, end))
    except ValueError:
        return False
    names = [
        bytes(data[s:e]) for number, wire, s, e in inner if number in (1, 2) and wire == _BYTES
    ]
    return len(names) == 2 and all(name.isascii() and name.strip() for name in names)


def _fields(data: memoryview, at: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message; ValueError when the bytes are none."""
    count = 0
    while at < end:
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        count += 1
        if not 0 < number < 1 << 29 or count > _MOST:
            raise ValueError
        if wire == _VARINT:
            value, at = _varint(data, at, end)
            yield number, wire, value, 0
        elif wire == _BYTES:
            length, at = _varint(data, at, end)
            if length > end - at:
                raise ValueError
            yield number, wire, at, at + length
            at += length
        elif wire in _FIXED and at + _FIXED[wire] <= end:
            yield number, wire, at, at + _FIXED[wire]
            at += _FIXED[wire]
        else:
            raise ValueError


def _varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
    raise ValueError
