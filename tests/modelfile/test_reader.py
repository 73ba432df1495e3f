"""Reading: where a model may come from, what stays in the file, and what counts as well-formed."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.errors import ModelError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Buffer, Model, Operator, OperatorCode, Subgraph, Tensor
from refinterp.modelfile import carray
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from tests.corpus import corpus
from tests.modelfile.oracle import differences
from tests.modelfile.samples import dense, everything

FILE = write_model(dense())


def same(model: Model) -> bool:
    return not list(differences(read_model(FILE), model))


# Sources


def test_path_bytes_and_memoryview_give_the_same_model(tmp_path: Path) -> None:
    """A str, a PathLike, bytes, a bytearray and a memoryview of one file."""
    path = tmp_path / "model.tflite"
    path.write_bytes(FILE)
    for source in (str(path), path, FILE, bytearray(FILE), memoryview(FILE)):
        assert same(read_model(source))
    assert read_model(path).source == str(path)
    assert read_model(FILE).source is None


def test_missing_path_is_the_callers_mistake(tmp_path: Path) -> None:
    """A path that is not there, or is a folder, is a UsageError that names it."""
    with pytest.raises(UsageError, match=r"cannot read the model '.*absent\.tflite': No such file"):
        read_model(tmp_path / "absent.tflite")
    with pytest.raises(UsageError, match=f"^{tmp_path}: this is a folder"):
        read_model(tmp_path)


def test_empty_file_is_a_model_error(tmp_path: Path) -> None:
    """An empty file cannot be mapped, and is refused like any other short one."""
    path = tmp_path / "empty.tflite"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="this is an empty file"):
        read_model(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_read(tmp_path: Path) -> None:
    """A path that cannot be mapped is read instead."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(FILE,))
    writer.start()
    assert same(read_model(path))
    writer.join()


# C arrays


def c_array(data: bytes, name: str, spelling: str = "0x{:02x}", comment: str = "") -> str:
    rows = [
        ", ".join(spelling.format(byte) for byte in data[i : i + 12]) + f", {comment}"
        for i in range(0, len(data), 12)
    ]
    body = "\n  ".join(rows)
    return f"alignas(16) const unsigned char {name}[] = {{\n  {body}\n}};\n"


@pytest.mark.parametrize("suffix", [".cc", ".c", ".h", ".cpp", ".H"])
@pytest.mark.parametrize("spelling", ["0x{:02x}", "0X{:02X}", "{}", "0x{:x}u", "0{:o}"])
def test_c_arrays_are_models(tmp_path: Path, suffix: str, spelling: str) -> None:
    """Hexadecimal, decimal and octal bytes, whatever the file is called."""
    path = tmp_path / f"model{suffix}"
    text = c_array(FILE, "g_model", spelling)
    path.write_text(f'#include "model.h"\n{text}const int g_model_len = {len(FILE)};\n')
    assert same(read_model(path))


def test_signed_bytes_are_bytes(tmp_path: Path) -> None:
    """An array of signed char counts from -128."""
    path = tmp_path / "model.h"
    numbers = np.frombuffer(FILE, np.int8).tolist()
    path.write_text("signed char m[] = {" + ",".join(map(str, numbers)) + "};")
    assert same(read_model(path))


def test_the_array_that_holds_a_model_is_found(tmp_path: Path) -> None:
    """Other arrays, comments and strings with braces do not mislead."""
    path = tmp_path / "model.cc"
    path.write_text(
        "/* { 0x00, 0x01 } */ // { 1, 2 }\n"
        'const char* k = "{ 0x1c, \\" }";\n'
        "enum Kind { kA, kB };\n"
        "const int kTable[] = { 1, 2, 3 };\n"
        "const float kScales[] = { 0.5f };\n"
        + c_array(b"\0" * 24, "g_input")
        + "namespace m {\n"
        + c_array(FILE, "g_model", comment="// 12 bytes }")
        + "}\n"
    )
    assert same(read_model(path))


