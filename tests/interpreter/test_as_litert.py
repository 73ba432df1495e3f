"""What LiteRT's own interpreter tests ask for, and what its clients reach for, on both.

Every expectation is LiteRT's answer to the same call on the same model; its sentences must stand
in ours, which may say more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refinterp.interpreter as mine
from refinterp.errors import RefinterpError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model
from tests.interpreter.test_interpreter import equal

litert = pytest.importorskip("ai_edge_litert.interpreter")

Make = Callable[..., Any]


def reversing(dtype: str = "float32", *, signature: bool = False) -> bytes:
    """A FULLY_CONNECTED that turns four numbers round: input 0, weights 1, output 2."""
    rest: dict[str, Any] = {} if dtype == "float32" else {"scale": 1.0, "zero_point": 0}
    weights = np.eye(4)[::-1].astype(dtype)
    g = GraphBuilder()
    x = g.input("input", (1, 4), dtype, **rest)
    w = g.constant("weights", weights, **({**rest, "scale": 1.0} if rest else {}))
    y = g.tensor("output", (1, 4), dtype, **({**rest, "scale": 2.0} if rest else {}))
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    if signature:
        g.signature("turn", {"a": x}, {"b": y})
    return write_model(g.build(outputs=[y]))


def doubling() -> bytes:
    """Two signatures, each with a subgraph of its own: x + x, and x * x."""
    g = GraphBuilder("main")
    x, y = g.input("add_x:0", (2,)), g.tensor("add_y", (2,))
    g.operator("ADD", [x, x], [y])
    g.output(y)
    g.signature("add", {"x": x}, {"output_0": y})
    other = g.subgraph("other")
    a, b = other.input("multiply_x:0", (2,)), other.tensor("multiply_y", (2,))
    other.operator("MUL", [a, a], [b])
    other.output(b)
    other.signature("multiply", {"x": a}, {"output_0": b})
    return write_model(g.build())


def custom(name: str) -> bytes:
    """One operator that nobody has a kernel for."""
    g = GraphBuilder()
    x, y = g.input("x", (1, 4)), g.tensor("y", (1, 4))
    g.operator(name, [x], [y], custom_options=b"\0")
    return write_model(g.build(outputs=[y]))


def refusing() -> bytes:
    """A convolution of a tensor with two axes."""
    g = GraphBuilder()
    x, w = g.input("x", (1, 4)), g.constant("w", np.zeros((1, 1, 1, 4), np.float32))
    y = g.tensor("y", (1, 1, 1, 1))
    g.operator("CONV_2D", [x, w, -1], [y], {"stride_w": 1, "stride_h": 1})
    return write_model(g.build(outputs=[y]))


MODEL = reversing()


def made(module: Any, content: bytes = MODEL, *, allocate: bool = True, **rest: Any) -> Any:
    """An interpreter of one module or the other, with the reference kernels."""
    kind = module.OpResolverType.BUILTIN_REF
    interpreter = module.Interpreter(
        model_content=content, experimental_op_resolver_type=kind, **rest
    )
    if allocate:
        interpreter.allocate_tensors()
    return interpreter


def both(call: Callable[[Any], Any]) -> tuple[Any, Any]:
    """What a call of a module gives, in LiteRT and here; an exception counts as an answer."""
    found = []
    for module in (litert, mine):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(call(module))
        except Exception as error:
            found.append(error)
    return found[0], found[1]


# Sentences

MISTAKES: dict[str, Callable[[Any], Any]] = {
    "too_short": lambda m: m.Interpreter(model_content=b"short"),
    "wrong_identifier": lambda m: m.Interpreter(model_content=b"wrong_identifier"),
    "not_there": lambda m: m.Interpreter(model_path="totally_invalid_file_name"),
    "not_there_as_path": lambda m: m.Interpreter(Path("no") / "such.tflite"),
    "not_there_as_bytes": lambda m: m.Interpreter(b"no_such.tflite"),
    "neither": lambda m: m.Interpreter(model_path=None, model_content=None),
    "nothing_in_it": lambda m: m.Interpreter(model_content=b""),
    "both": lambda m: m.Interpreter(model_path="a", model_content=MODEL),
    "threads_negative": lambda m: made(m, num_threads=-1),
    "threads_fraction": lambda m: made(m, num_threads=4.2),
    "resolver": lambda m: m.Interpreter(model_content=MODEL, experimental_op_resolver_type="test"),
    "invoke_first": lambda m: made(m, allocate=False).invoke(),
    "tensor_index": lambda m: made(m)._get_tensor_details(4, 0),
    "node_index": lambda m: made(m)._get_op_details(4),
    "subgraph_index": lambda m: made(m).get_tensor_details(subgraph_index=1),
    "subgraph_negative": lambda m: made(m).get_tensor_details(subgraph_index=-1),
    "subgraph_beyond": lambda m: made(m, doubling()).get_tensor_details(subgraph_index=3),
    "set_unallocated": lambda m: made(m, allocate=False).set_tensor(0, np.ones((1, 4), "f4")),
    "get_unallocated": lambda m: made(m, allocate=False).get_tensor(0),
    "custom_operator": lambda m: made(m, custom("Foo")),
    "edge_tpu": lambda m: made(m, custom("edgetpu-custom-op")),
    "select_operator": lambda m: m.Interpreter(model_content=custom("FlexErf")).allocate_tensors(),
    "no_signature": lambda m: made(m).get_signature_runner(),
    "wrong_signature": lambda m: made(m, doubling()).get_signature_runner("subtract"),
    "no_subgraph": lambda m: made(m)._interpreter.GetSubgraphIndexFromSignature("none"),
    "which_signature": lambda m: made(m, doubling()).get_signature_runner(),
    "signature_arguments": lambda m: made(m, doubling()).get_signature_runner("add")(
        x=np.ones(2, np.float32), y=1
    ),
}


@pytest.mark.parametrize("call", MISTAKES.values(), ids=MISTAKES)
def test_litert_sentences_stand_in_ours(call: Callable[[Any], Any]) -> None:
    """The same class or one of ours that is one, and the whole of LiteRT's sentence."""
    their, our = both(call)
    assert isinstance(their, Exception)
    assert isinstance(our, RefinterpError)
    assert isinstance(our, type(their))
    assert str(their).strip().rstrip(".") in str(our)


