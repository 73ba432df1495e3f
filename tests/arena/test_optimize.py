from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.arena.offline import (
    METADATA_NAME,
    offline_offsets,
    unfit_to_fix,
    with_offsets,
    without_offsets,
)
from refinterp.arena.optimize import Optimized, optimize_model
from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import TensorPlan, plan_model
from refinterp.errors import UnsupportedError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import STORAGE, Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import Allocations, Ran, Runtime, open_runtime, unavailable
from refinterp.tflm.ledger import totals
from refinterp.tflm.targets import profile
from tests.arena.simulate import simulate
from tests.arena.strategies import graphs
from tests.corpus import ROOT, corpus
from tests.tflm.graphs import draw_graph

SHAPES = ROOT / "refinterp" / "data" / "shapes_int8.tflite"
WHEEL = profile(tflm="wheel-20261023")
GRAPHS = 24


def zigzag() -> Model:
    """Build a model whose greedy plan leaves a hole: a residual around a wide tensor."""
    g = GraphBuilder()
    sizes = [96, 160, 96, 224, 32, 160, 96]
    tensors = [g.input("x", (sizes[0],), "int8")]
    for number, size in enumerate(sizes[1:]):
        tensors.append(g.tensor(f"t{number}", (size,), "int8"))
        g.operator("TILE", [tensors[-2]], [tensors[-1]])
    g.operator("ADD", [tensors[1], tensors[-1]], [y := g.tensor("y", (16,), "int8")])
    return g.build(outputs=[y])


def requests(model: Model) -> st.SearchStrategy[list[Scratch]]:
    """Up to three scratch buffers for each of a few operators."""
    operators = [
        (index, number)
        for index, graph in enumerate(model.subgraphs)
        for number in range(len(graph.operators))
    ]
    if not operators:
        return st.just([])
    one = st.builds(lambda at, size: Scratch(*at, size), st.sampled_from(operators), SIZES)
    return st.lists(one, max_size=6).map(
        lambda r: sorted(r, key=lambda s: (s.subgraph, s.operator))
    )


SIZES = st.integers(1, 300)


def test_offsets_are_written_as_tflm_reads_them() -> None:
    """Version, subgraph, count, then one offset for each tensor: -1 for what is not planned."""
    model = zigzag()
    written = with_offsets(model, {(0, 1): 32, (0, 3): 0})
    (entry,) = written.metadata
    assert entry.name == METADATA_NAME
    numbers = written.buffers[entry.buffer].data.view("<i4").tolist()
    assert numbers == [1, 0, 8, -1, 32, -1, 0, -1, -1, -1, -1]
    again = with_offsets(read_model(write_model(written)), {(0, 0): 64})
    assert offline_offsets(again) == {(0, 0): 64}
    assert len(again.buffers) == len(written.buffers)
    assert write_model(without_offsets(again)) == write_model(model)
    with pytest.raises(UsageError, match=r"tensors\[2\] is -16"):
        with_offsets(model, {(0, 2): -16})


def test_a_plan_that_shares_its_buffer_is_taken_out_alone() -> None:
    """A buffer in use by others stays, and so do the indices of those behind it."""
    g = GraphBuilder()
    x, y = g.input("x", (4,), "int8"), g.tensor("y", (4,), "int8")
    g.operator("RELU", [x], [y])
    g.metadata(METADATA_NAME, np.array([1, 0, 2, 0, 16], "<i4").tobytes())
    g.metadata("other", b"kept")
    plain = without_offsets(g.build(outputs=[y]))
    (entry,) = plain.metadata
    assert entry.name == "other"
    assert plain.buffers[entry.buffer].data.tobytes() == b"kept"
    assert offline_offsets(plain) is None


@given(st.data(), graphs(), st.booleans())
def test_the_new_model_runs_in_what_was_promised(
    data: st.DataObject, model: Model, reorder: bool
) -> None:
    """Greedy, around the offsets written, needs what is said; nothing is overwritten early."""
    scratch = data.draw(requests(model))
    result = optimize_model(model, scratch=scratch, reorder_operators=reorder, time_limit=2)
    read = read_model(write_model(result.model))
    plan = plan_model(read, scratch=result.scratch)
    assert plan.head_bytes == result.after.head_bytes
    assert result.before.head_bytes == plan_model(model, scratch=scratch).head_bytes
    assert result.gain_bytes >= 0
    assert result.gap_bytes >= 0
    assert sorted(s.size for s in result.scratch) == sorted(s.size for s in scratch)
    simulate(read, plan)


def test_entries_that_tflm_takes_for_a_variables_are_left_open(wheel: Runtime) -> None:
    """A variable of a later subgraph keeps its bytes though the list's entry there is another's."""
    seeds = [seed for seed in range(60) if unfit_to_fix(draw_graph(seed))]
    assert len(seeds) >= 3
    for seed in seeds:
        model = draw_graph(seed)
        result = optimized_for_wheel(model, reorder=True)
        if result.gain_bytes:
            assert not unfit_to_fix(model) & (offline_offsets(result.model) or {}).keys()
        better(wheel, model, result)


