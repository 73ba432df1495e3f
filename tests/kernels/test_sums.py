"""Operators that sum, pool and reduce, against the runtimes and against their plain forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.operators.cases import load_all
from conformance.operators.compare import run_ours
from refinterp.errors import ModelError
from refinterp.graph.operands import Reduced
from refinterp.graph.spec import TensorSpec
from refinterp.kernels import depthwise_taps
from refinterp.kernels.contract import NeedsValue
from refinterp.kernels.ops import fully_connected, transpose_conv
from refinterp.kernels.reduction import ReducerOptions, Reduction, divided
from refinterp.kernels.registry import call, prepare
from refinterp.kernels.workspace import Workspace
from refinterp.numerics import frames, patches
from refinterp.numerics.fixedpoint import Multiplier
from refinterp.runtimes import Runtime
from tests.kernels.oracle import drawn, hold
from tests.oracles import integers
from tests.strategies import cases

FAMILIES = ("batch_matmul", "conv", "dense", "depthwise", "pool", "reduce", "transpose_conv")


def dtypes(operator: str) -> list[str]:
    """The dtype keys an operator's cases are drawn for."""
    return [dtype for name, dtype in load_all() if name == operator]


@pytest.mark.parametrize("operator", drawn(*FAMILIES, runtime="litert-reference"))
def test_same_as_litert(operator: str, litert: Runtime) -> None:
    """Integers come out bit for bit as in LiteRT's reference kernels, floats within rounding."""
    held = []

    @settings(max_examples=settings.default.max_examples // 4)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(dtypes(operator)))]
        case = data.draw(cases(generator))
        assume("runtime:litert-reference" not in case.undefined)
        often = data.draw(st.booleans())
        held.append(hold(case, litert, "runtime:litert-reference", often=often))

    check()
    assert any(held)


@pytest.mark.parametrize("operator", drawn(*FAMILIES, runtime="tflm"))
def test_same_as_tflm(operator: str, tflm: Runtime) -> None:
    """int8 and float32 come out as in TFLM where it takes the model."""
    held = []

    @settings(max_examples=settings.default.max_examples // 4)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        taken = [dtype for dtype in dtypes(operator) if dtype in ("int8", "float32", "bool")]
        generator = load_all()[operator, data.draw(st.sampled_from(taken))]
        held.append(hold(data.draw(cases(generator)), tflm, "runtime:tflm"))

    check()
    assert any(held)


@pytest.mark.parametrize(
    "operator", [name for name in drawn(*FAMILIES) if not name.startswith(("REDUCE", "L2"))]
)
def test_fast_equals_plain(operator: str) -> None:
    """Products and sums through floats, in any blocking, at any run, are those of int64."""
    quantized = [dtype for dtype in dtypes(operator) if not dtype.startswith("float")]

    @settings(max_examples=settings.default.max_examples // 4)
    @given(st.data(), st.sampled_from([1, 20, 300, 1 << 17]), st.sampled_from([1, 32]))
    def check(data: st.DataObject, block: int, band: int) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(quantized))]
        case = data.draw(cases(generator))
        flavour = data.draw(st.sampled_from(["litert-reference", "tflm"]))
        assume(f"runtime:{flavour}" not in case.undefined)
        with pytest.MonkeyPatch.context() as patch:
            for module in (frames, patches, fully_connected, transpose_conv):
                patch.setattr(module, "BLOCK", block)
            patch.setattr(depthwise_taps, "RUN", block)
            patch.setattr(patches, "BAND", band)
            often = data.draw(st.booleans())
            fast = run_ours(case.model, case.samples, flavour=flavour, often=often)
        plain = run_ours(case.model, case.samples, flavour=flavour, plain=True, batched=False)
        for mine, theirs in zip(fast, plain, strict=True):
            assert {t: a.tolist() for t, a in mine.items()} == {
                t: a.tolist() for t, a in theirs.items()
            }

    check()


def quantized(
    shape: tuple[int, ...], dtype: str = "int8", scale: float = 1.0, zero: int = 0
) -> Any:
    return TensorSpec.of("t", shape, dtype, scale, zero)


def constant(value: Any, dtype: str, scale: float | None = None) -> TensorSpec:
    array = np.array(value, dtype)
    return TensorSpec.of("constant", array.shape, dtype, scale, data=array)


def dense(bias: int, y_scale: float, y_zero: int, flavour: str) -> int:
    """One FULLY_CONNECTED unit: 127 * 127 twice and a bias, at weights and data of scale 1."""
    inputs = [
        quantized((1, 2)),
        constant([[127, 127]], "int8", 1.0),
        constant([bias], "int32", 1.0),
    ]
    y = quantized((1, 1), scale=y_scale, zero=y_zero)
    kernel = prepare("FULLY_CONNECTED", inputs, [y], flavour=flavour)
    (out,) = call(kernel, [np.array([[127, 127]], np.int8), inputs[1].data, inputs[2].data], [y])
    return int(out[0, 0])


def test_dense_sums_wrap() -> None:
    """A sum beyond int32 wraps around, under both flavours, as C's does."""
    for flavour in ("litert-reference", "tflm"):
        assert dense(2**31 - 1, 2.0, 0, flavour) == -128
        assert dense(2**31 - 40000, 2.0, 0, flavour) == 127


def test_dense_reals_beyond_int32() -> None:
    """LiteRT's scaled sum that leaves int32 becomes its minimum; a negative zero point wraps it."""
    assert dense(2**30, 2.0**-8, 5, "litert-reference") == -128
    assert dense(2**30, 2.0**-8, -5, "litert-reference") == 127


def test_filters_that_differ_by_sample() -> None:
    """A filter that is no constant has one value per sample, and so may the bias."""
    x = np.array([[[[[3]]]], [[[[4]]]]], np.int8)
    w = np.array([[[[[10]]]], [[[[-10]]]]], np.int8)
    for operator in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        rank = 2 if operator == "FULLY_CONNECTED" else 4
        shape = (1,) * rank
        options = {} if rank == 2 else {"stride_w": 1, "stride_h": 1}
        inputs = [quantized(shape), quantized(shape), quantized((1,), "int32")]
        kernel = prepare(operator, inputs, [quantized(shape)], options)
        out = np.zeros((2, *shape), np.int8)
        bias = np.array([[1], [2]], np.int32)
        kernel.eval([x.reshape(2, *shape), w.reshape(2, *shape), bias], [out], Workspace())
        assert out.reshape(-1).tolist() == [31, -38]


def test_average_counts_what_is_inside() -> None:
    """A padded corner averages fewer elements; halves go away from zero on both sides."""
    x = np.array([[1, 2], [-1, -2]], np.int8).reshape(1, 2, 2, 1)
    y = quantized((1, 2, 2, 1))
    options = {"filter_width": 2, "filter_height": 1, "stride_w": 1, "stride_h": 1}
    kernel = prepare("AVERAGE_POOL_2D", [quantized((1, 2, 2, 1))], [y], options)
    assert call(kernel, [x], [y])[0].reshape(2, 2).tolist() == [[2, 2], [-2, -2]]


def test_pools_do_not_rescale() -> None:
    """TFLM refuses a pool whose output has another scale; LiteRT takes the codes as they are."""
    x, y = quantized((1, 1, 1, 1)), quantized((1, 1, 1, 1), scale=0.5)
    options = {"filter_width": 1, "filter_height": 1, "stride_w": 1, "stride_h": 1}
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        with pytest.raises(ModelError, match="cannot rescale"):
            prepare(operator, [x], [y], options, flavour="tflm")
        kernel = prepare(operator, [x], [y], options)
        assert call(kernel, [np.full((1, 1, 1, 1), 7, np.int8)], [y])[0].item() == 7


def test_float_max_pool_passes_over_nan() -> None:
    """NaN loses every comparison, and what is left of nothing is the lowest float."""
    x = np.array([np.nan, 2.0, np.nan, np.nan], np.float32).reshape(1, 1, 4, 1)
    spec, y = TensorSpec.of("x", x.shape, "float32"), TensorSpec.of("y", (1, 1, 2, 1), "float32")
    options = {"filter_width": 2, "filter_height": 1, "stride_w": 2, "stride_h": 1}
    kernel = prepare("MAX_POOL_2D", [spec], [y], options)
    out = call(kernel, [x], [y])[0].reshape(-1)
    assert out.tolist() == [2.0, float(np.finfo(np.float32).min)]


@given(st.integers(1, 2**20), st.integers(1, 2**31 - 1), st.integers(-31, 8))
def test_mean_divides_the_mantissa(count: int, mantissa: int, exponent: int) -> None:
    """The multiplier of a mean is cut, not rounded, and its shift keeps to what C allows."""
    m = divided(Multiplier(np.asarray(mantissa), np.asarray(exponent)), count)
    shift = min(len(f"{count:b}") - 1, 32, 31 + exponent)
    assert int(m.mantissa[0]) == mantissa * 2**shift // count
    assert int(m.exponent[0]) == exponent - shift
    assert integers.rescale(0, int(m.mantissa[0]), int(m.exponent[0])) == 0


def test_axes_are_read_as_written() -> None:
    """Axes count from the end when negative, once when repeated, not at all on a scalar."""
    x = TensorSpec.of("x", (2, 3, 4), "float32")
    axes = constant([-1, 2, 0], "int32")
    assert Reduction.of(Reduced([x, axes]), ReducerOptions()).output_shape == (3,)
    assert Reduction.of(Reduced([x, axes]), ReducerOptions(keep_dims=True)).output_shape == (
        1,
        3,
        1,
    )
    scalar = TensorSpec.of("x", (), "float32")
    assert Reduction.of(Reduced([scalar, axes]), ReducerOptions()).output_shape == ()
    with pytest.raises(ModelError, match="axis 3"):
        Reduction.of(Reduced([x, constant(3, "int32")]), ReducerOptions())
    with pytest.raises(NeedsValue):
        Reduction.of(Reduced([x, TensorSpec.of("axes", (1,), "int32")]), ReducerOptions())


def test_shapes_that_cannot_be() -> None:
    """A filter whose channels do not divide, a depth that does not fit: ModelError says which."""
    x = quantized((1, 4, 4, 3))
    y = quantized((1, 4, 4, 4))
    with pytest.raises(ModelError, match="multiple of 3"):
        prepare(
            "DEPTHWISE_CONV_2D",
            [x, constant(np.ones((1, 1, 1, 4)), "int8", 1.0)],
            [y],
            {"stride_w": 1, "stride_h": 1},
        )
    with pytest.raises(ModelError, match="rows of 5"):
        prepare("FULLY_CONNECTED", [x, constant(np.ones((2, 5)), "int8", 1.0)], [y])


def test_infinite_sums_come_out_finite() -> None:
    """Even without an activation floats are clamped to the type's finite range, as in C."""
    inputs = [TensorSpec.of("x", (1, 2), "float32"), constant([[1, 1], [-1, -1]], "float32")]
    y = TensorSpec.of("y", (1, 2), "float32")
    kernel = prepare("FULLY_CONNECTED", inputs, [y])
    largest = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        (out,) = call(kernel, [np.array([[largest, largest]]), inputs[1].data], [y])
    assert out.tolist() == [[float(largest), -float(largest)]]


def test_an_output_shape_that_tflm_never_reads() -> None:
    """Where the shape given to TRANSPOSE_CONV makes no sense TFLM goes by its output tensor."""
    inputs = [
        constant([7, -5, 0, 3], "int32"),
        constant(np.ones((1, 2, 1, 1)), "int8", 1.0),
        quantized((1, 1, 1, 1)),
    ]
    y = quantized((1, 2, 1, 1))
    options = {"stride_w": 1, "stride_h": 2, "declared_shapes": ((1, 2, 1, 1),)}
    kernel = prepare("TRANSPOSE_CONV", inputs, [y], options, flavour="tflm")
    x = np.full((1, 1, 1, 1), 9, np.int8)
    (out,) = call(kernel, [inputs[0].data, inputs[1].data, x], [y])
    assert out.reshape(-1).tolist() == [9, 9]
    with pytest.raises(ModelError, match="does not follow"):
        prepare("TRANSPOSE_CONV", inputs, [y], options)


def test_sums_of_codes_that_litert_misreads() -> None:
    """int8 and int16 codes add up as what they are, under both flavours."""
    for flavour in ("litert-reference", "tflm"):
        for dtype in ("int8", "int16"):
            inputs = [quantized((3,), dtype), constant([0], "int32")]
            y = quantized((), dtype)
            kernel = prepare("SUM", inputs, [y], flavour=flavour)
            x = np.array([-1, -2, 5], dtype)
            assert call(kernel, [x, inputs[1].data], [y])[0].tolist() == 2


def test_dynamic_range_minus_128() -> None:
    """LiteRT's product of sixteen turns the sign of a negative code times -128."""
    w = np.full((1, 17), -128, np.int8)
    inputs = [TensorSpec.of("x", (1, 17), "float32"), constant(w, "int8", 1.0)]
    y = TensorSpec.of("y", (1, 1), "float32")
    kernel = prepare("FULLY_CONNECTED", inputs, [y])
    (out,) = call(kernel, [np.full((1, 17), -127, np.float32), w], [y])
    assert out.item() == 127 * 128 * (1 - 16)
