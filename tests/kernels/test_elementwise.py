"""Element-wise operators and SOFTMAX, against the runtimes, plain forms and Python integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conformance.case import Case
from conformance.cases import load_all
from conformance.compare import run_ours
from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.elementwise import common_shape
from refinterp.kernels.registry import call, prepare
from refinterp.numerics.broadcast import blocks
from refinterp.runtimes import Runtime
from tests.kernels.oracle import hold, opened
from tests.oracles import integers
from tests.strategies import cases

OPERATORS = (
    "ADD", "DEQUANTIZE", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MUL", "QUANTIZE", "RELU",
    "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "SOFTMAX", "SUB", "TANH",
)  # fmt: skip
ON_TFLM = tuple(name for name in OPERATORS if name not in ("RELU_0_TO_1", "RELU_N1_TO_1"))
FEW = max(5, settings.default.max_examples // 4)


def dtypes(operator: str) -> list[str]:
    """The dtype keys an operator's cases are drawn for."""
    return [dtype for name, dtype in load_all() if name == operator]


@pytest.fixture(scope="module")
def litert() -> Iterator[Runtime]:
    yield from opened("runtime:litert-reference")


@pytest.fixture(scope="module")
def tflm() -> Iterator[Runtime]:
    yield from opened("runtime:tflm")


@pytest.mark.parametrize("operator", OPERATORS)
def test_same_as_litert(operator: str, litert: Runtime) -> None:
    """Every type comes out bit for bit as in LiteRT's reference kernels, exp within an ulp."""
    held = []

    @settings(max_examples=FEW)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(dtypes(operator)))]
        held.append(hold(data.draw(cases(generator)), litert, "runtime:litert-reference"))

    check()
    assert any(held)


@pytest.mark.parametrize("operator", ON_TFLM)
def test_same_as_tflm(operator: str, tflm: Runtime) -> None:
    """What TFLM runs comes out bit for bit under its flavour."""
    held = []
    known = [dtype for dtype in dtypes(operator) if dtype in ("int8", "int16", "float32")]

    @settings(max_examples=FEW)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(known))]
        held.append(hold(data.draw(cases(generator)), tflm, "runtime:tflm"))

    check()
    assert any(held)


@pytest.mark.parametrize("operator", OPERATORS)
def test_tables_equal_definitions(operator: str) -> None:
    """A table of codes, or of pairs of codes, gives what the definition gives."""

    @settings(max_examples=FEW)
    @given(st.data(), st.sampled_from(["litert-reference", "tflm"]))
    def check(data: st.DataObject, flavour: str) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(dtypes(operator)))]
        case = data.draw(cases(generator))
        fast = run_ours(case.model, case.samples, flavour=flavour)
        plain = run_ours(case.model, case.samples, flavour=flavour, plain=True)
        alone = run_ours(case.model, case.samples, flavour=flavour, batched=False)
        for other in (plain, alone):
            for ours, theirs in zip(fast, other, strict=True):
                for tensor, array in ours.items():
                    np.testing.assert_array_equal(array, theirs[tensor])

    check()


def spec(name: str, shape: tuple[int, ...], scale: float, zero: int) -> TensorSpec:
    """An int8 operand."""
    return TensorSpec.of(name, shape, "int8", scale, zero)


quantized = st.tuples(st.sampled_from([2.0**-5, 0.0371, 0.25, 0.9]), st.integers(-128, 127))


@given(quantized, quantized, quantized, st.sampled_from(["ADD", "SUB"]), st.data())
def test_sums_equal_python_integers(
    a: tuple[float, int], b: tuple[float, int], y: tuple[float, int], name: str, data: Any
) -> None:
    """ADD and SUB on int8 follow the definition, derived from the specs with Python integers."""
    specs = [spec(n, (4,), *q) for n, q in zip("aby", (a, b, y), strict=True)]
    first, second = (data.draw(hnp.arrays(np.int8, 4)) for _ in range(2))
    kernel = prepare(name, specs[:2], specs[2:])
    got = call(kernel, [first, second], specs[2:])[0]
    want = [
        integers.sum_int8(int(p), int(q), *specs, sign=1 if name == "ADD" else -1)
        for p, q in zip(first, second, strict=True)
    ]
    assert got.tolist() == want


