"""What the table says operators do, held against what they compute."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from conformance.operators.cases import load_all
from conformance.operators.draw import RandomDraw
from refinterp.graph.constants import constant
from refinterp.graph.operators import OPERATORS
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare


def _cases(operator):
    for (name, dtype), generator in sorted(load_all().items()):
        if name == operator:
            for seed in range(3):
                draw = RandomDraw([zlib.crc32(f"{name} {dtype}".encode()), seed])
                yield generator(draw)


def _run(model, sample):
    """The values of a model's inputs, and of its outputs."""
    executor = Executor(prepare(model))
    graph = model.subgraphs[0]
    for tensor, array in zip(graph.inputs, sample, strict=True):
        executor.input(tensor)[0] = array
    executor.invoke()
    return [executor.read(tensor)[0].copy() for tensor in graph.outputs]


def _one_grid(tensors):
    grids = {
        (tuple(q.scale.tolist()), tuple(q.zero_point.tolist()))
        for q in (tensor.quantization for tensor in tensors)
        if q is not None
    }
    return len(grids) < 2


@pytest.mark.parametrize("operator", [name for name, row in OPERATORS.items() if row.moves])
def test_elements_are_moved_and_nothing_else(operator):
    """Every element of a result is one of the operands', where all have one grid."""
    seen = 0
    for case in _cases(operator):
        graph = case.model.subgraphs[0]
        if not _one_grid(graph.tensors):
            continue
        values = [np.asarray(array).reshape(-1) for array in case.samples[0]]
        known = (constant(case.model, tensor) for tensor in graph.tensors)
        values += [array.reshape(-1) for array in known if array is not None]
        for output in _run(case.model, case.samples[0]):
            same = [v for v in values if v.dtype == output.dtype]
            assert np.isin(output.view(f"V{output.itemsize}"), _bits(same, output)).all()
            seen += output.size
    assert seen


def _bits(values, output):
    joined = np.concatenate(values) if values else np.empty(0, output.dtype)
    return joined.view(f"V{output.itemsize}")


@pytest.mark.parametrize("operator", [n for n, row in OPERATORS.items() if row.commutative])
def test_operands_may_change_places(operator):
    """The result is the same with the operands in the reverse order, but for how sums round."""
    for case in _cases(operator):
        graph = case.model.subgraphs[0]
        (one,) = graph.operators
        turned = replace(graph, operators=(replace(one, inputs=one.inputs[::-1]),))
        swapped = replace(case.model, subgraphs=(turned, *case.model.subgraphs[1:]))
        for first, second in zip(
            _run(case.model, case.samples[0]), _run(swapped, case.samples[0]), strict=True
        ):
            largest = np.abs(first.astype(np.float64)).max(initial=0.0)
            np.testing.assert_allclose(first, second, rtol=0, atol=1e-6 * largest)
