"""Operators that move elements, against the runtimes and against what can be seen at a glance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.operators.cases import load_all
from refinterp.errors import ModelError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import NeedsValue
from refinterp.kernels.registry import call, find, prepare
from refinterp.kernels.workspace import Workspace
from refinterp.runtimes import Runtime
from tests.kernels.oracle import drawn, hold
from tests.strategies import cases


@pytest.mark.parametrize("operator", drawn("movement", runtime="litert-reference"))
def test_same_as_litert(operator: str, litert: Runtime) -> None:
    """Every type LiteRT's reference kernels take comes out bit for bit the same."""
    dtypes = [dtype for name, dtype in load_all() if name == operator]
    held = []

    @settings(max_examples=settings.default.max_examples // 2)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(dtypes))]
        held.append(hold(data.draw(cases(generator)), litert, "runtime:litert-reference"))

    check()
    assert any(held)


@pytest.mark.parametrize("operator", drawn("movement", runtime="tflm"))
def test_same_as_tflm(operator: str, tflm: Runtime) -> None:
    """int8 and float32 come out bit for bit the same where TFLM takes the model."""
    held = []

    @settings(max_examples=settings.default.max_examples // 2)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(["int8", "float32"]))]
        held.append(hold(data.draw(cases(generator)), tflm, "runtime:tflm"))

    check()
    assert any(held)


def spec(shape: tuple[int, ...], dtype: str = "int8", **rest: Any) -> TensorSpec:
    return TensorSpec.of("t", shape, dtype, **rest)


def known(value: Any, dtype: str = "int32") -> TensorSpec:
    array = np.array(value, dtype)
    return TensorSpec.of("known", array.shape, dtype, data=array)


def shapes(operator: str, inputs: list[TensorSpec], **options: Any) -> Any:
    """What the kernel says the outputs' shapes are."""
    entry = find(operator, inputs)
    assert entry is not None
    return entry.kernel.output_shapes(entry.operands(inputs), entry.options(**options))


def test_reshape_prefers_the_tensor() -> None:
    """The shape tensor wins over the option; a rank-0 tensor does not count; [0] is a scalar."""
    x = spec((2, 3))
    assert shapes("RESHAPE", [x, known([3, 2])], new_shape=[6]) == ((3, 2),)
    assert shapes("RESHAPE", [x, known(6)], new_shape=[6]) == ((6,),)
    assert shapes("RESHAPE", [spec((1, 1))], new_shape=[0]) == ((),)
    assert shapes("RESHAPE", [spec((1,)), spec((0,), "int32")]) == ((),)


def test_reshape_with_nothing_in_it() -> None:
    """A -1 beside an empty tensor: 0 when it alone is left, else the division without zeros."""
    assert shapes("RESHAPE", [spec((0, 3)), known([-1, 3])]) == ((0, 3),)
    assert shapes("RESHAPE", [spec((0, 6)), known([0, -1])]) == ((0, 6),)
    with pytest.raises(ModelError, match="found 6 elements, shape"):
        shapes("RESHAPE", [spec((2, 3)), known([4, -1])])


def test_unknown_values_are_asked_for() -> None:
    """An output shape that depends on a value not yet known names the input."""
    with pytest.raises(NeedsValue) as need:
        shapes("TRANSPOSE", [spec((2, 3)), order := spec((2,), "int32")])
    assert need.value.operand is order


def test_concatenation_refuses_to_rescale_int8() -> None:
    """LiteRT and TFLM refuse int8 parts of another scale, and a fused activation."""
    a, b = spec((1, 2), scale=0.5), spec((1, 2), scale=0.25)
    y = spec((1, 4), scale=0.5)
    with pytest.raises(ModelError, match="scale"):
        prepare("CONCATENATION", [a, b], [y], {"axis": 1})
    with pytest.raises(ModelError, match="RELU"):
        prepare("CONCATENATION", [a, a], [y], {"axis": 1, "fused_activation_function": "RELU"})


def test_concatenation_of_known_scalars() -> None:
    """Scalars whose values are known become a vector."""
    parts = [known(5), known(-7)]
    kernel = prepare("CONCATENATION", parts, [spec((2,), "int32")])
    (y,) = call(kernel, [part.data for part in parts], [spec((2,), "int32")])
    assert y.tolist() == [5, -7]


def test_pack_of_other_scales() -> None:
    """LiteRT refuses to pack other scales; TFLM copies the codes without a look."""
    parts, y = [spec((2,), scale=0.5)], spec((1, 2), scale=1.0)
    options = {"values_count": 1, "axis": 0}
    with pytest.raises(ModelError, match="scale"):
        prepare("PACK", parts, [y], options)
    kernel = prepare("PACK", parts, [y], options, flavour="tflm")
    assert call(kernel, [np.array([1, 2], np.int8)], [y])[0].tolist() == [[1, 2]]


def strided(x: Any, begin: Any, end: Any, strides: Any, **options: Any) -> Any:
    """Run STRIDED_SLICE on an int8 array."""
    x = np.asarray(x, np.int8)
    inputs = [spec(x.shape), known(begin), known(end), known(strides)]
    (shape,) = shapes("STRIDED_SLICE", inputs, **options)
    kernel = prepare("STRIDED_SLICE", inputs, [spec(shape)], options)
    (y,) = call(kernel, [x, None, None, None], [spec(shape)])
    return y


def test_strided_slice_masks() -> None:
    """Masks read as Python's indexing does."""
    x = np.arange(24).reshape(2, 3, 4)
    assert strided(x, [1], [2], [1], shrink_axis_mask=1).tolist() == x[1].tolist()
    assert strided(x, [0, -1], [0, 0], [1, -2], ellipsis_mask=1, end_mask=2).tolist() == (
        x[..., ::-2].tolist()
    )
    assert strided(x, [0, 0, 1], [0, 2, 3], [1, 1, 1], new_axis_mask=1).shape == (1, 2, 2, 4)
    assert strided(x[0, 0], [1], [2], [1], offset=True).tolist() == [1, 2]


def test_strided_slice_refuses_what_leaves_holes() -> None:
    """Where LiteRT would leave its output unwritten, the model is an error."""
    for begin, stride in ((9, 1), (2, -1)):
        with pytest.raises(ModelError, match="shrunk axis"):
            strided(range(4), [begin], [0], [stride], shrink_axis_mask=1)
    with pytest.raises(ModelError, match="not within"):
        strided(range(4), [2], [3], [1], offset=True)
    with pytest.raises(ModelError, match="stride 0 is 0"):
        strided(range(4), [0], [3], [0])


def test_a_constant_meets_samples() -> None:
    """A constant has one sample and is repeated for each of the others."""
    a, b = spec((2,)), spec((2,))
    y = spec((4,))
    kernel = prepare("CONCATENATION", [a, b], [y])
    out = np.zeros((3, 4), np.int8)
    x = np.arange(6, dtype=np.int8).reshape(3, 2)
    kernel.eval([x, np.array([[8, 9]], np.int8)], [out], Workspace())
    assert out.tolist() == [[0, 1, 8, 9], [2, 3, 8, 9], [4, 5, 8, 9]]


def test_resize_of_a_constant() -> None:
    """A constant image is resized once and repeated."""
    x = np.arange(4, dtype=np.int8).reshape(1, 1, 2, 2, 1)
    for operator in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
        y = spec((1, 4, 4, 1))
        kernel = prepare(operator, [spec((1, 2, 2, 1)), known([4, 4])], [y])
        out = np.zeros((2, 1, 4, 4, 1), np.int8)
        kernel.eval([x, None], [out], Workspace())
        assert np.array_equal(out[0], out[1])
        assert out[0, 0, 0, 0, 0] == 0
        assert out[0, 0, 3, 3, 0] == 3


def test_bilinear_beyond_the_last_element() -> None:
    """A factor rounded up leads past the image when it is enlarged far: its edge is repeated."""
    y = spec((1, 2000, 1, 1))
    kernel = prepare("RESIZE_BILINEAR", [spec((1, 3, 1, 1)), known([2000, 1])], [y])
    (out,) = call(kernel, [np.array([1, 2, 3], np.int8).reshape(1, 3, 1, 1), None], [y])
    assert out[0, -1, 0, 0] == 3