@given(quantized, quantized, quantized, st.data())
def test_products_equal_python_integers(
    a: tuple[float, int], b: tuple[float, int], y: tuple[float, int], data: Any
) -> None:
    """MUL on int8 follows the definition, with the factor in float64 under TFLM's flavour."""
    specs = [spec(n, (4,), *q) for n, q in zip("aby", (a, b, y), strict=True)]
    first, second = (data.draw(hnp.arrays(np.int8, 4)) for _ in range(2))
    kernel = prepare("MUL", specs[:2], specs[2:], flavour="tflm")
    got = call(kernel, [first, second], specs[2:])[0]
    want = [
        integers.product_int8(int(p), int(q), *specs) for p, q in zip(first, second, strict=True)
    ]
    assert got.tolist() == want


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=5), st.data()
)
def test_blocks_visit_every_element_once(shapes: hnp.BroadcastableShapes, data: Any) -> None:
    """Walking in blocks of any size equals NumPy's broadcasting, over samples and constants."""
    samples = data.draw(st.sampled_from([1, 3]))
    out = np.zeros((samples, *shapes.result_shape), np.int64)
    operands = []
    for shape in shapes.input_shapes:
        count = data.draw(st.sampled_from([1, samples]))
        operands.append(np.arange(count * int(np.prod(shape))).reshape(count, *shape))
    for target, a, b in blocks(out, *operands, limit=data.draw(st.sampled_from([1, 4, 1000]))):
        target += a * 1000 + b + 1
    rank = len(shapes.result_shape)
    a, b = (x.reshape(len(x), *(1,) * (rank + 1 - x.ndim), *x.shape[1:]) for x in operands)
    np.testing.assert_array_equal(out, np.broadcast_to(a * 1000 + b + 1, out.shape))


def test_relu6_clamps_input_codes_on_tflm() -> None:
    """TFLM's RELU6 copies codes even where the scales differ; LiteRT rescales them."""
    x, y = spec("x", (3,), 0.1, 0), spec("y", (3,), 0.05, 0)
    codes = np.array([-5, 30, 100], np.int8)
    got = {
        flavour: call(prepare("RELU6", [x], [y], flavour=flavour), [codes], [y])[0].tolist()
        for flavour in ("litert-reference", "tflm")
    }
    assert got == {"litert-reference": [0, 60, 120], "tflm": [0, 30, 60]}


def test_int16_products_with_8_bit_outputs(litert: Runtime) -> None:
    """int16 times int16 into 8 bits is a Q0.15 product cut to its upper byte, as in LiteRT."""
    rng = np.random.default_rng(5)
    for y_dtype, zero in (("int8", -3), ("uint8", 120)):
        g = GraphBuilder()
        a = g.input("a", (500,), "int16", scale=0.01, zero_point=0)
        b = g.input("b", (500,), "int16", scale=0.02, zero_point=0)
        y = g.tensor("y", (500,), y_dtype, scale=0.02, zero_point=zero)
        g.operator("MUL", [a, b], [y], {"fused_activation_function": "RELU6"})
        data = rng.integers(-32768, 32768, (2, 500)).astype(np.int16)
        data[:, 0] = -32768
        assert hold(Case(g.build([y]), [list(data)]), litert, "runtime:litert-reference")


def test_quantize_rounds_halves_away_and_saturates() -> None:
    """float32 to int8 rounds halves away from zero; what int32 cannot hold becomes the minimum."""
    y = spec("y", (6,), 0.5, 1)
    x = TensorSpec.of("x", (6,), "float32")
    reals = np.array([0.25, -0.25, 0.2499, 100.0, 1e30, np.nan], np.float32)
    assert call(prepare("QUANTIZE", [x], [y]), [reals], [y])[0].tolist() == [
        2, 0, 1, 127, -128, -128,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("ADD", {"y": ("int8", 1e-9, 0)}, "must exceed"),
        ("ADD", {"b": ("uint8", 0.1, 0)}, "allowed here: int8"),
        ("MUL", {"a": ("int8", None, 0)}, "exactly one scale"),
        ("MUL", {"y": ("int8", 0.0, 0)}, "must be above 0"),
        ("LOGISTIC", {"y": ("int8", 0.1, -128)}, "must be 0.00390625"),
        ("SOFTMAX", {"y": ("int8", 1 / 256, 0)}, "must be -128"),
        ("SOFTMAX", {"y": ("int8", 1 / 255, -128)}, "must be 1/256"),
        ("SOFTMAX", {"a": ("int8", 1e-9, 0), "y": ("int8", 1 / 256, -128)}, "must exceed"),
        ("HARD_SWISH", {"y": ("int8", 1e-5, 0)}, "scale / 128"),
        ("RELU", {"y": ("int16", 0.1, 0)}, "allowed here: int8"),
    ],
)
def test_refuses_what_cannot_be(
    name: str, changes: dict[str, tuple[str, float | None, int]], message: str
) -> None:
    """A model that makes the arithmetic meaningless is refused with what is allowed."""
    specs = {n: TensorSpec.of(n, (2,), *changes.get(n, ("int8", 0.1, 0))) for n in ("a", "b", "y")}
    inputs = [specs["a"], specs["b"]] if name in ("ADD", "MUL") else [specs["a"]]
    with pytest.raises(ModelError, match=message):
        prepare(name, inputs, [specs["y"]], {"beta": 1.0})


def test_shapes_that_do_not_broadcast_are_named() -> None:
    """Two shapes that do not fit are an error that shows both."""
    a, b = spec("a", (2, 3), 0.1, 0), spec("b", (4,), 0.1, 0)
    with pytest.raises(ModelError, match=r"\[2, 3\] and \[4\] do not broadcast: 3 against 4"):
        common_shape([a, b], None)
