"""The drop-in against ai_edge_litert: the same calls on both, the same answers and exceptions."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import refinterp
from refinterp.errors import RefinterpError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Quantization
from refinterp.interpreter import (
    Delegate,
    Interpreter,
    InterpreterWithCustomOps,
    OpResolverType,
    load_delegate,
)
from refinterp.interpreter.details import operator_details, scalar_type, tensor_details
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from tests.corpus import corpus

litert = pytest.importorskip("ai_edge_litert.interpreter")

ROOT = Path(refinterp.__file__).parents[1]
BUNDLED = sorted([*ROOT.glob("refinterp/data/*.tflite"), *ROOT.glob("conformance/models/*.tflite")])
SAME = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
X, W0, Y0, Y1, Y2, OUT = 0, 1, 3, 6, 9, 12  # tensors of `chain`
X_SHAPE = (1, 4, 4, 2)


def add_convs(g, first, widths, seed=0):
    """Append a chain of 1x1 convolutions of so many channels each; returns the last output."""
    rng = np.random.default_rng(seed)
    last, depth = first, X_SHAPE[-1]
    for k, width in enumerate(widths):
        scales = rng.uniform(0.01, 0.02, width)
        weights = rng.integers(-127, 128, (width, 1, 1, depth))
        w = g.constant(f"w{k}", weights, "int8", scale=scales)
        b = g.constant(f"b{k}", rng.integers(-100, 100, width), "int32", scale=scales / 2)
        y = g.tensor(f"y{k}", (*X_SHAPE[:-1], width), "int8", scale=0.5, zero_point=-1)
        g.operator("CONV_2D", [last, w, b], [y], SAME)
        last, depth = y, width
    return last


def chain(widths=(2, 2, 2, 2), shape_signature=None):
    """A model of convolutions in a row, with a signature."""
    g = GraphBuilder()
    x = g.input("x", X_SHAPE, "int8", scale=0.5, zero_point=3, shape_signature=shape_signature)
    y = add_convs(g, x, widths)
    g.signature("serving_default", {"in": x}, {"out": y})
    return write_model(g.build(outputs=[y]))


def two_graphs():
    """A model of two subgraphs, each with a signature; the second has two inputs, b before a."""
    g = GraphBuilder("main")
    x = g.input("x", X_SHAPE, "int8", scale=0.5, zero_point=3)
    y = add_convs(g, x, [2, 2])
    g.signature("first", {"x": x}, {"y": y})
    other = g.subgraph("other")
    b = other.input("b", X_SHAPE, "int8", scale=0.5, zero_point=3)
    a = other.input("a", X_SHAPE, "int8", scale=0.5, zero_point=3)
    yb, ya = add_convs(other, b, [4, 4, 2], seed=1), add_convs(other, a, [3, 1], seed=2)
    other.output(yb, ya)
    other.signature("second", {"b": b, "a": a}, {"z": yb, "c": ya})
    return write_model(g.build(outputs=[y]))


CHAIN = chain()
DATA = np.random.default_rng(7).integers(-128, 128, X_SHAPE, np.int8)


def theirs(content=CHAIN, **kwargs):
    """LiteRT's interpreter on bytes of its own: it writes into them when constants are set."""
    kind = litert.OpResolverType.BUILTIN_REF
    return litert.Interpreter(
        model_content=bytes(bytearray(content)), experimental_op_resolver_type=kind, **kwargs
    )


def ours(content=CHAIN, **kwargs):
    """Our interpreter, asked for the same kernels."""
    kind = OpResolverType.BUILTIN_REF
    return Interpreter(model_content=content, experimental_op_resolver_type=kind, **kwargs)


BOTH = pytest.mark.parametrize("make", [theirs, ours], ids=["litert", "refinterp"])


def ready(make, **kwargs):
    """An interpreter with its tensors allocated."""
    interpreter = make(**kwargs)
    interpreter.allocate_tensors()
    return interpreter


def ran(make, data=DATA, **kwargs):
    """An interpreter after one run."""
    interpreter = ready(make, **kwargs)
    interpreter.set_tensor(X, data)
    interpreter.invoke()
    return interpreter


def equal(a, b):
    """Whether two descriptions are the same to the types of their values."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return a == b


# Descriptions


def described(path):
    """Our descriptions of all tensors and operators of a file, without any kernel."""
    model = read_model(path)
    tensors = [
        [tensor_details(model, s, i, t.shape) for i, t in enumerate(graph.tensors)]
        for s, graph in enumerate(model.subgraphs)
    ]
    main = model.subgraphs[0]
    operators = [
        operator_details(i, operator, lambda t: scalar_type(main.tensors[t]))
        for i, operator in enumerate(main.operators)
    ]
    return tensors, operators


def check_described(path):
    """Compare them with LiteRT's before allocation, when its list has no temporaries."""
    tensors, operators = described(path)
    kind = litert.OpResolverType.BUILTIN_REF
    interpreter = litert.Interpreter(str(path), experimental_op_resolver_type=kind)
    for subgraph, mine in enumerate(tensors):
        found = interpreter.get_tensor_details(subgraph)
        assert len(found) == len(mine)
        for their, our in zip(found, mine, strict=True):
            assert equal(their, our), (their, our)
    assert equal(interpreter._get_ops_details(), operators)


