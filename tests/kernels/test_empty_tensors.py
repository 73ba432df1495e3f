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


@pytest.mark.parametrize(
    ("window", "step"), [((6, 2), (1, 1)), ((2, 6), (1, 1)), ((2, 5), (1, 2)), ((3, 3), (1, 1))]
)
@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"])
def test_a_pool_larger_than_the_image(name, window, step, litert):
    """As LiteRT: no results, and no rows where it is a step or more too wide."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4, 2, 3), "float32"), g.tensor("y", (1, 1, 1, 3), "float32")
    options = {"padding": "VALID", "stride_h": step[0], "stride_w": step[1]}
    sizes = {"filter_height": window[0], "filter_width": window[1]}
    g.operator(name, [x], [y], {**options, **sizes})
    case = Case(g.build(outputs=[y]), [[np.ones((1, 4, 2, 3), np.float32)]])
    assert hold(case, litert, "runtime:litert-reference")


def _no_columns(x: tuple[int, ...], dtype: str, weights: str, *, keep: bool = False) -> Case:
    """FULLY_CONNECTED of three units and no depth; the bias is not 0, nor are zero points."""
    whole, stored = dtype != "float32", weights != "float32"
    g = GraphBuilder()
    data = g.input("x", x, dtype, **({"scale": 0.5, "zero_point": 0} if whole else {}))
    w = g.constant(
        "w", np.zeros((3, 0), STORAGE[weights]), weights,
        **({"scale": 0.5, "zero_point": 0} if stored else {}),
    )  # fmt: skip
    b = g.constant(
        "b", np.array([7, 40, -9], np.int32 if whole else np.float32),
        **({"scale": 0.25, "zero_point": 0} if whole else {}),
    )  # fmt: skip
    rows = (*x[:-1], 3) if keep else (int(np.prod(x[:-1])), 3)
    y = g.tensor("y", rows, dtype, **({"scale": 0.5, "zero_point": 5} if whole else {}))
    options = {"fused_activation_function": "RELU", "keep_num_dims": keep}
    g.operator("FULLY_CONNECTED", [data, w, b], [y], {**options, "weights_format": "DEFAULT"})
    return Case(g.build(outputs=[y]), [[np.ones(x, STORAGE[dtype])]])


@pytest.mark.parametrize("x", [(2, 0), (2, 5, 4), (4,), (0, 4)])
@pytest.mark.parametrize("keep", [False, True])
def test_weights_without_columns(x, keep, litert):
    """As LiteRT: zeros, whatever the bias, for as many rows as there are without the last size."""
    case = _no_columns(x, "float32", "float32", keep=keep)
    assert hold(case, litert, "runtime:litert-reference", often=True)


@pytest.mark.parametrize(
    ("dtype", "weights"), [("int8", "int8"), ("uint8", "uint8"), ("float32", "int8")]
)
def test_codes_of_weights_without_columns(dtype, weights, litert):
    """As LiteRT: bytes of 0, whatever zero point and activation say."""
    case = _no_columns((2, 0), dtype, weights)
    assert hold(case, litert, "runtime:litert-reference")


@pytest.mark.parametrize(
    ("x", "dtype"), [((2, 0), "float32"), ((2, 4), "float32"), ((2, 0), "int8")]
)
def test_nothing_is_added_to_a_bias(x, dtype, tflm):
    """As TFLM: the bias alone, and the activation of it."""
    assert hold(_no_columns(x, dtype, dtype), tflm, "runtime:tflm", often=True)


def _lstm(data: int, weights: str, *, fed: bool = False) -> Case:
    """A float32 LSTM of three cells and two steps, of vectors of so many data."""
    rng = np.random.default_rng(0)
    scale = {} if weights == "float32" else {"scale": 0.01, "zero_point": 0}
    g = GraphBuilder()
    x = g.input("x", (1, 2, data), "float32")
    sample = [np.ones((1, 2, data), np.float32)]

    def matrix(name: str, shape: tuple[int, ...]) -> int:
        values = (rng.normal(size=shape) * (1 if weights == "float32" else 90)).astype(
            STORAGE[weights]
        )
        if fed:
            sample.append(values)
            return g.input(name, shape, weights, **scale)
        return g.constant(name, values, weights, **scale)

    kernels = [matrix(f"w{i}", (3, data)) for i in range(4)]
    loops = [matrix(f"r{i}", (3, 3)) for i in range(4)]
    biases = [g.constant(f"b{i}", rng.normal(size=3).astype(np.float32)) for i in range(4)]
    states = [g.variable(name, (1, 3), "float32") for name in ("h", "c")]
    y = g.tensor("y", (1, 2, 3), "float32")
    operands = [x, *kernels, *loops, *[OPTIONAL] * 3, *biases, OPTIONAL, OPTIONAL, *states]
    operands += [OPTIONAL] * 4
    options = {"fused_activation_function": "TANH", "time_major": False}
    g.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], options)
    return Case(g.build(outputs=[y]), [sample])


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_an_lstm_of_no_data(weights, fed, litert):
    """As LiteRT: weights without elements have no address, so there is no input gate."""
    assert hold(_lstm(0, weights, fed=fed), litert, "runtime:litert-reference")


def test_an_lstm_of_no_data_has_its_gates_in_tflm(tflm):
    """As TFLM: four gates, of biases and states alone."""
    assert hold(_lstm(0, "float32"), tflm, "runtime:tflm")


def _drawn_seed(operator: str, dtype: str, seed: int) -> Case:
    key = f"{operator} {dtype} {seed}".encode()
    return load_all()[operator, dtype](RandomDraw(zlib.crc32(key)))


def _emptied(operator: str, dtype: str, size: int, seed: int = 0) -> Case:
    """A drawn case with 0 for one of its sizes, wherever it stands."""
    case = changed = _drawn_seed(operator, dtype, seed)
    for tensor, shape in _operands(case).items():
        changed = resized(changed, tensor, [0 if own == size else own for own in shape])
    return with_samples(changed)


@pytest.mark.parametrize(
    ("operator", "dtype", "size", "seed"),
    [
        ("LSTM", "int8", 15, 0),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "int8", 18, 1),
        ("BIDIRECTIONAL_SEQUENCE_LSTM", "float32", 5, 0),
    ],
)
def test_other_lstms_of_no_data(operator, dtype, size, seed, litert):
    """As LiteRT: without an input gate, too."""
    case = _emptied(operator, dtype, size, seed)
    assert case.model.subgraphs[0].tensors[0].shape[-1] == 0
    assert hold(case, litert, "runtime:litert-reference")


@pytest.mark.parametrize(
    ("operator", "dtype", "size", "operand"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "int8", 21, "input_to_output_weights"),
        ("BIDIRECTIONAL_SEQUENCE_RNN", "float32", 17, "fw_weights"),
    ],
)
def test_no_cells_or_units_beside_some(operator, dtype, size, operand):
    """What LiteRT writes then depends on what its memory held."""
    with pytest.raises(ModelError, match=f"{operator}.*operand {operand}.*found no rows"):
        prepare(_emptied(operator, dtype, size).model)


@pytest.mark.parametrize("way", ["fw", "bw"])
def test_auxiliary_weights_have_a_row_for_each_cell(way):
    """One row less is refused, by name."""
    case = _drawn_seed("BIDIRECTIONAL_SEQUENCE_LSTM", "float32", 1)
    names = OPERATORS["BIDIRECTIONAL_SEQUENCE_LSTM"].operands.names
    operand = f"{way}_auxiliary_to_forget_weights"
    tensor = case.model.subgraphs[0].operators[0].inputs[names.index(operand)]
    rows, width = case.model.subgraphs[0].tensors[tensor].shape
    with pytest.raises(
        ModelError, match=rf"operand {operand}.*found shape \[{rows - 1}, {width}\]"
    ):
        prepare(resized(case, tensor, (rows - 1, width)).model)


def test_a_split_into_no_pieces_is_refused_by_name():
    """No sizes sum to an axis of no elements, and there is no piece to give."""
    g = GraphBuilder()
    x, sizes = g.input("x", (2, 0), "float32"), g.constant("sizes", np.array([], np.int32))
    axis = g.constant("axis", np.array(1, np.int32))
    g.operator("SPLIT_V", [x, sizes, axis], [], {"num_splits": 0})
    with pytest.raises(ModelError, match=r"operand sizes.*0 sizes, 1 or more"):
        prepare(g.build(outputs=[x]))


def test_what_is_not_spread_may_be_empty(litert):
    """As LiteRT: an axis of no elements stays one, where its factor is 1."""
    g = GraphBuilder()
    x, factors = g.input("x", (2, 0), "float32"), g.constant("f", np.array([3, 1], np.int32))
    between, y = g.constant("v", np.float32(7)), g.tensor("y", (4, 0), "float32")
    g.operator("DILATE", [x, factors, between], [y])
    case = Case(g.build(outputs=[y]), [[np.zeros((2, 0), np.float32)]])
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
