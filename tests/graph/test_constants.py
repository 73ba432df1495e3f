"""Constants as arrays: packing, unpacking, sizes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant, has_constant, pack, unpack
from refinterp.graph.model import Buffer

PACKED = {"int4": (4, -8), "uint4": (4, 0), "int2": (2, -2)}


@given(st.sampled_from(sorted(PACKED)), st.data())
def test_unpack_undoes_pack(dtype: str, data: st.DataObject) -> None:
    """Any codes of a narrow type, in any number, survive; the last byte is padded with zeros."""
    bits, low = PACKED[dtype]
    codes = data.draw(st.lists(st.integers(low, low + 2**bits - 1), max_size=9))
    values = np.array(codes, np.int8 if low else np.uint8)
    packed = pack(values, bits)
    assert packed.size == -(-len(codes) * bits // 8)
    assert unpack(packed, bits, len(codes), signed=bool(low)).tolist() == codes
    free = packed.size * 8 - len(codes) * bits
    assert not packed.size or int(packed[-1]) >> (8 - free) == 0


def test_lowest_bits_come_first() -> None:
    """The order of elements in a byte, by hand."""
    assert pack(np.array([1, -1, 7], np.int8), 4).tolist() == [0xF1, 0x07]
    assert pack(np.array([1, -2, 0, -1, 1], np.int8), 2).tolist() == [0b11001001, 0b01]


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32",
     "int64", "uint64", "bool", "complex64", "complex128"],
)  # fmt: skip
def test_constants_of_every_numpy_type(dtype: str) -> None:
    """A constant comes back with its type, shape and values, and cannot be written to."""
    value = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    g = GraphBuilder()
    g.constant("c", value)
    model = g.build()
    (tensor,) = model.subgraphs[0].tensors
    found = constant(model, tensor)
    assert tensor.dtype == dtype
    assert found is not None
    assert found.dtype == value.dtype
    assert np.array_equal(found, value)
    assert not found.flags.writeable


@pytest.mark.parametrize("dtype", sorted(PACKED))
def test_narrow_constants_are_packed_and_unpacked(dtype: str) -> None:
    """The limits of a narrow type, in an odd number of elements."""
    bits, low = PACKED[dtype]
    value = np.array([[low, low + 2**bits - 1, 0]])
    g = GraphBuilder()
    g.constant("c", value, dtype)
    model = g.build()
    (tensor,) = model.subgraphs[0].tensors
    assert model.buffers[tensor.buffer].data.size == -(-3 * bits // 8)
    found = constant(model, tensor)
    assert found is not None
    assert found.tolist() == value.tolist()


def test_wrong_size_is_named() -> None:
    """A buffer that does not hold the shape is a ModelError with both sizes."""
    g = GraphBuilder()
    g.constant("c", np.zeros((2, 3), np.int32))
    model = g.build()
    model = dataclasses.replace(model, buffers=(Buffer(), Buffer(np.zeros(23, np.uint8))))
    (tensor,) = model.subgraphs[0].tensors
    with pytest.raises(ModelError, match=r"'c'.*holds 23 bytes, but int32 of shape \[2, 3\].* 24"):
        constant(model, tensor)


@pytest.mark.parametrize("dtype", ["int8", "float32", "int4", "bool"])
def test_bytes_behind_a_constant_are_left_out(dtype: str) -> None:
    """A buffer longer than the shape takes gives the constant of its first bytes."""
    value = np.array([1, 0, 1])
    g = GraphBuilder()
    g.constant("c", value, dtype)
    model = g.build()
    (tensor,) = model.subgraphs[0].tensors
    raw = np.concatenate([model.buffers[tensor.buffer].data, np.full(7, 0xA5, np.uint8)])
    found = constant(dataclasses.replace(model, buffers=(Buffer(), Buffer(raw))), tensor)
    assert found is not None
    assert found.tolist() == value.tolist()


def test_tensors_without_a_constant() -> None:
    """Buffer 0, an empty buffer and an index out of range give no constant."""
    g = GraphBuilder()
    for buffer in (0, 7):
        g.tensor("t", (1,), buffer=buffer)
    model = g.build()
    for tensor in model.subgraphs[0].tensors:
        assert not has_constant(model, tensor)
        assert constant(model, tensor) is None


def test_strings_come_as_raw_bytes() -> None:
    """A type NumPy has no storage for keeps its bytes."""
    raw = np.frombuffer(b"\x01\0\0\0\x0c\0\0\0\x0e\0\0\0hi", np.uint8)
    g = GraphBuilder()
    g.constant("s", raw, "string", shape=(1,))
    model = g.build()
    (tensor,) = model.subgraphs[0].tensors
    assert tensor.shape == (1,)
    found = constant(model, tensor)
    assert found is not None
    assert found.tobytes() == raw.tobytes()