def check_details(path):
    """Compare all that can be asked of two allocated interpreters; raises UnsupportedError."""
    mine = Interpreter(path)
    kind = litert.OpResolverType.BUILTIN_REF
    their = litert.Interpreter(str(path), experimental_op_resolver_type=kind)
    for interpreter in (mine, their):
        interpreter.allocate_tensors()
    assert equal(their.get_input_details(), mine.get_input_details())
    assert equal(their.get_output_details(), mine.get_output_details())
    found = mine.get_tensor_details()
    assert equal(their.get_tensor_details()[: len(found)], found)  # LiteRT adds temporaries
    assert equal(their.get_signature_list(), mine.get_signature_list())
    assert equal(their._get_full_signature_list(), mine._get_full_signature_list())
    assert their.num_subgraphs() == mine.num_subgraphs()
    for key in mine.get_signature_list():
        a, b = their.get_signature_runner(key), mine.get_signature_runner(key)
        assert equal(a.get_input_details(), b.get_input_details())
        assert equal(a.get_output_details(), b.get_output_details())


REFUSED_BY_LITERT = {"person_detect", "audio_preprocessor_int8", "elu_i", "elu_i8"}
NOT_ALLOCATED_BY_LITERT = {"concat_i8_diffscale", "cumsum_i"}


def corpus_models(*folders, skip=frozenset()):
    """Models of the corpus that LiteRT takes."""
    root = corpus()
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.tflite"))]
    return [path for path in paths if path.stem not in skip]


@pytest.mark.parametrize("path", BUNDLED, ids=lambda p: p.stem)
def test_bundled_models_are_described_as_litert_does(path):
    """All dictionaries are equal, keys, order, types and values, before and after allocation."""
    check_described(path)
    check_details(path)


def test_corpus_is_described_as_litert_does():
    """Every tensor and operator of every measured model has LiteRT's description."""
    paths = corpus_models("models", "oneop", "random", skip=REFUSED_BY_LITERT)
    assert len(paths) > 100
    for path in paths:
        check_described(path)


@pytest.mark.filterwarnings("ignore:operator .*; refinterp computes what is meant")
def test_oneop_corpus_has_litert_details_after_allocation():
    """Shapes that operators resolve, inputs, outputs and signatures are LiteRT's too."""
    checked = 0
    for path in corpus_models("oneop", skip=REFUSED_BY_LITERT | NOT_ALLOCATED_BY_LITERT):
        if path.stem == "addn_i":  # int8 ADD_N: LiteRT allocates it and cannot run it; TFLM does
            continue
        try:
            check_details(path)
        except UnsupportedError:
            continue
        checked += 1
    assert checked >= 60


