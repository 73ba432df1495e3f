"""Element-wise operators and SOFTMAX, against the runtimes, plain forms and Python integers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.compare import run_ours
from refinterp.errors import ModelError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.operands import Binary
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import common_shape
from refinterp.kernels.registry import call, prepare
from refinterp.modelfile.writer import write_model
from refinterp.numerics import q31
from refinterp.numerics.broadcast import blocks
from refinterp.numerics.erf import erfc
from refinterp.runtimes import Runtime
from refinterp.runtimes.outcome import Ran
from tests.kernels.oracle import drawn, hold
from tests.oracles import integers
from tests.strategies import cases

FAMILIES = ("activations", "arithmetic", "functions", "pairs")
FEW = max(3, settings.default.max_examples // 6)


def dtypes(operator: str) -> list[str]:
    """The dtype keys an operator's cases are drawn for."""
    return [dtype for name, dtype in load_all() if name == operator]


@pytest.mark.parametrize("operator", drawn(*FAMILIES, runtime="litert-reference"))
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


@pytest.mark.parametrize("operator", drawn(*FAMILIES, runtime="tflm"))
def test_same_as_tflm(operator: str, tflm: Runtime) -> None:
    """What TFLM runs comes out bit for bit under its flavour."""
    held = []
    own = dtypes(operator)
    known = [dtype for dtype in ("float32", "int8", "bool") if dtype in own]

    @settings(max_examples=FEW)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(known))]
        held.append(hold(data.draw(cases(generator)), tflm, "runtime:tflm"))

    check()
    assert any(held)


@pytest.mark.parametrize("operator", drawn(*FAMILIES))
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


@settings(max_examples=FEW)
@given(quantized, quantized, quantized, st.sampled_from(["ADD", "SUB"]))
def test_sums_of_all_pairs(
    a: tuple[float, int], b: tuple[float, int], y: tuple[float, int], name: str
) -> None:
    """Checked or proven, a sum is what Python integers make of the pairs closest to a tie."""
    shapes = ((256, 1), (1, 256), (256, 256))
    specs = [spec(n, s, *q) for n, s, q in zip("aby", shapes, (a, b, y), strict=True)]
    codes = np.arange(-128, 128, dtype=np.int8)
    arrays = [codes.reshape(1, 256, 1), codes.reshape(1, 1, 256)]
    fast = prepare(name, specs[:2], specs[2:])
    many = replace(fast, kernel=fast.kernel.settle([np.zeros((1, 256, 256), np.int8)], 64))
    plain = prepare(name, specs[:2], specs[2:], plain=True)
    found = [call(one, [x[0] for x in arrays], specs[2:])[0] for one in (fast, many, plain)]
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[2])

    sign = 1 if name == "ADD" else -1
    left, right = (
        s.step * (x[0].astype(np.float64) - s.zero) for s, x in zip(specs[:2], arrays, strict=True)
    )
    steps = (left + sign * right) / specs[2].step + 0.5
    for place in np.argsort(np.abs(steps - np.round(steps)), axis=None)[:64]:
        p, q = (int(codes[i]) for i in divmod(int(place), 256))
        assert found[0].flat[place] == integers.sum_int8(p, q, *specs, sign=sign)


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


def model(
    name: str, x: dict[str, Any], y: dict[str, Any], count: int = 1, **options: Any
) -> tuple[Any, list[Any]]:
    """A model of one operator on 4096 codes from each of `count` inputs, and one sample."""
    rng = np.random.default_rng(11)
    g = GraphBuilder()
    limits = np.iinfo(x["dtype"])
    inputs = [g.input(f"x{i}", (4096,), **x) for i in range(count)]
    target = g.tensor("y", (4096,), **y)
    g.operator(name, inputs, [target], options)
    data = [rng.integers(limits.min, limits.max + 1, 4096).astype(x["dtype"]) for _ in inputs]
    return g.build([target]), data


@pytest.mark.parametrize("name", ["EQUAL", "LESS", "GREATER"])
@pytest.mark.parametrize("scales", [(1.25, 2.5), (100.0, 3.0)])
def test_comparisons_of_scales_above_one(
    name: str, scales: tuple[float, float], litert: Runtime
) -> None:
    """Shifts C leaves undefined come out as x86 makes them."""
    g = GraphBuilder()
    a, b = (g.input("ab"[i], (300,), "int8", scale=scales[i], zero_point=3) for i in range(2))
    y = g.tensor("y", (300,), "bool")
    g.operator(name, [a, b], [y])
    data = [np.random.default_rng(i).integers(-128, 128, 300).astype(np.int8) for i in range(2)]
    assert hold(Case(g.build([y]), [data]), litert, "runtime:litert-reference")


@pytest.mark.parametrize("name", ["GREATER", "LESS", "EQUAL", "NOT_EQUAL"])
def test_int16_comparisons(name: str, litert: Runtime) -> None:
    """EQUAL and NOT_EQUAL rescale int16 codes, the others take them as they are."""
    x = {"dtype": "int16", "scale": 0.013, "zero_point": 0}
    built, data = model(name, x, {"dtype": "bool"}, 2)
    assert hold(Case(built, [data]), litert, "runtime:litert-reference")


