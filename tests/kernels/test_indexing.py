"""Operators that pick, place, scatter and count, against the runtimes and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.operators.cases import load_all
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.contract import NeedsValue
from refinterp.kernels.registry import call, find, prepare
from refinterp.kernels.workspace import Workspace
from refinterp.runtimes import Runtime
from tests.kernels.oracle import drawn, hold
from tests.strategies import cases

FAMILIES = ("indexing", "scattering")
UNDEFINED = "SPACE_TO_BATCH_ND"  # its padding TFLM leaves to whatever its memory holds


@pytest.mark.parametrize("operator", drawn(*FAMILIES, runtime="litert-reference"))
def test_same_as_litert(operator: str, litert: Runtime) -> None:
    """Every type LiteRT's reference kernels take comes out bit for bit the same."""
    dtypes = [dtype for name, dtype in load_all() if name == operator]
    held = []

    @settings(max_examples=settings.default.max_examples // 3)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        generator = load_all()[operator, data.draw(st.sampled_from(dtypes))]
        held.append(hold(data.draw(cases(generator)), litert, "runtime:litert-reference"))

    check()
    assert any(held)


@pytest.mark.parametrize(
    "operator",
    [o for o in drawn(*FAMILIES, runtime="tflm", dtypes=("int8", "float32")) if o != UNDEFINED],
)
def test_same_as_tflm(operator: str, tflm: Runtime) -> None:
    """int8 and float32 come out bit for bit the same where TFLM takes the model."""
    held = []

    @settings(max_examples=settings.default.max_examples // 3)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        own = [t for t in ("int8", "float32") if (operator, t) in load_all()]
        generator = load_all()[operator, data.draw(st.sampled_from(own))]
        held.append(hold(data.draw(cases(generator)), tflm, "runtime:tflm"))

    check()
    assert any(held)


def spec(shape: tuple[int, ...], dtype: str = "int8", **rest: Any) -> TensorSpec:
    return TensorSpec.of("t", shape, dtype, **rest)


def known(value: Any, dtype: str = "int32") -> TensorSpec:
    array = np.array(value, dtype)
    return TensorSpec.of("known", array.shape, dtype, data=array)


def run(operator: str, arrays: list[Any], flavour: str = "litert-reference", **options: Any) -> Any:
    """Run an operator with one output on arrays whose values are known."""
    inputs = [known(a, np.asarray(a).dtype.name) for a in arrays]
    entry = find(operator, inputs)
    assert entry is not None
    (shape, *_) = entry.kernel.output_shapes(entry.operands(inputs), entry.options(**options))
    y = spec(shape, inputs[entry.data].dtype)
    kernel = prepare(operator, inputs, [y], options, flavour=flavour)
    return call(kernel, [s.data for s in inputs], [y])[0]


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_out_of_range_fails_the_run(index: int) -> None:
    """The runtimes fail the run, so it is an error and not another element."""
    x = np.arange(3, dtype=np.int8)
    with pytest.raises(ModelError, match="not all in 0"):
        run("GATHER", [x, np.array([0, index], np.int32)])
    with pytest.raises(ModelError, match="not all in 0"):
        run("GATHER_ND", [x, np.array([[index]], np.int32)])
    with pytest.raises(ModelError, match="not all in 0"):
        run("SCATTER_ND", [np.array([[index]], np.int32), x[:1], np.array([3], np.int32)])


def test_samples_with_indices_of_their_own() -> None:
    """Each sample is looked up with its own indices, in a constant and in its own data."""
    kernel = prepare("GATHER", [spec((3, 2)), spec((2,), "int32")], [spec((2, 2))])
    index = np.array([[0, 2], [1, 1]], np.int32)
    for x in (np.arange(6, dtype=np.int8), np.arange(12, dtype=np.int8)):
        x = x.reshape(-1, 3, 2)
        y = np.zeros((2, 2, 2), np.int8)
        kernel.eval([x, index], [y], Workspace())
        for s in range(2):
            assert y[s].tolist() == x[min(s, len(x) - 1)][index[s]].tolist()


def test_shapes_that_values_decide() -> None:
    """WHERE, UNIQUE, RANGE and FILL ask for the value that decides their output's shape."""
    for operator, inputs in (
        ("WHERE", [spec((3,), "bool")]),
        ("UNIQUE", [spec((3,))]),
        ("RANGE", [spec((), "int32")] * 3),
        ("FILL", [spec((2,), "int32"), spec(())]),
    ):
        entry = find(operator, inputs)
        assert entry is not None
        with pytest.raises(NeedsValue) as need:
            entry.kernel.output_shapes(entry.operands(inputs), entry.options())
        assert need.value.operand is inputs[0]


def test_range_refuses_to_walk_away() -> None:
    """A step of 0 and one that leads away from the limit are errors."""
    for delta in (0, -1):
        with pytest.raises(ModelError, match="do not lead"):
            run("RANGE", [np.int32(0), np.int32(5), np.int32(delta)])
    assert run("RANGE", [np.int32(5), np.int32(0), np.int32(-2)]).tolist() == [5, 3, 1]


def test_not_a_number_is_never_the_largest() -> None:
    """NaN is skipped, the first of equals wins, and a row of NaN gives 0."""
    x = np.array([[np.nan, -np.inf, 1, 1], [np.nan] * 4, [np.nan, -np.inf, np.nan, -np.inf]])
    for operator, best in (("ARG_MAX", [2, 0, 1]), ("ARG_MIN", [1, 0, 1])):
        inputs = [spec((3, 4), "float32"), known(1)]
        y = spec((3,), "int32")
        kernel = prepare(operator, inputs, [y], {"output_type": "int32"})
        assert call(kernel, [x.astype(np.float32), None], [y])[0].tolist() == best


def test_topk_puts_not_a_number_last() -> None:
    """NaN follows even minus infinity."""
    x = np.array([np.nan, -np.inf, 2, 2], np.float32)
    outputs = [spec((4,), "float32"), spec((4,), "int32")]
    kernel = prepare("TOPK_V2", [spec((4,), "float32"), known(4)], outputs)
    values, indices = call(kernel, [x, None], outputs)
    assert indices.tolist() == [2, 3, 1, 0]
    assert values[:3].tolist() == [2, 2, -np.inf]


def test_cumsum_int8_starts_at_code_zero() -> None:
    """TFLM's accumulator starts at code 0, not at the zero point: with zero point 3, at -3."""
    x = spec((2,), scale=1.0, zero_point=3)
    kernel = prepare("CUMSUM", [x, known(0)], [x], flavour="tflm")
    (y,) = call(kernel, [np.array([3, 4], np.int8), None], [x])
    assert y.tolist() == [0, 1]


def test_embeddings_with_a_scale_per_row() -> None:
    """LiteRT scales each row with its own factor, TFLM all of them with the first."""
    table = TensorSpec(
        "table", (2, 1), "int8", np.array([0.5, 2], np.float32), np.zeros(2, np.int64)
    )
    y = spec((2, 1), "float32")
    arrays = [np.array([0, 1], np.int32), np.array([[2], [2]], np.int8)]
    inputs = [spec((2,), "int32"), table]
    for flavour, reals in (("litert-reference", [1, 4]), ("tflm", [1, 1])):
        kernel = prepare("EMBEDDING_LOOKUP", inputs, [y], flavour=flavour)
        assert call(kernel, arrays, [y])[0].reshape(-1).tolist() == reals


def test_scatter_body_that_is_not_known() -> None:
    """A body of two operators, or of another one, is refused by name."""
    inputs = [spec((2,)), spec((1, 1), "int32"), spec((1,))]
    options = {"inserted_window_dims": (0,), "scatter_dims_to_operand_dims": (0,)}
    for names in (("EXP",), ("STABLEHLO_ADD", "EXP")):
        with pytest.raises(UnsupportedError, match="EXP"):
            prepare(
                "STABLEHLO_SCATTER",
                inputs,
                [spec((2,))],
                {**options, "index_vector_dim": 1, "subgraph_operators": (names,)},
            )


def test_gather_without_an_axis_of_coordinates() -> None:
    """index_vector_dim equal to the rank of the starts means that each start is one coordinate."""
    x = np.arange(5, dtype=np.int8)
    y = run(
        "STABLEHLO_GATHER",
        [x, np.array([3, 9], np.int32)],
        offset_dims=(1,),
        start_index_map=(0,),
        index_vector_dim=1,
        slice_sizes=(2,),
    )
    assert y.tolist() == [[3, 4], [3, 4]]


def test_mirror_pad_of_everything() -> None:
    """The largest paddings there are: REFLECT leaves the edge out, SYMMETRIC repeats it."""
    x = np.array([1, 2, 3], np.int8)
    reflect = run("MIRROR_PAD", [x, np.array([[2, 2]], np.int32)], mode="REFLECT")
    assert reflect.tolist() == [3, 2, 1, 2, 3, 2, 1]
    symmetric = run("MIRROR_PAD", [x, np.array([[3, 3]], np.int32)], mode="SYMMETRIC")
    assert symmetric.tolist() == [3, 2, 1, 1, 2, 3, 3, 2, 1]
