"""Tensors without elements, and sizes that are odd: a result or an error of ours, never another."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from conformance.refusals.edits import resized, with_samples
from refinterp.errors import ModelError, RefinterpError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.flexbuffer import write_map
from refinterp.graph.model import OPTIONAL, STORAGE, Model
from refinterp.graph.operators import OPERATORS
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from tests.kernels.oracle import hold

CASES = sorted(load_all())


def _run(model: Model, *sample: NDArray[Any], flavour: str = "litert-reference") -> NDArray[Any]:
    """The first output of the third run: from the second on calls are noted, and made again."""
    executor = Executor(prepare(model, flavour=flavour))
    for _ in range(3):
        for tensor, array in zip(executor.program.graph.inputs, sample, strict=True):
            executor.input(tensor)[...] = array
        executor.invoke()
    return executor.read(executor.program.graph.outputs[0])[0]


def _drawn(operator: str) -> Iterator[Case]:
    for name, dtype in CASES:
        if name == operator:
            yield load_all()[name, dtype](RandomDraw(zlib.crc32(f"{name} {dtype}".encode())))


def _operands(case: Case) -> dict[int, tuple[int, ...]]:
    graph = case.model.subgraphs[0]
    used = {i for one in graph.operators for i in one.inputs if i != OPTIONAL}
    return {i: graph.tensors[i].shape for i in used if graph.tensors[i].dtype in STORAGE}


def _resizings(case: Case) -> Iterator[Case]:
    """Each size of each operand 0, or one more or less; then each number 0 wherever it stands."""
    shapes = _operands(case)
    for tensor, shape in shapes.items():
        for axis, size in enumerate(shape):
            for other in (0, size + 1 if size % 2 == 0 else size - 1):
                yield resized(case, tensor, (*shape[:axis], other, *shape[axis + 1 :]))
    for size in {size for shape in shapes.values() for size in shape}:
        changed = case
        for tensor, shape in shapes.items():
            changed = resized(changed, tensor, [0 if own == size else own for own in shape])
        yield changed


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_any_size_may_be_0_or_odd(operator):
    """Every operator gives a result or an error that can be told."""
    for case in _drawn(operator):
        for changed in _resizings(case):
            whole = with_samples(changed)
            try:
                _run(whole.model, *whole.samples[0])
            except RefinterpError as error:
                assert str(error)  # noqa: PT017 - most are refused, and any other error fails


def _weighted(name: str, shape: tuple[int, ...], dtype: str) -> Model:
    """A convolution over three channels, with filters of 1x1."""
    q = {"scale": 1.0, "zero_point": 0} if dtype != "float32" else {}
    stored = STORAGE[dtype]
    g = GraphBuilder()
    x = g.input("x", shape, dtype, **q)
    extents = (2, 1, 1, 3) if name == "CONV_2D" else (1, 1, 1, 3)
    w = g.constant("w", np.ones(extents, stored), dtype, **q)
    channels = 2 if name == "CONV_2D" else 3
    b = g.constant("b", np.ones(channels, np.float32 if dtype == "float32" else np.int32))
    y = g.tensor("y", shape, dtype, **q)
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    g.operator(name, [x, w, b], [y], options)
    return g.build(outputs=[y])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_convolution_of_no_images(name, dtype, litert):
    """As LiteRT: a batch of 0 gives a batch of 0."""
    model, sample = _weighted(name, (0, 2, 2, 3), dtype), np.zeros((0, 2, 2, 3), STORAGE[dtype])
    assert hold(Case(model, [[sample]]), litert, "runtime:litert-reference", often=True)


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_convolution_of_images_without_rows_or_channels(name):
    """Rows: none come out. Channels: there is nothing to divide into groups."""
    sample = np.zeros((1, 0, 2, 3), np.int8)
    assert _run(_weighted(name, (1, 0, 2, 3), "int8"), sample).shape[1] == 0
    with pytest.raises(ModelError, match="channels"):
        prepare(_weighted(name, (1, 2, 2, 0), "int8"))


@pytest.mark.parametrize("extents", [(0, 4, 4, 2), (1, 0, 4, 2), (1, 4, 0, 2), (1, 4, 4, 0)])
@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"])
def test_a_pool_of_nothing(name, extents, litert):
    """As LiteRT: what has no elements has none after pooling."""
    g = GraphBuilder()
    x, y = g.input("x", extents, "float32"), g.tensor("y", extents, "float32")
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    g.operator(name, [x], [y], {**options, "filter_height": 2, "filter_width": 2})
    case = Case(g.build(outputs=[y]), [[np.zeros(extents, np.float32)]])
    assert hold(case, litert, "runtime:litert-reference")


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0)])
def test_an_lstm_of_no_sequences_or_no_steps(batch, time, litert):
    """As LiteRT: states without elements, and states that no step changes."""
    g = GraphBuilder()
    x = g.input("x", (batch, time, 2), "float32")
    kernels = [g.constant(f"w{i}", np.ones((3, 2), np.float32)) for i in range(4)]
    loops = [g.constant(f"r{i}", np.ones((3, 3), np.float32)) for i in range(4)]
    biases = [g.constant(f"b{i}", np.ones(3, np.float32)) for i in range(4)]
    states = [g.variable(name, (batch, 3), "float32") for name in ("h", "c")]
    y = g.tensor("y", (batch, time, 3), "float32")
    operands = [x, *kernels, *loops, *[OPTIONAL] * 3, *biases, OPTIONAL, OPTIONAL, *states]
    options = {"fused_activation_function": "TANH", "time_major": False}
    g.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], options)
    case = Case(g.build(outputs=[y]), [[np.zeros((batch, time, 2), np.float32)]])
    assert hold(case, litert, "runtime:litert-reference")


def test_an_odd_number_of_parts(tflm):
    """As TFLM: the last part of a spectrum has no imaginary one, and is not read."""
    g = GraphBuilder()
    x, y = g.input("x", (5,), "int16"), g.tensor("y", (2,), "uint32")
    options = write_map({"start_index": 0, "end_index": 2})
    g.operator("SignalEnergy", [x], [y], custom_options=options)
    model, sample = g.build(outputs=[y]), np.array([3, 4, 5, 12, 7], np.int16)
    assert _run(model, sample, flavour="tflm").tolist() == [25, 169]
    assert hold(Case(model, [[sample]]), tflm, "runtime:tflm")


@pytest.mark.parametrize("extents", [(0, 3, 4), (2, 0, 4)])
def test_no_frames_overlap(extents):
    """Rows or frames that are not there add to nothing."""
    g = GraphBuilder()
    x, y = g.input("x", extents, "int16"), g.tensor("y", (extents[0], 2 * extents[1]), "int16")
    g.operator("SignalOverlapAdd", [x], [y], custom_options=write_map({"frame_step": 2}))
    sample = np.zeros(extents, np.int16)
    assert _run(g.build(outputs=[y]), sample).shape == (extents[0], 2 * extents[1])


def test_an_index_is_checked_where_nothing_comes_of_it():
    """Rows of no elements: LiteRT refuses a row that is not there all the same."""
    g = GraphBuilder()
    x, i = g.input("x", (3, 0), "float32"), g.input("i", (2,), "int32")
    y = g.tensor("y", (2, 0), "float32")
    g.operator("GATHER", [x, i], [y], {"axis": 0})
    model, empty = g.build(outputs=[y]), np.zeros((3, 0), np.float32)
    assert _run(model, empty, np.array([0, 2], np.int32)).shape == (2, 0)
    with pytest.raises(ModelError, match=r"2\.\.7|7"):
        _run(model, empty, np.array([2, 7], np.int32))
