"""What is not supported is said by name, all of it at once, before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.errors import UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.run.prepare import prepare
from refinterp.run.support import support

REFUSED = ["string", "complex64", "complex128", "float64", "bfloat16", "float8_e4m3fn"]


def chain(dtypes: list[str]) -> Model:
    """One RESHAPE per type."""
    g = GraphBuilder()
    ys = []
    for index, dtype in enumerate(dtypes):
        x = g.input(f"x{index}", (4,), dtype)
        shape = g.constant(f"shape{index}", np.array([2, 2], np.int32))
        ys.append(g.tensor(f"y{index}", (2, 2), dtype))
        g.operator("RESHAPE", [x, shape], ys[-1:])
    return g.build(outputs=ys)


def test_element_types_are_refused_by_name() -> None:
    """The error names every operator on a refused type, with its index, version and types."""
    model = chain([*REFUSED, "int8"])
    with pytest.raises(UnsupportedError) as caught:
        prepare(model)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{len(REFUSED)} operator(s) are not supported:"
    for index, (dtype, line) in enumerate(zip(REFUSED, lines[1:], strict=True)):
        assert f"operators[{index}] (RESHAPE) version 1 on ({dtype}, int32) -> ({dtype})" in line
        assert line.endswith(f"no operator is supported on {dtype}")


def test_a_refused_output_type_is_found_too() -> None:
    """A CAST to a type that nothing computes with is refused where it stands."""
    g = GraphBuilder()
    x = g.input("x", (4,), "float32")
    y = g.tensor("y", (4,), "float64")
    g.operator("CAST", [x], [y], {"in_data_type": "float32", "out_data_type": "float64"})
    model = g.build(outputs=[y])
    with pytest.raises(UnsupportedError, match="float64"):
        prepare(model)
    assert [entry.dtype for entry in support(model)] == [None]


def test_types_that_only_pass_by_are_kept() -> None:
    """Types with kernels of their own are not refused."""
    prepare(chain(["int8", "float16", "uint64", "bool", "int4"]))
