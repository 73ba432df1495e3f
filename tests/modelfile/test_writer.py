"""Writing models: the identity with the reader, the generated classes, and what runtimes run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given

from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.layout import layout
from refinterp.graph.model import NO_OPTIONS, Buffer, Model, Operator, OperatorCode, Subgraph
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model, write_model
from refinterp.runtimes import Ran, RuntimeCase, open_runtime, unavailable
from tests.corpus import corpus
from tests.modelfile.oracle import differences, disagreements, from_model, through_classes
from tests.modelfile.samples import dense
from tests.modelfile.strategies import models


@given(models())
def test_what_is_written_is_read_as_the_same_model(model: Model) -> None:
    """Write, read is the identity on any model, and the bytes are the same each time."""
    written = write_model(model)
    again = read_model(written)
    assert list(differences(model, again)) == []
    assert write_model(again) == written


@given(models())
def test_generated_classes_read_what_is_written(model: Model) -> None:
    """The classes generated from LiteRT's schema find every field of any model we write."""
    generated = pytest.importorskip("ai_edge_litert.schema_py_generated")
    theirs = through_classes(generated, write_model(model))
    assert list(disagreements(theirs, from_model(model))) == []


def test_the_strategy_reaches_every_options_table() -> None:
    """Each table of options, with its defaults alone, survives writing and reading."""
    for union in ("BuiltinOptions", "BuiltinOptions2"):
        for name in layout().unions[union].numbers:
            defaults = layout().tables[name].defaults
            second = union == "BuiltinOptions2"
            operator = Operator(
                0, None, (), (),
                options=NO_OPTIONS if second else defaults,
                options_type=None if second else name,
                options_2=defaults if second else NO_OPTIONS,
                options_2_type=name if second else None,
            )  # fmt: skip
            model = Model((Subgraph((), (), (), (operator,)),), (), ())
            assert list(differences(model, read_model(write_model(model)))) == [], name


def test_buffers_lie_on_16_byte_boundaries() -> None:
    """Constants, in the flatbuffer or behind it, start at multiples of 16."""
    sizes = (1, 3, 16, 17, 40)
    for appended in (False, True):
        data = [np.full(size, 7, np.uint8) for size in sizes]
        buffers = tuple(Buffer(d, appended=appended) for d in data)
        read = read_model(write_model(Model((), (), buffers)))
        base = read.buffers[0].data.base
        starts = [b.data.ctypes.data - base.ctypes.data for b in read.buffers]
        assert [start % 16 for start in starts] == [0] * len(sizes)
        assert [b.data.size for b in read.buffers] == list(sizes)


def test_appended_bytes_lie_behind_the_flatbuffer() -> None:
    """The same model with its buffers appended is longer only behind, and means the same."""
    model = dense()
    buffers = tuple(dataclasses.replace(b, appended=b.data.size > 0) for b in model.buffers)
    written = write_model(dataclasses.replace(model, buffers=buffers))
    weights = model.buffers[1].data.tobytes()
    assert written.index(weights) > len(written) // 2
    again = read_model(written)
    for one, other in zip(model.buffers, again.buffers, strict=True):
        assert np.array_equal(one.data, other.data)
    assert [b.appended for b in again.buffers] == [b.data.size > 0 for b in model.buffers]


@pytest.mark.parametrize("name", ["runtime:litert-reference", "runtime:tflm"])
def test_runtimes_run_what_is_written(name: str) -> None:
    """Read and written again, the corpus's models give the outputs of the files themselves."""
    if reason := unavailable(name):
        pytest.skip(reason)
    files = [
        *sorted((corpus() / "models").glob("*int8.tflite")),
        *sorted((corpus() / "random").glob("*.tflite"))[::8],
    ]
    cases = []
    for path in files:
        model = read_model(path)
        rng = np.random.default_rng(0)
        inputs = [model.subgraphs[0].tensors[i] for i in model.subgraphs[0].inputs]
        if any(tensor.dtype not in ("int8", "int16") for tensor in inputs):
            continue
        sample = [rng.integers(-99, 100, t.shape).astype(str(t.dtype)) for t in inputs]
        for data in (path.read_bytes(), write_model(model)):
            cases.append(RuntimeCase(data, [sample], label=path.name))
    with open_runtime(name) as runtime:
        outcomes = list(runtime.run_many(cases))
    ran = 0
    for case, before, after in zip(cases[::2], outcomes[::2], outcomes[1::2], strict=True):
        assert type(before) is type(after), case.label
        if isinstance(before, Ran) and isinstance(after, Ran):
            ran += 1
            for one, other in zip(before.outputs[0], after.outputs[0], strict=True):
                assert np.array_equal(one, other), case.label
    assert ran > 20