def test_source_without_a_model_says_what_it_holds(tmp_path: Path) -> None:
    """C source without a model array is a ModelError that shows how its arrays start."""
    path = tmp_path / "data.cc"
    path.write_text(c_array(b"RIFF\x24\0\0\0WAVE", "g_sound"))
    with pytest.raises(ModelError, match=r"none of its 1 array.* holds .*b'RIFF\$"):
        read_model(path)
    path.write_text("int main() { return 0; }\n")
    with pytest.raises(ModelError, match="it holds no array of integers"):
        read_model(path)


@given(st.text('{}0x19,-uL/*"\\\n ', max_size=60) | st.binary(max_size=60).map(str))
def test_any_source_is_read_or_refused(text: str) -> None:
    """Arbitrary C-like text raises nothing but ModelError."""
    with pytest.raises(ModelError, match=r"^source code: "):
        carray.models(text.encode())


def test_number_without_end_is_no_byte() -> None:
    """Python refuses to convert very long numbers; they make no array of integers."""
    with pytest.raises(ModelError, match="it holds no array of integers"):
        carray.models(b"int a[] = {" + b"1" * 10_000 + b"};")


# What stays in the file


def test_constants_are_read_only_views_of_the_file() -> None:
    """Weights are not copied, and cannot be written to."""
    data = np.frombuffer(FILE, np.uint8)
    model = read_model(FILE)
    weights = model.buffers[1].data
    assert weights.size == 12
    assert np.shares_memory(weights, data)
    assert not weights.flags.writeable
    quantization = model.subgraphs[0].tensors[1].quantization
    assert quantization is not None
    assert np.shares_memory(quantization.scale, data)
    assert not quantization.scale.flags.writeable


def test_a_writable_source_gives_read_only_views() -> None:
    """The caller's bytearray stays the caller's to write."""
    source = bytearray(FILE)
    assert not read_model(source).buffers[1].data.flags.writeable
    source[-1] ^= 1


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files are not made this way")
def test_large_file_opens_without_touching_its_weights(tmp_path: Path) -> None:
    """200 MB of weights behind the flatbuffer are mapped, neither read nor copied."""
    size = 200_000_000
    path = tmp_path / "large.tflite"
    weights = np.zeros(size, np.uint8)
    tensor = Tensor("w", (size,), "int8", buffer=1)
    model = Model((Subgraph((tensor,), (), (0,), ()),), (), (Buffer(), Buffer(weights[:16], True)))
    small = bytearray(write_model(model))
    at = small.rindex((16).to_bytes(8, "little"))
    small[at : at + 8] = size.to_bytes(8, "little")  # the buffer's size, before the data exists
    path.write_bytes(small[:-16])
    os.truncate(path, len(small) - 16 + size)
    tracemalloc.start()
    start = time.perf_counter()
    read = read_model(path)
    elapsed = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert elapsed < 0.5
    assert read.buffers[1].data.size == size
    values = constant(read, read.subgraphs[0].tensors[0])
    assert values is not None
    assert values.shape == (size,)
    assert values[-1] == 0


def test_time_grows_with_the_tables_alone() -> None:
    """Ten times the tensors take about ten times as long, not a hundred times."""

    def seconds(count: int) -> float:
        g = GraphBuilder()
        for i in range(count):
            g.tensor(f"t{i}", (1, 2, 3), "int8", scale=0.5)
        file = write_model(g.build())
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            read_model(file)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(10_000) < 40 * seconds(1_000)


# What counts as well-formed


def test_absurd_numbers_are_represented() -> None:
    """Negative sizes, indices out of range, NaN scales and unknown enumerations are read."""
    g = GraphBuilder()
    x = g.tensor("x", (-7, 2**31 - 1), "int8", scale=[np.nan, -1.0], quantized_dimension=-5)
    g.operator("CONV_2D", [99, x, -4], [12345], {"padding": 77})
    model = g.build([-1])
    operator = dataclasses.replace(model.subgraphs[0].operators[0], opcode_index=9, code=None)
    graph = dataclasses.replace(model.subgraphs[0], operators=(operator,))
    codes = (OperatorCode(999999, -3, None, 0),)
    model = dataclasses.replace(model, subgraphs=(graph,), operator_codes=codes, version=17)
    read = read_model(write_model(model))
    assert list(differences(model, read)) == []
    assert read.subgraphs[0].operators[0].options["padding"] == 77
    assert read.operator_codes[0].builtin == 999999
    assert read.subgraphs[0].operators[0].name == "UNKNOWN(9)"