def test_unusual_quantization_is_described_as_litert_does():
    """No scale, many scales, a signature with -1, blockwise scales, sparsity."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), shape_signature=(-1, 4))
    scalar = g.constant("scalar", np.int32(3))
    half = g.constant("half", np.ones((2, 1)), "float16")
    table = Quantization(
        np.empty(0, np.float32),
        np.empty(0, np.int64),
        details=(
            "BlockwiseQuantization",
            {"scales": half, "zero_points": -1, "block_size": 32, "block_shape": ()},
        ),
    )
    g.constant("blocks", np.ones((2, 32)), "int4", quantization=table)
    empty = Quantization(np.empty(0, np.float32), np.empty(0, np.int64), 0)
    g.constant("int2", np.ones((3, 3)), "int2", quantization=empty)
    g.constant(
        "each", np.ones((2, 3)), scale=[1, 2, 3], zero_point=[5, 5, 5], quantized_dimension=1
    )
    g.tensor("wide", (2,), "int64", shape_signature=())
    segments = ("Int32Vector", {"values": (0, 1, 2)})
    dense = {"format": "DENSE", "dense_size": 2, "array_segments": None, "array_indices": None}
    csr = {
        "format": "SPARSE_CSR",
        "dense_size": 0,
        "array_segments": segments,
        "array_indices": ("Uint8Vector", {"values": np.array([0, 1], np.uint8)}),
    }
    g.constant(
        "sparse",
        np.ones(2, np.float32),
        shape=(2, 2),
        sparsity={"traversal_order": (0, 1), "block_map": (), "dim_metadata": (dense, csr)},
    )
    y = g.tensor("y", (1, 4))
    g.operator("ADD", [x, x], [y])
    content = write_model(g.build(outputs=[y]))
    for compress in (False, True):
        flag = {"experimental_compress_quantization_zero_points": compress}
        their, mine = theirs(content, **flag), ours(content, **flag)
        for a, b in zip(their.get_tensor_details(), mine.get_tensor_details(), strict=True):
            assert equal(a, b), (a, b)
        assert mine.experimental_compress_quantization_zero_points is compress
    assert type(mine.get_tensor(scalar)) is type(their.get_tensor(scalar)) is np.int32
    assert mine.get_tensor(half).tobytes() == their.get_tensor(half).tobytes()


# Mistakes


def live(interpreter, then):
    """Do something while a slice of a view is held."""
    held = interpreter.tensor(X)()[0, :1]
    try:
        return then(interpreter)
    finally:
        del held


def resized(interpreter, shape=(2, 4, 4, 2), tensor=X, **kwargs):
    """Resize and return the interpreter."""
    interpreter.resize_tensor_input(tensor, list(shape), **kwargs)
    return interpreter


MISTAKES = {
    "set_before_allocation": lambda m: m().set_tensor(X, DATA),
    "get_before_allocation": lambda m: m().get_tensor(X),
    "view_before_allocation": lambda m: m().tensor(X)(),
    "invoke_before_allocation": lambda m: m().invoke(),
    "float_into_int8": lambda m: ready(m).set_tensor(X, DATA.astype(np.float32)),
    "uint8_into_int8": lambda m: ready(m).set_tensor(X, DATA.astype(np.uint8)),
    "list_of_ints": lambda m: ready(m).set_tensor(X, DATA.tolist()),
    "text": lambda m: ready(m).set_tensor(X, np.array(["a"])),
    "none": lambda m: ready(m).set_tensor(X, None),
    "wrong_rank": lambda m: ready(m).set_tensor(X, DATA[0]),
    "wrong_size": lambda m: ready(m).set_tensor(X, np.ones((1, 4, 5, 2), np.int8)),
    "set_bad_index": lambda m: ready(m).set_tensor(99, DATA),
    "set_negative_index": lambda m: ready(m).set_tensor(-1, DATA),
    "set_named_index": lambda m: ready(m).set_tensor("x", DATA),
    "set_float_index": lambda m: ready(m).set_tensor(0.0, DATA),
    "get_bad_index": lambda m: ready(m).get_tensor(99),
    "get_bad_subgraph": lambda m: ready(m).get_tensor(0, 7),
    "view_bad_index": lambda m: ready(m).tensor(99)(),
    "describe_bad_subgraph": lambda m: ready(m).get_tensor_details(3),
    "describe_bad_tensor": lambda m: ready(m)._get_tensor_details(99, 0),
    "describe_bad_operator": lambda m: ready(m)._get_op_details(4),
    "describe_negative_operator": lambda m: ready(m)._get_op_details(-1),
    "resize_bad_index": lambda m: resized(ready(m), tensor=99),
    "resize_table": lambda m: ready(m).resize_tensor_input(X, [[1, 2]]),
    "resize_number": lambda m: ready(m).resize_tensor_input(X, 3),
    "resize_unknown": lambda m: resized(ready(m), (-1, 4, 4, 2)),
    "resize_constant": lambda m: resized(ready(m), (3, 1, 1, 2), W0),
    "resize_strict": lambda m: resized(ready(m), strict=True),
    "resize_strict_rank": lambda m: resized(ready(m), (1, 4, 4), strict=True),
    "resize_to_what_operators_refuse": lambda m: resized(ready(m), (1, 2)).allocate_tensors(),
    "resize_then_invoke": lambda m: resized(ready(m)).invoke(),
    "resize_then_get": lambda m: resized(ready(m)).get_tensor(X),
    "resize_then_set": lambda m: resized(ready(m)).set_tensor(X, np.ones((2, 4, 4, 2), np.int8)),
    "resize_to_same_never_allocated": lambda m: resized(m(), X_SHAPE).invoke(),
    "view_held_at_invoke": lambda m: live(ready(m), lambda i: i.invoke()),
    "view_held_at_allocate": lambda m: live(ready(m), lambda i: i.allocate_tensors()),
    "view_held_at_resize": lambda m: live(ready(m), resized),
    "signature_too_few": lambda m: ready(m).get_signature_runner()(),
    "signature_wrong_name": lambda m: ready(m).get_signature_runner()(x=DATA),
    "signature_wrong_key": lambda m: ready(m).get_signature_runner("x"),
    "signature_wrong_type": lambda m: ready(m).get_signature_runner()(**{"in": DATA * 1.0}),
    "signature_list": lambda m: ready(m).get_signature_runner()(**{"in": DATA.tolist()}),
    "signature_key_needed": lambda m: m(two_graphs()).get_signature_runner(),
    "no_threads": lambda m: m(num_threads=0),
    "half_a_thread": lambda m: m(num_threads=1.5),
    "unknown_argument": lambda m: m(foo=1),
    "garbage": lambda m: m(b"this is no model at all"),
    "empty": lambda m: m(b""),
}


def raised(action, make):
    """The exception an action raises."""
    with pytest.raises(Exception) as info:  # noqa: PT011 - whichever it is
        action(make)
    return info.value


@pytest.mark.parametrize("action", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_litert_raises(action):
    """Both raise; ours is of LiteRT's built-in class, and of ours unless Python itself raised."""
    their, mine = raised(action, theirs), raised(action, ours)
    assert isinstance(mine, type(their)), (their, mine)
    assert getattr(builtins, type(their).__name__) is type(their)
    assert isinstance(mine, (RefinterpError, TypeError, AttributeError))