def test_nothing_gained_nothing_changed() -> None:
    """A model that greedy plans at the bound is returned as it is, and the bound is said."""
    g = GraphBuilder()
    x, y = g.input("x", (32,), "int8"), g.tensor("y", (32,), "int8")
    g.operator("RELU", [x], [y])
    model = g.build(outputs=[y])
    result = optimize_model(model, reorder_operators=True)
    assert result.model is model
    assert (result.gain_bytes, result.gap_bytes, result.proven) == (0, 0, True)
    assert result.orders is None


def test_a_poor_plan_in_the_file_is_replaced() -> None:
    """Offsets that the file has are what TFLM does now, not what binds us."""
    model = zigzag()
    poor = with_offsets(model, {(0, number): 4096 * number for number in range(8)})
    result = optimize_model(poor)
    assert result.before.head_bytes > 7 * 4096
    assert result.after.head_bytes == optimize_model(model).after.head_bytes
    assert result.proven


def test_several_scratch_buffers_of_one_operator() -> None:
    """Greedy places them itself, largest first; the gaps left for them hold them all the same."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        g = GraphBuilder()
        tensors = [g.input("x", (int(rng.integers(1, 200)),), "int8")]
        for number in range(8):
            size = int(rng.integers(1, 200))
            tensors.append(g.tensor(f"{number}", (size,), "int8"))
            back = tensors[max(0, len(tensors) - 2 - int(rng.integers(0, 4)))]
            g.operator("ADD", [tensors[-2], back], [tensors[-1]])
        model = g.build(outputs=[tensors[-1]])
        scratch = [
            Scratch(0, operator, int(rng.integers(1, 200)))
            for operator in range(8)
            for _ in range(int(rng.integers(0, 4)))
        ]
        result = optimize_model(model, scratch=scratch)
        again = plan_model(read_model(write_model(result.model)), scratch=scratch)
        assert again.head_bytes == result.after.head_bytes <= result.before.head_bytes
        assert result.proven or result.gap_bytes <= 0.1 * result.lower_bound_bytes


@pytest.fixture(scope="module")
def wheel() -> Iterator[Runtime]:
    if reason := unavailable("runtime:tflm"):
        pytest.skip(reason)
    with open_runtime("runtime:tflm") as runtime:
        yield runtime


def optimized_for_wheel(model: Model, *, reorder: bool = False) -> Optimized:
    """Optimize for what the wheel's kernels ask for."""
    asked: dict[str, object] = {}

    def plan(model: Model, planner: str, **more: object) -> TensorPlan:
        asked.update(more)
        return plan_model(model, planner, **more)  # type: ignore[arg-type]

    totals(model, WHEEL, plan=plan)
    return optimize_model(model, reorder_operators=reorder, **asked)  # type: ignore[arg-type]


def runs(wheel: Runtime, model: Model) -> tuple[int, list[bytes]]:
    """The wheel's head for the model, and its outputs on three random inputs."""
    rng = np.random.default_rng(0)
    graph = model.subgraphs[0]
    samples = [
        [
            rng.integers(-100, 100, t.shape).astype(STORAGE[str(t.dtype)])
            for t in (graph.tensors[i] for i in graph.inputs)
        ]
        for _ in range(3)
    ]
    file = write_model(model)
    found = wheel.allocations(file)
    assert isinstance(found, Allocations)
    ran = wheel.run(file, samples)
    assert isinstance(ran, Ran)
    return found.head_bytes, [array.tobytes() for outputs in ran.outputs for array in outputs]


def better(wheel: Runtime, model: Model, result: Optimized) -> None:
    head, outputs = runs(wheel, model)
    assert head == result.before.head_bytes
    new_head, new_outputs = runs(wheel, result.model)
    assert new_head == result.after.head_bytes
    assert new_outputs == outputs


@pytest.mark.parametrize("reorder", [False, True])
def test_our_own_branchy_model_in_the_wheel(wheel: Runtime, reorder: bool) -> None:
    """TFLM runs the bundled model in 15,456 bytes in place of 22,112, with identical outputs."""
    model = read_model(SHAPES)
    result = optimized_for_wheel(model, reorder=reorder)
    assert (result.before.head_bytes, result.after.head_bytes) == (22112, 15456)
    assert result.proven
    better(wheel, model, result)


def test_visual_wake_words_in_the_wheel(wheel: Runtime) -> None:
    """TFLM runs the model in 55,296 bytes in place of 73,728, with identical outputs."""
    model = read_model(corpus() / "models" / "vww_96_int8.tflite")
    result = optimized_for_wheel(model)
    assert (result.before.head_bytes, result.after.head_bytes) == (73728, 55296)
    better(wheel, model, result)


def test_random_models_in_the_wheel(wheel: Runtime) -> None:
    """Branches, scratch, int4, subgraphs, variables, resources, plans: the same outputs in less."""
    gained = 0
    for seed in range(GRAPHS):
        model = draw_graph(seed)
        try:
            result = optimized_for_wheel(model, reorder=seed % 2 == 1)
        except UnsupportedError:
            continue
        better(wheel, model, result)
        gained += result.gain_bytes > 0
    assert gained >= GRAPHS // 4


def test_a_written_model_is_a_file_like_any_other(tmp_path: Path) -> None:
    """Optimizing the optimized model gains nothing more and changes nothing."""
    result = optimize_model(read_model(SHAPES))
    path = tmp_path / "small.tflite"
    path.write_bytes(write_model(result.model))
    again = optimize_model(read_model(path))
    assert again.gain_bytes == 0
    assert write_model(again.model) == path.read_bytes()