def test_what_is_matched_of_sentences_with_places_in_sources() -> None:
    """Of a C++ condition with file and line ours keeps the operator; of a path, its beginning."""
    their, our = both(lambda m: made(m, refusing()))
    assert isinstance(our, type(their))
    tail = str(their)[str(their).index("Node number") :]
    assert tail == "Node number 0 (CONV_2D) failed to prepare."
    assert tail in str(our)
    name = "AbsentRegisterer"
    their, our = both(lambda m: m.InterpreterWithCustomOps([name], model_content=MODEL))
    assert isinstance(our, type(their))
    for error in (their, our):
        assert str(error).startswith(f"Looking up symbol '{name}' failed with error")


def test_files_that_are_no_models(tmp_path: Path) -> None:
    """Empty, text, cut off, a folder: LiteRT's sentence first, then the path and what it is."""
    folder = tmp_path / "folder.tflite"
    folder.mkdir()
    contents = {"empty": b"", "text": b"read me, I am text", "cut": MODEL[: len(MODEL) // 2]}
    paths = []
    for name, content in contents.items():
        paths.append(tmp_path / f"{name}.tflite")
        paths[-1].write_bytes(content)
    for path in paths:
        their, our = both(lambda m, path=path: m.Interpreter(str(path)))  # type: ignore[misc]
        assert isinstance(our, type(their))
        assert str(our).startswith(str(their))
        assert str(path) in str(our)
    their, our = both(lambda m: m.Interpreter(str(folder)))
    assert isinstance(our, type(their))
    assert "The model allocation is null/empty" in str(their)
    assert "The model allocation is null/empty" in str(our)
    assert str(folder) in str(our)


def test_a_value_that_is_gone_has_no_data() -> None:
    """LiteRT's sentence on tensors without memory stands before what became of the bytes."""
    g = GraphBuilder()
    last = g.input("x", (1, 64))
    for number in range(4):
        y = g.tensor(f"y{number}", (1, 64))
        g.operator("RELU", [last], [y])
        last = y
    interpreter = made(mine, write_model(g.build(outputs=[last])))
    interpreter.invoke()
    with pytest.raises(ValueError, match=r"^Tensor data is null\. .*overwritten by"):
        interpreter.get_tensor(1)


# Answers

ANSWERS: dict[str, Callable[[Any], Any]] = {
    "inputs": lambda m: made(m).get_input_details(),
    "outputs": lambda m: made(m).get_output_details(),
    "uint8": lambda m: made(m, reversing("uint8")).get_input_details(),
    "node": lambda m: made(m)._get_ops_details()[0],
    "subgraphs": lambda m: (made(m).num_subgraphs(), made(m, doubling()).num_subgraphs()),
    "tensors": lambda m: made(m, doubling(), allocate=False).get_tensor_details(subgraph_index=0),
    "tensors_of_1": lambda m: made(m, doubling(), allocate=False).get_tensor_details(1),
    "signatures": lambda m: made(m, doubling()).get_signature_list(),
    "signature_tensors": lambda m: made(m, doubling())._get_full_signature_list(),
    "subgraph_of_signature": lambda m: [
        made(m, doubling()).get_signature_runner(key)._subgraph_index for key in ("add", "multiply")
    ],
    "signature_key": lambda m: made(m, doubling()).get_signature_runner("add")._signature_key,
    "signature_inputs": lambda m: made(m, doubling()).get_signature_runner("add")._inputs,
    "signature_outputs": lambda m: list(made(m, doubling()).get_signature_runner("add")._outputs),
    "signature_definition": lambda m: (
        made(m, doubling()).get_signature_runner("multiply")._signature_def
    ),
    "signature_details": lambda m: (
        made(m, doubling()).get_signature_runner("multiply").get_input_details()
    ),
    "signature_output_details": lambda m: (
        made(m, doubling()).get_signature_runner("add").get_output_details()
    ),
    "run_signature": lambda m: made(m, doubling(), allocate=False).get_signature_runner("multiply")(
        x=np.array([3, 4], np.float32)
    ),
    "known_signatures": lambda m: made(m, doubling())._signature_defs,
    "content": lambda m: made(m)._model_content == MODEL,
    "delegates": lambda m: made(m)._delegates,
    "resolvers": lambda m: [(kind.name, kind.value) for kind in m.OpResolverType],
}


@pytest.mark.parametrize("call", ANSWERS.values(), ids=ANSWERS)
def test_answers_are_litert_s(call: Callable[[Any], Any]) -> None:
    """Equal in value and type."""
    their, our = both(call)
    assert not isinstance(their, Exception)
    assert equal(their, our), (their, our)


WRAPPED: dict[str, Callable[[Any], Any]] = {
    "NumTensors": lambda w: w.NumTensors(1),
    "NumSubgraphs": lambda w: w.NumSubgraphs(),
    "NumNodes": lambda w: w.NumNodes(),
    "NodeName": lambda w: w.NodeName(0),
    "NodeInputs": lambda w: w.NodeInputs(0),
    "NodeOutputs": lambda w: w.NodeOutputs(0),
    "InputIndices": lambda w: w.InputIndices(),
    "OutputIndices": lambda w: w.OutputIndices(),
    "TensorName": lambda w: w.TensorName(1, 1),
    "TensorSize": lambda w: w.TensorSize(0, 1),
    "TensorSizeSignature": lambda w: w.TensorSizeSignature(0, 0),
    "TensorType": lambda w: w.TensorType(0, 0),
    "TensorQuantization": lambda w: w.TensorQuantization(0, 0),
    "TensorQuantizationParameters": lambda w: w.TensorQuantizationParameters(0, 0),
    "TensorSparsityParameters": lambda w: w.TensorSparsityParameters(0, 0),
    "GetSignatureDefs": lambda w: w.GetSignatureDefs(),
    "GetSubgraphIndexFromSignature": lambda w: [
        w.GetSubgraphIndexFromSignature(key) for key in ("add", "multiply")
    ],
    "run": lambda w: [
        w.ResizeInputTensor(0, np.array([3], np.int32), False, 1),
        w.AllocateTensors(1),
        w.SetTensor(0, np.array([1, 2, 3], np.float32), 1),
        w.Invoke(1),
        w.GetTensor(1, 1),
        w.AllocateTensors(),
        w.tensor(w, 0).shape,
        w.ResetVariableTensors(),
    ],
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_object_behind_answers_as_litert_s_does(name: str) -> None:
    """`interpreter._interpreter`, which scripts ask for operators and tensors."""
    their, our = both(lambda m: WRAPPED[name](made(m, doubling())._interpreter))
    assert not isinstance(their, Exception)
    assert equal(their, our), (their, our)


def test_the_object_behind_has_every_method() -> None:
    """None that LiteRT's has is missing."""
    names = {name for name in dir(made(litert)._interpreter) if not name.startswith("_")}
    assert names <= set(dir(mine.InterpreterWrapper))
    with pytest.raises(RuntimeError, match="native"):
        made(mine)._interpreter.interpreter()


def test_arguments_have_litert_s_names_and_defaults() -> None:
    """Of the constructors and of every public method; ours may take more, by keyword."""
    import inspect

    for name in ("Interpreter", "InterpreterWithCustomOps", "SignatureRunner"):
        their, our = getattr(litert, name), getattr(mine, name)
        for method, function in inspect.getmembers(their, inspect.isfunction):
            if method == "__del__":
                continue
            if method.startswith("_") and method != "__init__":
                assert hasattr(our, method), f"{name}.{method}"
                continue
            wanted = inspect.signature(function).parameters
            given = inspect.signature(getattr(our, method)).parameters
            assert list(given)[: len(wanted)] == list(wanted), f"{name}.{method}"
            for key, parameter in wanted.items():
                default = parameter.default
                if isinstance(default, litert.OpResolverType):
                    assert given[key].default.name == default.name
                else:
                    assert given[key].default == default, f"{name}.{method}({key})"


# Behaviour


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("resolver", mine.OpResolverType.__members__)
def test_every_resolver_and_number_of_threads_runs(dtype: str, resolver: str) -> None:
    """Set, resize to the same, run with one and two threads: the same numbers."""
    data = np.array([[2, 4, 6, 8]], dtype)

    def run(module: Any) -> Any:
        found = []
        for threads in (None, 1, 2):
            own = module.Interpreter(
                model_content=reversing(dtype),
                num_threads=threads,
                experimental_op_resolver_type=getattr(module.OpResolverType, resolver),
            )
            own.resize_tensor_input(0, data.shape)
            own.allocate_tensors()
            own.set_tensor(0, data)
            own.invoke()
            found.append(own.get_tensor(2))
        return found

    assert equal(*both(run))


def test_views_and_copies() -> None:
    """tensor() gives a reference, get_tensor a copy; a held view forbids to run."""

    def walk(module: Any) -> list[Any]:
        own = made(module)
        seen = [own._safe_to_run()]
        reference = own.tensor(0)
        np.copyto(reference(), np.array([[-1, -2, -3, -4]], np.float32))
        seen += [reference().copy(), own.get_tensor(0), own._safe_to_run()]
        before = own.get_tensor(0)
        own.set_tensor(0, before + np.float32(1))
        seen += [before, own.get_tensor(0)]
        held = own.tensor(0)()
        seen.append(own._safe_to_run())
        for unsafe in (own.allocate_tensors, own.invoke):
            with pytest.raises(RuntimeError, match="There is at least 1 reference"):
                unsafe()
        del held
        own.allocate_tensors()
        seen.append(own._safe_to_run())
        return seen

    assert equal(*both(walk))


def test_a_sum_over_nothing() -> None:
    """An input resized to no elements runs through a signature."""
    g = GraphBuilder()
    x = g.input("x", (1,), shape_signature=(-1,))
    axis = g.constant("axis", np.array([0], np.int32))
    y = g.tensor("y", ())
    g.operator("SUM", [x, axis], [y], {"keep_dims": False})
    g.signature("serving_default", {"x": x}, {"output_0": y})
    content = write_model(g.build(outputs=[y]))

    def run(module: Any) -> Any:
        runner = made(module, content, allocate=False).get_signature_runner()
        return [runner(x=np.zeros(size, np.float32)) for size in (0, 3)]

    assert equal(*both(run))


def test_text_can_be_described_though_not_run() -> None:
    """A GATHER of strings: its details are LiteRT's; running it is refused by name."""
    g = GraphBuilder()
    x, i = g.input("input", (10,), "string"), g.input("indices", (3,), "int64")
    y = g.tensor("output", (3,), "string")
    g.operator("GATHER", [x, i], [y])
    content = write_model(g.build(outputs=[y]))

    def describe(module: Any) -> Any:
        own = made(module, content, allocate=False)
        return own.get_input_details(), own.get_output_details(), own._get_ops_details()

    assert equal(*both(describe))
    with pytest.raises(RuntimeError, match="no operator is supported on string"):
        made(mine, content)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fallback_on_a_missing_delegate_works() -> None:
    """The usual `try: load_delegate(…) except (ValueError, OSError)` falls back on both."""

    def open_(module: Any) -> Any:
        try:
            delegates = [module.load_delegate("libedgetpu.so.1", {"device": "usb"})]
        except (ValueError, OSError):
            delegates = []
        return made(module, experimental_delegates=delegates).get_input_details()

    assert equal(*both(open_))


def test_what_called_subgraphs_computed_can_be_read() -> None:
    """With all tensors preserved: inputs, constants and results of a composite's subgraph."""
    g = GraphBuilder("main")
    x, y = g.input("x", (3,)), g.tensor("y", (3,))
    inner = g.subgraph("decomposition")
    a = inner.input("a", (3,))
    two = inner.constant("two", np.float32([2, 2, 2]))
    b, c = inner.tensor("b", (3,)), inner.tensor("c", (3,))
    inner.operator("MUL", [a, two], [b])
    inner.operator("ADD", [b, a], [c])
    inner.output(c)
    options = {
        "name": "three_times",
        "decomposition_subgraph_index": inner.index,
        "composite_attributes": np.array([0x24, 1], np.uint8),
    }
    g.operator("STABLEHLO_COMPOSITE", [x], [y], options)
    content = write_model(g.build(outputs=[y]))

    def run(module: Any) -> Any:
        own = made(module, content, experimental_preserve_all_tensors=True)
        found = []
        for data in ([1, 2, 3], [4, 5, 6]):
            own.set_tensor(0, np.array(data, np.float32))
            own.invoke()
            found += [own.get_tensor(1)]
            found += [own.get_tensor(index, 1) for index in (a, two, b, c)]
        return found

    their, our = both(run)
    assert not isinstance(their, Exception)
    assert equal(their, our), (their, our)