@pytest.mark.parametrize(
    "name", ["float_into_int8", "wrong_rank", "wrong_size", "get_bad_index", "get_bad_subgraph",
             "invoke_before_allocation", "view_held_at_invoke", "resize_strict",
             "get_before_allocation", "describe_bad_subgraph", "signature_wrong_name"],
)  # fmt: skip
def test_frequent_mistakes_begin_with_litert_text(name):
    """People search for these texts: ours begins with LiteRT's and says more."""
    their, mine = raised(MISTAKES[name], theirs), raised(MISTAKES[name], ours)
    assert str(mine).startswith(str(their).rstrip(" ."))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"model_path": "a.tflite", "model_content": CHAIN},
        {"model_path": "no such file.tflite"},
        {"model_path": str(ROOT)},
        {"model_path": 3},
        {"model_content": "text"},
        {"model_content": CHAIN, "experimental_op_resolver_type": 2},
        {"model_content": CHAIN, "experimental_op_resolver_type": None},
    ],
    ids=["neither", "both", "missing", "folder", "number", "text", "resolver", "no_resolver"],
)
def test_constructor_mistakes_raise_what_litert_raises(arguments):
    """Wrong arguments raise the same built-in class."""
    their = raised(lambda make: make(**arguments), litert.Interpreter)
    mine = raised(lambda make: make(**arguments), Interpreter)
    assert isinstance(mine, type(their)), (their, mine)


def test_what_is_not_there_is_refused():
    """Delegates, registerers, unknown flavours and operators without kernels name themselves."""
    with pytest.raises(UnsupportedError, match="experimental_delegates"):
        ours(experimental_delegates=[object()])
    ours(experimental_delegates=[])
    for load in (load_delegate, Delegate):
        with pytest.raises(UnsupportedError, match=r"edgetpu\.so") as info:
            load("edgetpu.so", {"device": "usb"})
        assert isinstance(info.value, ValueError)  # scripts fall back on either
        assert isinstance(info.value, OSError)
    with pytest.raises(UnsupportedError, match="AddFoo"):
        InterpreterWithCustomOps(["AddFoo"], model_content=CHAIN)
    InterpreterWithCustomOps(model_content=CHAIN).allocate_tensors()
    with pytest.raises(ValueError, match="litert-reference"):
        ours(flavour="fast")
    g = GraphBuilder()
    x, y, z = g.input("x", (1,)), g.tensor("y", (1,)), g.tensor("z", (1,))
    g.operator("Foo", [x], [y], custom_options=b"")
    g.operator("Bar", [y], [z], custom_options=b"")
    for make in (theirs, ours):  # such a model can be looked at; only running it is refused
        own = make(write_model(g.build(outputs=[z])))
        assert [one["op_name"] for one in own._get_ops_details()] == ["Foo", "Bar"]
        with pytest.raises(RuntimeError, match="Encountered unresolved custom op: Foo"):
            own.allocate_tensors()
    with pytest.raises(UnsupportedError, match=r"(?s)operators\[0\] \(Foo\).*\(Bar\)"):
        own.allocate_tensors()