def test_litert_runs_appended_buffers() -> None:
    """LiteRT reads constants that lie behind the flatbuffer."""
    name = "runtime:litert-reference"
    if reason := unavailable(name):
        pytest.skip(reason)
    model = dense()
    buffers = tuple(dataclasses.replace(b, appended=b.data.size > 0) for b in model.buffers)
    sample = [np.arange(4, dtype=np.int8).reshape(1, 4)]
    with open_runtime(name) as runtime:
        inside = runtime.run(write_model(model), [sample])
        behind = runtime.run(write_model(dataclasses.replace(model, buffers=buffers)), [sample])
    assert isinstance(inside, Ran)
    assert isinstance(behind, Ran)
    assert np.array_equal(inside.outputs[0][0], behind.outputs[0][0])
    assert inside.outputs[0][0].any()


def test_saved_model_is_read_back(tmp_path: Path) -> None:
    """`save_model` writes the bytes of `write_model`."""
    path = tmp_path / "m.tflite"
    save_model(dense(), path)
    assert path.read_bytes() == write_model(dense())
    assert read_model(path).source == str(path)


def operator_with(**fields: object) -> Model:
    operator = dataclasses.replace(Operator(0, None, (), ()), **fields)  # type: ignore[arg-type]
    return Model((Subgraph((), (), (), (operator,)),), (), ())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            operator_with(options_type="ConvOptions"),
            r"subgraphs\[0\]\.operators\[0\]\.builtin_options: 'ConvOptions' is not one of "
            "BuiltinOptions: Conv2DOptions",
        ),
        (
            operator_with(
                options_type="MulOptions",
                options=MappingProxyType({"fused_activation_function": "GELU"}),
            ),
            r"builtin_options\.fused_activation_function: 'GELU' is not one of "
            "ActivationFunctionType: NONE, RELU",
        ),
        (
            operator_with(options_type="MulOptions", options=MappingProxyType({"axis": 1})),
            "MulOptions has no field 'axis'; its fields are: fused_activation_function",
        ),
        (
            operator_with(opcode_index=-1),
            r"operators\[0\]\.opcode_index: -1 does not fit uint: 0\.\.4294967295",
        ),
        (operator_with(inputs=(2**31,)), r"operators\[0\]\.inputs: not all fit int"),
        (
            Model((), (OperatorCode("CONV"),), ()),
            "operator_codes: 'CONV' is not one of BuiltinOperator",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_named(model: Model, message: str) -> None:
    """A name or number without a place in the format is refused with its path."""
    with pytest.raises(UsageError, match=message):
        write_model(model)


def test_negative_zero_is_kept() -> None:
    """-0.0 equals the default of a float, and is written all the same."""
    beta = MappingProxyType({"beta": -0.0})
    model = operator_with(options_type="SoftmaxOptions", options=beta)
    read = read_model(write_model(model)).subgraphs[0].operators[0].options["beta"]
    assert str(read) == "-0.0"


def test_a_large_code_is_written_in_both_fields() -> None:
    """The one-byte code says 127 for an operator above it, and the operator itself below."""
    for name, deprecated in (("ADD", 0), ("CUMSUM", 127)):
        g = GraphBuilder()
        x = g.input("x", (1,))
        g.operator(name, [x], [g.tensor("y", (1,))])
        (code,) = read_model(write_model(g.build())).operator_codes
        assert code == OperatorCode(name, 1, None, deprecated)
