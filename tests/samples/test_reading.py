"""What numbers in a file stand for: by types and by what was asked, never by values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.spec import TensorSpec
from refinterp.run.opening import with_data
from refinterp.samples.convert import fit_input
from refinterp.samples.reading import auto_range, reading
from refinterp.samples.request import DataRequest
from tests.samples.models import BYTES, SIGNED, UNIT, spec

SENSOR = (0.39, 89)
"""An int8 input that holds no image range."""


@pytest.mark.parametrize(
    ("dtype", "grid", "name"),
    [
        ("int8", UNIT, "0..1"),
        ("int8", SIGNED, "-1..1"),
        ("int8", BYTES, "0..255"),
        ("uint8", (1 / 255, 0), "0..1"),
        ("uint8", (1 / 128, 128), "-1..1"),
        ("uint8", (1.0, 0), "0..255"),
        ("int8", (0.98 / 255, -128), "0..1"),
        ("int8", (1 / 127, 0), "-1..1"),
        ("int16", (1 / 32767, 0), "0..1"),
        ("int16", (255 / 32767, 0), "0..255"),
        ("int8", SENSOR, None),
        ("int8", (0.0186, -14), None),
        ("int8", (1 / 255 / 255, -128), None),
        ("float32", None, "0..1"),
    ],
)
def test_range_follows_from_scale_and_zero_point(dtype, grid, name):
    """The range whose ends the input's are near; a float input has none, and 0..1 is assumed."""
    chosen = auto_range(spec((1, 4), dtype, grid))
    assert chosen.name == name
    assert ("assumed" in chosen.why) == (dtype == "float32")


def test_float_input_goes_by_its_quantize():
    """The converter's float inputs: what QUANTIZE writes says which reals the model was fed."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "float32")
    y = g.tensor("y", (1, 4), "int8", scale=SIGNED[0], zero_point=SIGNED[1])
    g.operator("QUANTIZE", [x], [y])
    _, samples = with_data(g.build(outputs=[y]), DataRequest(None))
    assert auto_range(samples.inputs[0]).name == "-1..1"


INTEGERS = ["uint8", "int8", "int16", "uint16", "int32", "int64", "uint32", "uint64"]


def words(wanted, dtype, image_range="auto", kind="array"):
    return reading(wanted, np.dtype(dtype), image_range, kind).words


@pytest.mark.parametrize("dtype", INTEGERS)
def test_int8_input(dtype):
    """Its own type: codes. Others: pixels, but int8 are the only codes; raw: all are codes."""
    wanted = spec((1, 4))
    own = dtype == "int8"
    assert words(wanted, dtype).startswith("codes" if own else "pixels 0..255 for the reals 0..1")
    assert words(wanted, dtype, "raw").startswith("codes")
    assert words(wanted, dtype, "-1..1").startswith("codes" if own else "pixels")
    sensor = spec((1, 4), "int8", SENSOR)
    if dtype == "uint8":
        with pytest.raises(UsageError, match="--image-range"):
            words(sensor, dtype)
    elif not own:
        assert words(sensor, dtype) == "the reals they are"


def test_uint8_input():
    """uint8 are codes, unless a range is asked for; image files are pixels."""
    wanted = spec((1, 4), "uint8", (1 / 128, 128))
    assert words(wanted, "uint8") == "codes"
    assert words(wanted, "uint8", "0..1").startswith("pixels")
    assert words(wanted, "uint8", kind="image").startswith("pixels 0..255 for the reals -1..1")
    assert words(wanted, "uint8", "raw", kind="image").startswith("codes")


def test_float_input():
    """Floats and wide integers are reals; uint8 are pixels; there are no codes."""
    wanted = spec((1, 4), "float32", None)
    assert words(wanted, "float64") == "reals"
    assert words(wanted, "int64") == "the reals they are"
    assert words(wanted, "int64", "0..1").startswith("pixels")
    assert "assumed" in words(wanted, "uint8")
    with pytest.raises(UsageError, match="takes codes"):
        words(wanted, "uint8", "raw")


def test_input_without_a_scale():
    """Integers are taken as they are; reals are refused."""
    wanted = spec((1, 4), "int32", None)
    for dtype in INTEGERS:
        assert words(wanted, dtype) == "numbers as they are"
    with pytest.raises(UsageError, match="give integers"):
        words(wanted, "float32")
    with pytest.raises(UsageError, match="300 at"):
        reading(spec((4,), "int8", None), np.dtype(np.int64), "auto", "array").apply(
            np.array([1, 300])
        )


@pytest.mark.parametrize("dtype", ["<U3", "O", "complex64", "M8[s]"])
def test_what_is_no_number(dtype):
    """Text, objects, dates and complex numbers are refused by name."""
    with pytest.raises(UsageError, match="holds"):
        words(spec((1, 4)), dtype)


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
    st.sampled_from(["uint8", "int16", "int64"]),
    st.sampled_from([UNIT, SIGNED, BYTES]),
)
def test_same_pixels_give_same_codes_whatever_their_values(pixels, dtype, grid):
    """By the definition: pixel p is the real low + p / 255 * (high - low)."""
    wanted = spec((len(pixels),), "int8", grid)
    how = reading(wanted, np.dtype(dtype), "auto", "array")
    codes, _ = fit_input(how.apply(np.array(pixels, dtype)), wanted.spec)
    low, high = {UNIT: (0, 1), SIGNED: (-1, 1), BYTES: (0, 255)}[grid]
    for pixel, code in zip(pixels, codes.tolist(), strict=True):
        real = low + pixel / 255 * (high - low)
        assert abs((code - grid[1]) * grid[0] - real) <= grid[0] * 0.51


@pytest.mark.parametrize("wrong", [-1, 256, 70000])
def test_numbers_that_are_no_pixels(wrong):
    """They are refused by where they are, never taken as something else."""
    how = reading(spec((2, 2)), np.dtype(np.int64), "auto", "array")
    with pytest.raises(UsageError, match=rf"{wrong} at \[1, 0\]"):
        how.apply(np.array([[0, 1], [wrong, 2]]))


def test_bool_and_raw_bytes():
    """True is the real 1; raw uint8 are the same bytes as int8."""
    wanted = spec((2,))
    assert reading(wanted, np.dtype(bool), "auto", "array").apply(
        np.array([False, True])
    ).tolist() == [0.0, 1.0]
    raw = reading(wanted, np.dtype(np.uint8), "raw", "array").apply(np.array([0, 200], np.uint8))
    assert raw.dtype == np.int8
    assert raw.tolist() == [0, -56]


def test_a_named_range_changes_no_floats():
    """Reals are reals: a range is about pixels."""
    how = reading(spec((2,)), np.dtype(np.float32), "-1..1", "array")
    values = np.array([0.25, 0.5], np.float32)
    np.testing.assert_array_equal(how.apply(values), values)


def test_four_bit_inputs_have_four_bit_ends():
    """An int4 input of scale 1/15 and zero point -8 holds 0..1."""
    wanted = spec((4,), "int4", (1 / 15, -8))
    assert wanted.reals == pytest.approx((0.0, 1.0))
    assert isinstance(wanted.spec, TensorSpec)