@pytest.mark.parametrize("name", ["BUILTIN", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
def test_optimized_kernels_are_asked_for_in_vain_with_one_warning(name):
    """The warning comes once, at the caller's line, and not when a flavour is named."""
    with pytest.warns(UserWarning, match="litert-reference") as caught:
        Interpreter(model_content=CHAIN, experimental_op_resolver_type=OpResolverType[name])
    assert [warning.filename for warning in caught] == [__file__]
    kind = litert.OpResolverType[name]
    Interpreter(model_content=CHAIN, experimental_op_resolver_type=kind, flavour="tflm")


# Tensors without dimensions, and constants with more bytes than they need


def scalars(dtype="float32"):
    """Two outputs of an input x without dimensions: x * 3, and [1, 2] more than that."""
    rest = {} if dtype == "float32" else {"scale": 0.5, "zero_point": 3}
    g = GraphBuilder()
    x = g.input("x", (), dtype, **rest)
    three = g.constant("three", np.array(3, dtype), **rest)
    y = g.tensor("y", (), dtype, **rest)
    pair = g.constant("pair", np.array([1, 2], dtype), **rest)
    z = g.tensor("z", (2,), dtype, **rest)
    g.operator("MUL", [x, three], [y])
    g.operator("ADD", [y, pair], [z])
    g.signature("serving_default", {"x": x}, {"y": y, "z": z})
    return write_model(g.build(outputs=[y, z]))


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_tensors_of_rank_0_are_set_and_read_as_litert_does(dtype):
    """By set_tensor, by a signature, by tensor(); a NumPy scalar or an array without dimensions."""
    flag = {"experimental_preserve_all_tensors": True}
    pair = (
        ready(theirs, content=scalars(dtype), **flag),
        ready(ours, content=scalars(dtype), **flag),
    )
    kind = np.dtype(dtype).type
    for value in (kind(7), np.array(-2, dtype)):
        found = []
        for own in pair:
            (x,), (y, z) = own.get_input_details(), own.get_output_details()
            assert x["shape"].tolist() == x["shape_signature"].tolist() == []
            own.set_tensor(x["index"], value)
            own.invoke()
            found.append([own.get_tensor(i["index"]) for i in (x, y, z)])
            found[-1] += [own.tensor(x["index"])()]
            found[-1] += own.get_signature_runner()(x=value).values()
            found[-1] += own.get_signature_runner("serving_default")(
                x=np.array([1, 4], dtype)
            ).values()
            own.resize_tensor_input(x["index"], [])
            own.allocate_tensors()
        for their, mine in zip(*found, strict=True):
            assert type(their) is type(mine)
            assert their.dtype == mine.dtype
            np.testing.assert_array_equal(their, mine)
    for own in pair:
        with pytest.raises(ValueError, match=r"Dimension mismatch\. Got 1 but expected 0"):
            own.set_tensor(x["index"], np.array([7], dtype))


def padded(extra):
    """FULLY_CONNECTED whose weights have `extra` bytes behind them."""
    rng = np.random.default_rng(3)
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    w = g.constant("w", rng.integers(-127, 128, (3, 4)).astype(np.int8), scale=0.01)
    y = g.tensor("y", (1, 3), "int8", scale=0.7)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    model = g.build(outputs=[y])
    place = model.subgraphs[0].tensors[w].buffer
    buffers = list(model.buffers)
    more = np.concatenate([buffers[place].data, np.full(extra, 90, np.uint8)])
    buffers[place] = replace(buffers[place], data=more)
    return write_model(replace(model, buffers=tuple(buffers)))


@pytest.mark.parametrize("extra", [1, 4, 4000])
def test_bytes_behind_a_constant_change_nothing(extra):
    """Without a warning, as in LiteRT; the tensor has its own shape."""
    found = []
    for make in (theirs, ours):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            own = ready(make, content=padded(extra))
        own.set_tensor(0, np.array([[9, -100, 127, 3]], np.int8))
        own.invoke()
        found.append((own.get_tensor(1), own.get_tensor(2)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


# Running


def test_every_preserved_tensor_equals_litert():
    """With experimental_preserve_all_tensors all tensors are readable, and the same."""
    flag = {"experimental_preserve_all_tensors": True}
    their, mine = ran(theirs, **flag), ran(ours, **flag)
    for index in range(len(mine.get_tensor_details())):
        a, b = their.get_tensor(index), mine.get_tensor(index)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(mine.tensor(Y0)(), their.get_tensor(Y0))


@pytest.mark.parametrize(
    "path", [p for p in BUNDLED if not p.stem.endswith("float")], ids=lambda p: p.stem
)
def test_bundled_models_equal_litert_in_every_tensor(path):
    """As stored, and with other batch sizes where LiteRT can run them; else both refuse."""
    kind = litert.OpResolverType.BUILTIN_REF
    flag = {"experimental_op_resolver_type": kind, "experimental_preserve_all_tensors": True}
    pair = litert.Interpreter(str(path), **flag), Interpreter(path, **flag)
    rng = np.random.default_rng(11)
    (source,) = pair[1].get_input_details()
    info = np.iinfo(source["dtype"])
    for batch in (1, 3, 2):
        shape = (batch, *source["shape"][1:].tolist())
        data = rng.integers(info.min, info.max, shape, info.dtype, endpoint=True)
        outcomes = []
        for interpreter in pair:
            interpreter.resize_tensor_input(source["index"], shape)
            try:
                interpreter.allocate_tensors()
            except RuntimeError as error:
                outcomes.append(error)
                continue
            interpreter.set_tensor(source["index"], data)
            interpreter.invoke()
            tensors = range(len(pair[1].get_tensor_details()))
            outcomes.append([interpreter.get_tensor(i) for i in tensors])
        if isinstance(outcomes[0], RuntimeError):
            assert batch != 1
            assert isinstance(outcomes[1], RuntimeError)
        else:
            assert equal(*outcomes), batch


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("poison", [False, True])
def test_our_own_arguments_change_no_result(plain, poison):
    """Plain kernels and poisoned memory give the same output."""
    expected = ran(theirs).get_tensor(OUT)
    np.testing.assert_array_equal(ran(ours, plain=plain, poison=poison).get_tensor(OUT), expected)


def test_overwritten_intermediate_names_who_overwrote_it():
    """No stale bytes: the error is a ValueError with the tensor, its overwriter and the flag."""
    mine = ran(ours)
    with pytest.raises(ValueError, match=r"'y0'.*'y2'.*experimental_preserve_all_tensors=True"):
        mine.get_tensor(Y0)
    with pytest.raises(ValueError, match="'y2'"):
        mine.tensor(Y0)()
    kept = ran(theirs, experimental_preserve_all_tensors=True)
    np.testing.assert_array_equal(mine.get_tensor(Y2), kept.get_tensor(Y2))  # still its own


def test_poisoned_intermediate_is_refused():
    """A dead tensor whose bytes nothing else took is readable, unless poison was put there."""
    content = chain([8, 6, 2, 2])
    expected = ran(theirs, content=content, experimental_preserve_all_tensors=True).get_tensor(Y1)
    np.testing.assert_array_equal(ran(ours, content=content).get_tensor(Y1), expected)
    with pytest.raises(ValueError, match="poisoned"):
        ran(ours, content=content, poison=True).get_tensor(Y1)


def test_intermediate_before_the_first_run_is_refused():
    """There is no value yet, and the error says what is missing; outputs are zeros."""
    mine = ready(ours)
    with pytest.raises(ValueError, match="has not run"):
        mine.get_tensor(Y2)
    with pytest.raises(ValueError, match="has not run"):
        mine.set_tensor(Y2, DATA)
    assert not mine.get_tensor(OUT).any()


def test_constants_are_readable_but_not_writable():
    """A constant can be read at any time; LiteRT would let a script change it."""
    mine = ours()
    np.testing.assert_array_equal(mine.get_tensor(W0), theirs().get_tensor(W0))
    assert not mine.tensor(W0)().flags.writeable
    with pytest.raises(ValueError, match="constant"):
        mine.set_tensor(W0, mine.get_tensor(W0))


@BOTH
def test_inputs_survive_a_run(make):
    """Invoking twice without setting again gives the same output."""
    interpreter = ran(make)
    first = interpreter.get_tensor(OUT)
    np.testing.assert_array_equal(interpreter.get_tensor(X), DATA)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(OUT), first)


@BOTH
def test_allocating_again_keeps_values(make):
    """A second allocate_tensors without a new shape does nothing."""
    interpreter = ran(make)
    output = interpreter.get_tensor(OUT)
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(interpreter.get_tensor(X), DATA)
    np.testing.assert_array_equal(interpreter.get_tensor(OUT), output)


@BOTH
def test_views_are_live_and_stop_a_run_while_they_live(make):
    """A view writes into the input and sees the output; dropped, it lets invoke go on."""
    interpreter = ready(make)
    source, sink = interpreter.tensor(X), interpreter.tensor(OUT)
    source()[...] = DATA
    assert source().flags.writeable
    view = source()
    with pytest.raises(RuntimeError, match="at least 1 reference to internal data"):
        interpreter.invoke()
    row = view[0, 0]
    del view
    with pytest.raises(RuntimeError, match="at least 1 reference"):
        interpreter.invoke()
    del row
    interpreter.invoke()
    np.testing.assert_array_equal(sink(), ran(theirs).get_tensor(OUT))


def test_values_returned_are_copies():
    """get_tensor's array is the caller's: owned, writable, and untouched by the next run."""
    mine = ran(ours)
    got = mine.get_tensor(OUT)
    assert got.flags.owndata
    assert got.flags.writeable
    before = got.copy()
    mine.set_tensor(X, ~DATA)
    mine.invoke()
    assert not np.array_equal(mine.get_tensor(OUT), before)
    np.testing.assert_array_equal(got, before)


@BOTH
def test_arrays_of_any_layout_are_taken(make):
    """Fortran order, negative strides and read-only arrays are copied element by element."""
    interpreter = ready(make)
    for array in (np.asfortranarray(DATA), DATA[:, ::-1, :, ::-1], np.broadcast_to(DATA, X_SHAPE)):
        interpreter.set_tensor(np.int64(X), array)
        np.testing.assert_array_equal(interpreter.get_tensor(X), array)


@pytest.mark.parametrize("shape", [(2, 4, 4, 2), (1, 7, 5, 2), (3, 1, 9, 2)])
def test_resized_input_gives_litert_tensors(shape):
    """Every tensor and its description is LiteRT's after a new shape, and again after the old."""
    pair = [ready(make, experimental_preserve_all_tensors=True) for make in (theirs, ours)]
    for now in (shape, X_SHAPE):
        data = np.random.default_rng(1).integers(-128, 128, now, np.int8)
        for interpreter in pair:
            interpreter.resize_tensor_input(X, now)
            interpreter.resize_tensor_input(OUT, [9])  # scripts do, and it means nothing
        assert equal(pair[0].get_tensor_details(), pair[1].get_tensor_details())
        for interpreter in pair:
            interpreter.allocate_tensors()
            interpreter.set_tensor(X, data)
            interpreter.invoke()
        assert equal(pair[0].get_tensor_details(), pair[1].get_tensor_details())
        for index in range(OUT + 1):
            np.testing.assert_array_equal(*(i.get_tensor(index) for i in pair))


def test_unknown_size_is_one_and_may_be_resized_strictly():
    """A shape_signature of -1 runs as the stored 1; only that size is open to strict resizing."""
    content = chain(shape_signature=(-1, 4, 4, 2))
    pair = [make(content) for make in (theirs, ours)]
    for interpreter in pair:
        interpreter.allocate_tensors()
        interpreter.set_tensor(X, DATA)
        interpreter.invoke()
        with pytest.raises(RuntimeError, match="dimension 1 of tensor 0"):
            interpreter.resize_tensor_input(X, [1, 5, 4, 2], strict=True)
    np.testing.assert_array_equal(*(i.get_tensor(OUT) for i in pair))
    for interpreter in pair:
        interpreter.resize_tensor_input(X, [5, 4, 4, 2], strict=True)
        interpreter.allocate_tensors()
    assert equal(*(i.get_tensor_details() for i in pair))
    assert pair[1].get_input_details()[0]["shape_signature"].tolist() == [-1, 4, 4, 2]


def test_seven_samples_at_once_equal_seven_runs():
    """The sample axis of the executor gives, bit for bit, what single runs give."""
    data = np.random.default_rng(3).integers(-128, 128, (7, *X_SHAPE), np.int8)
    executor = Executor(prepare(read_model(CHAIN)), samples=7)
    executor.input(X)[...] = data
    executor.invoke()
    mine = ready(ours)
    for sample, got in zip(data, executor.read(OUT), strict=True):
        mine.set_tensor(X, sample)
        mine.invoke()
        np.testing.assert_array_equal(got, mine.get_tensor(OUT))


def test_variables_are_reset_as_in_litert():
    """Variables start at zero, can be set, survive runs, and are reset: int8 to its zero point."""
    g = GraphBuilder()
    x = g.input("x", X_SHAPE, "int8", scale=0.5, zero_point=3)
    state = g.variable("state", (1, 4), "int8", scale=0.5, zero_point=5)
    wide = g.variable("wide", (1, 4), "int16", scale=0.5, zero_point=7)
    content = write_model(g.build(outputs=[add_convs(g, x, [2])]))
    seen = []
    for interpreter in (theirs(content), ours(content)):
        with pytest.raises(RuntimeError):
            interpreter.reset_all_variables()
        interpreter.allocate_tensors()
        values = [interpreter.get_tensor(state), interpreter.get_tensor(wide)]
        interpreter.set_tensor(state, np.full((1, 4), 9, np.int8))
        interpreter.invoke()
        values.append(interpreter.get_tensor(state))
        interpreter.reset_all_variables()
        seen.append([*values, interpreter.get_tensor(state)])
    assert [v.tolist() for v in seen[0]] == [v.tolist() for v in seen[1]]


# Signatures


def test_signatures_run_their_own_subgraph():
    """Results, shapes and later reads by subgraph are LiteRT's, resized or not."""
    content = two_graphs()
    their, mine = theirs(content), ours(content)
    assert equal(their.get_signature_list(), mine.get_signature_list())
    assert equal(their._get_full_signature_list(), mine._get_full_signature_list())
    rng = np.random.default_rng(5)
    for shapes in ((X_SHAPE, X_SHAPE), ((2, 4, 4, 2), (3, 5, 1, 2))):
        a, b = (rng.integers(-128, 128, shape, np.int8) for shape in shapes)
        results = [i.get_signature_runner("second")(a=a, b=b) for i in (their, mine)]
        assert equal(*results)
        assert equal(their.get_tensor_details(1), mine.get_tensor_details(1))
        assert equal(their.get_tensor(0, 1), mine.get_tensor(0, subgraph_index=1))
    data = rng.integers(-128, 128, X_SHAPE, np.int8)
    assert equal(*(i.get_signature_runner("first")(x=data) for i in (their, mine)))


def test_signature_runs_need_no_allocation_and_last():
    """A signature of the main graph leaves its shape and values behind for plain calls."""
    data = np.random.default_rng(6).integers(-128, 128, (3, 4, 4, 2), np.int8)
    outcomes = []
    for interpreter in (theirs(), ours()):
        runner = interpreter.get_signature_runner()
        outcome = [runner(**{"in": data})["out"], runner.get_output_details()]
        del runner  # LiteRT takes a runner for a live view
        outcome += [interpreter.get_tensor(OUT), interpreter.get_input_details()]
        interpreter.invoke()
        outcomes.append([*outcome, interpreter.get_tensor(OUT)])
    assert equal(*outcomes)


# Models that are not quite right


def test_person_detect_loads_with_one_warning_that_names_its_tensors():
    """LiteRT refuses the file; we warn of all 14 tensors at once, at the caller's line."""
    path = corpus() / "models" / "person_detect.tflite"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            mine = Interpreter(path)
        except UnsupportedError:
            mine = None
    assert len(caught) == 1
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    model = read_model(path)
    wrong = [
        (index, tensor.name)
        for index, tensor in enumerate(model.subgraphs[0].tensors)
        if len(tensor.shape) == 1
        and tensor.quantization is not None
        and tensor.quantization.quantized_dimension == 3
    ]
    assert len(wrong) == 14
    assert wrong[0][0] == 33
    assert f"33 ({wrong[0][1]!r})" in text
    assert all(re.search(rf"\b{index}\b", text) for index, _ in wrong)
    if mine is not None:
        mine.allocate_tensors()


def test_a_model_that_cannot_run_warns_at_load_and_refuses_at_allocation():
    """An operator that reads what nothing writes: described, but neither LiteRT nor we run it."""
    g = GraphBuilder()
    g.input("x", X_SHAPE, "int8", scale=0.5, zero_point=3)
    nothing = g.tensor("nothing", X_SHAPE, "int8", scale=0.5, zero_point=3)
    content = write_model(g.build(outputs=[add_convs(g, nothing, [2])]))
    with pytest.warns(UserWarning, match="nothing"):
        mine = ours(content)
    assert len(mine.get_tensor_details()) == 5
    with pytest.raises(RuntimeError, match="nothing"):
        mine.allocate_tensors()
    their = ready(theirs, content=content)
    with pytest.raises(RuntimeError):
        their.invoke()


# A script, and what importing costs

SCRIPT = """
import sys
import numpy as np
IMPORT

path = sys.argv[1]
interpreter = Interpreter(
    model_path=path, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
)
interpreter.allocate_tensors()
inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
print(inputs, outputs, interpreter.get_signature_list(), interpreter.num_subgraphs())
for op in interpreter._get_ops_details():
    print(op)
scale, zero_point = inputs[0]["quantization"]
rng = np.random.default_rng(0)
for _ in range(3):
    real = rng.uniform(-20, 20, inputs[0]["shape"])
    codes = np.clip(np.round(real / scale) + zero_point, -128, 127).astype(inputs[0]["dtype"])
    interpreter.set_tensor(inputs[0]["index"], codes)
    interpreter.invoke()
    print(interpreter.get_tensor(outputs[0]["index"]))
interpreter.resize_tensor_input(inputs[0]["index"], [2, 5, 3, 2])
interpreter.allocate_tensors()
view = interpreter.tensor(inputs[0]["index"])
view()[...] = 11
interpreter.invoke()
print(interpreter.tensor(outputs[0]["index"])(), interpreter.get_output_details())
run = interpreter.get_signature_runner("serving_default")
print(run(**{name: np.ones((1, 2, 2, 2), np.int8) for name in run.get_input_details()}))
interpreter.reset_all_variables()
for attempt in (lambda: interpreter.set_tensor(0, np.zeros(3)), lambda: interpreter.get_tensor(77)):
    try:
        attempt()
    except ValueError:
        print("refused")
try:
    Interpreter(model_path="nowhere.tflite")
except ValueError:
    print("not found")
"""


def script_output(line, path, folder):
    """What the script prints when it imports by this line."""
    file = folder / "script.py"
    file.write_text(SCRIPT.replace("IMPORT", line))
    command = [sys.executable, "-W", "error", str(file), str(path)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_runs_when_only_its_import_line_changes(tmp_path):
    """The same script prints the same text with either import."""
    path = tmp_path / "chain.tflite"
    path.write_bytes(CHAIN)
    names = "Interpreter, OpResolverType"
    expected = script_output(f"from ai_edge_litert.interpreter import {names}", path, tmp_path)
    assert len(expected) > 2000
    for home in ("refinterp", "refinterp.interpreter"):
        assert script_output(f"from {home} import {names}", path, tmp_path) == expected


def test_import_is_lazy():
    """`import refinterp` loads no kernels, no flatbuffers and no NumPy."""
    code = "import sys, refinterp; print(*(m for m in sys.modules if not m.startswith('_')))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    loaded = done.stdout.split()
    assert "refinterp" in loaded
    assert not [m for m in loaded if m.split(".")[0] in ("numpy", "flatbuffers")]
    assert [m for m in loaded if m.startswith("refinterp.")] == []


def test_public_names_are_complete_and_resolve():
    """Each public name is found, and type checkers are told the same names and homes."""
    for name in refinterp.__all__:
        assert getattr(refinterp, name) is not None
    assert set(refinterp.__all__) <= set(dir(refinterp))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        refinterp.nothing  # noqa: B018
    told = {
        alias.name: node.module
        for node in ast.walk(ast.parse(Path(refinterp.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("refinterp.")
        for alias in node.names
    }
    assert told == refinterp._HOMES