def test_int16_gelu_is_within_one_of_the_c_library(litert: Runtime) -> None:
    """Only erfcf and tanhf of the C library part it from ours, and by no more than one code."""
    for approximate in (False, True):
        x = {"dtype": "int16", "scale": 1e-4, "zero_point": 0}
        built, data = model("GELU", x, dict(x), approximate=approximate)
        outcome = litert.run(write_model(built), [data])
        assert isinstance(outcome, Ran)
        ours = run_ours(built, [data], flavour="litert-reference")[0]
        difference = ours[1].astype(int) - outcome.outputs[0][0].astype(int)
        assert np.abs(difference).max() <= 1
        assert np.mean(difference != 0) < 0.01


def test_unquantized_int16(litert: Runtime) -> None:
    """int16 without scales is a plain number to ADD, MUL and ABS."""
    for name, count in (("ADD", 2), ("MUL", 2), ("ABS", 1)):
        built, data = model(name, {"dtype": "int16"}, {"dtype": "int16"}, count)
        data[0][0] = -32768
        assert hold(Case(built, [data]), litert, "runtime:litert-reference")


def test_add_n_starts_from_code_zero_on_tflm(tflm: Runtime) -> None:
    """TFLM's int8 ADD_N adds the zero point once more than it should."""
    x = {"dtype": "int8", "scale": 0.5, "zero_point": 10}
    built, data = model("ADD_N", x, dict(x, scale=1.5), 3)
    assert hold(Case(built, [data]), tflm, "runtime:tflm")
    ten = np.full((1,), 10, np.int8)
    specs = [spec("x", (1,), 0.5, 10)] * 2
    y = spec("y", (1,), 0.5, 0)
    got = call(prepare("ADD_N", specs, [y]), [ten, ten], [y])[0]
    assert got.tolist() == [-10]  # three zeros of the inputs, where two belong


def test_codes_divided_by_zero_on_tflm(tflm: Runtime) -> None:
    """TFLM divides by the zero point's code too; the wrapping of its reciprocal is followed."""
    x = {"dtype": "int8", "scale": 0.03, "zero_point": -7}
    built, data = model("DIV", x, dict(x, scale=0.08), 2)
    data[1][::3] = -7
    assert hold(Case(built, [data]), tflm, "runtime:tflm")


def test_floats_cast_to_the_nearest_end() -> None:
    """What an integer type cannot hold becomes its nearest end, NaN its largest."""
    x = TensorSpec.of("x", (5,), "float32")
    reals = np.array([127.9, 300.0, -1e20, np.nan, -0.9], np.float32)
    want = {"int8": [127, 127, -128, 127, 0], "uint8": [127, 255, 0, 255, 0]}
    for dtype, values in want.items():
        y = TensorSpec.of("y", (5,), dtype)
        assert call(prepare("CAST", [x], [y]), [reals], [y])[0].tolist() == values


@given(st.lists(st.floats(-6, 27), min_size=1, max_size=50))
def test_erfc_equals_the_standard_library(values: list[float]) -> None:
    """The array form is within 1e-14 of math.erfc's value, wherever that is not denormal."""
    got = erfc(np.array(values))
    for value, mine in zip(values, got, strict=True):
        assert mine == pytest.approx(math.erfc(value), rel=1e-13, abs=1e-300)


@given(st.integers(1, 2**31 - 1))
def test_fixed_point_functions_are_near_the_reals(x: int) -> None:
    """1 / sqrt, 1 / x and log in fixed point stay within the errors their few steps leave."""
    mantissa, exponent = q31.inverse_square_root(np.array([x]))
    assert math.ldexp(int(mantissa[0]), int(exponent[0]) - 31) == pytest.approx(x**-0.5, rel=1.3e-6)
    inverse, over = q31.reciprocal(np.array([x]), 31)
    assert math.ldexp(int(inverse[0]), -31 - int(over[0])) == pytest.approx(1 / x, rel=5e-9)
    if x >= 1 << 19:  # one in Q12
        log = int(q31.log(np.array([x]), 12, 5)[0])
        assert math.ldexp(log, -26) == pytest.approx(math.log(x / 2**19), abs=5e-8)


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
        ("ADD", {"b": ("uint8", 0.1, 0)}, "allowed: int8"),
        ("MUL", {"a": ("int8", None, 0)}, "without a scale"),
        ("MUL", {"y": ("int8", 0.0, 0)}, "must be above 0"),
        ("LOGISTIC", {"y": ("int8", 0.1, -128)}, "must be 0.00390625"),
        ("SOFTMAX", {"y": ("int8", 1 / 256, 0)}, "must be -128"),
        ("SOFTMAX", {"y": ("int8", 1 / 255, -128)}, "must be 1/256"),
        ("SOFTMAX", {"a": ("int8", 1e-9, 0), "y": ("int8", 1 / 256, -128)}, "must exceed"),
        ("HARD_SWISH", {"y": ("int8", 1e-5, 0)}, "scale / 128"),
        ("RELU", {"y": ("int16", 0.1, 0)}, "allowed: int8"),
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
        common_shape(Binary([a, b]), None)