@pytest.mark.parametrize(
    ("builtin", "deprecated", "expected"),
    [(0, 9, "FULLY_CONNECTED"), (9, 0, "FULLY_CONNECTED"), (128, 127, "CUMSUM"), (3, 9, None)],
)
def test_builtin_code_is_the_larger_field(
    builtin: int, deprecated: int, expected: str | None
) -> None:
    """max(builtin_code, deprecated_builtin_code), as every runtime has it."""
    model = Model((), (OperatorCode(builtin, 1, None, deprecated),), ())
    (code,) = read_model(write_model(model)).operator_codes
    assert code.builtin == (expected or "FULLY_CONNECTED")
    assert code.deprecated == deprecated


def test_text_that_is_not_utf8_keeps_its_bytes() -> None:
    """Names with arbitrary bytes come back as they were."""
    name = b"a\xff\xfe\x80z".decode("utf-8", "surrogateescape")
    g = GraphBuilder(name)
    g.tensor(name, (1,))
    model = read_model(write_model(g.build(description="caf\u00e9 \U0001f600")))
    assert model.subgraphs[0].name == name
    assert model.subgraphs[0].tensors[0].name == name
    assert model.description == "caf\u00e9 \U0001f600"


def test_a_model_of_nothing_is_well_formed() -> None:
    """A root table without fields is read as an empty model."""
    file = b"\x10\0\0\0TFL3\x04\0\x04\0\0\0\0\0" + b"\x08\0\0\0"
    model = read_model(file)
    assert (model.subgraphs, model.buffers, model.operator_codes) == ((), (), ())
    assert model.version == 0


def test_options_of_the_sample_are_complete() -> None:
    """Fields a file leaves out have the format's defaults, vectors are tuples."""
    operators = read_model(write_model(everything())).subgraphs[0].operators
    loop, reshape, mine = operators
    assert dict(loop.options) == {"cond_subgraph_index": 2, "body_subgraph_index": 1}
    assert dict(reshape.options) == {"new_shape": (4,)}
    assert mine.name == "Mine"
    assert mine.custom_options.tobytes() == b"\x01\x02\x03"
    assert mine.mutating_variable_inputs == (False, False, True, False)
    fully = read_model(FILE).subgraphs[0].operators[0]
    assert fully.options["keep_num_dims"] is True
    assert fully.options["fused_activation_function"] == "NONE"
    assert fully.options["quantized_bias_type"] == "float32"


def test_misaligned_vectors_are_read() -> None:
    """A file whose flatbuffer was packed without alignment is read all the same."""
    padded = b"\x07" + FILE  # shifting the bytes in memory misaligns every vector
    assert same(read_model(memoryview(padded)[1:]))


def test_person_detect_loads() -> None:
    """LiteRT refuses TFLM's own person_detect; it is well-formed, so it is read."""
    model = read_model(corpus() / "models" / "person_detect.tflite")
    assert len(model.subgraphs[0].operators) == 31
    wrong = [
        index
        for index, tensor in enumerate(model.subgraphs[0].tensors)
        if tensor.quantization and tensor.quantization.quantized_dimension >= len(tensor.shape)
    ]
    assert (len(wrong), wrong[0]) == (14, 33)


def test_operators_share_their_code() -> None:
    """An operator's code is the entry of the model's list, not a copy."""
    model = read_model(FILE)
    for operator in model.subgraphs[0].operators:
        assert operator.code is model.operator_codes[operator.opcode_index]
    assert isinstance(model.subgraphs[0].operators[0], Operator)
