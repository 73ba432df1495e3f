"""What every ledger holds to, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.arena.offline import METADATA_NAME, with_offsets
from refinterp.arena.problem import ALIGNMENT
from refinterp.errors import ModelError, UnsupportedError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.tflm.ledger import measure, measure_apart, measure_shared, totals
from refinterp.tflm.ledger_data import BUFFERS, RECORDED, VARIABLES
from refinterp.tflm.targets import profile, profiles
from refinterp.tflm.what_if import in_another_order, other_profiles, smaller, with_integer_edges
from tests.tflm.graphs import draw_graph

M4 = profile("cortex-m4")
FAILS_ON_SVDF = "cortex-m4, cmsis-nn-size, snapshot"  # the wrapper's own fault
PROFILES = tuple(
    p for p in (*profiles(), profile(tflm="wheel-20261023")) if p.label != FAILS_ON_SVDF
)


@given(seed=st.integers(0, 2**32 - 1), where=st.sampled_from(PROFILES))
def test_entries_add_up(seed, where):
    """Tail entries are the tail, the one head entry is the head, temps only raise the minimum."""
    ledger = measure(draw_graph(seed), where)
    by = {s: [e for e in ledger.entries if e.section == s] for s in ("head", "tail", "temp")}
    assert sum(e.bytes for e in by["tail"]) == ledger.tail_bytes
    assert [e.bytes for e in by["head"]] == [ledger.head_bytes] == [ledger.plan.head_bytes]
    assert ledger.arena_used_bytes == ledger.head_bytes + ledger.tail_bytes
    assert all(e.bytes >= e.requested_bytes for e in by["tail"] + by["temp"])
    assert ledger.minimum_arena_bytes % ALIGNMENT == 0
    assert ledger.minimum_arena_bytes >= max(ledger.arena_used_bytes, ledger.peak.bytes)
    assert ledger.minimum_arena_bytes - ledger.peak.bytes < ALIGNMENT
    assert totals(draw_graph(seed), where) == (
        ledger.arena_used_bytes,
        ledger.minimum_arena_bytes,
    )


@given(seed=st.integers(0, 2**32 - 1), where=st.sampled_from(PROFILES))
def test_recordings_count_what_the_plain_ledger_holds(seed, where):
    """A recording differs in the allocator's own objects only, and in what aligning them costs."""
    ledger = measure(draw_graph(seed), where)
    recording = ledger.recording
    plain = [e.requested_bytes for e in ledger.entries if e.section == "tail"]
    recorded = [e.requested_bytes for e in recording.entries if e.section == "tail"]
    assert plain[3:] == recorded[3:]
    assert recording.head_bytes == ledger.head_bytes
    assert recording.total_bytes == recording.head_bytes + recording.tail_bytes
    assert tuple(c.category for c in recording.allocations) == RECORDED
    counted = sum(c.used_bytes for c in recording.allocations)
    others = [e for e in recording.entries if e.section == "tail" and e.category not in RECORDED]
    assert counted + sum(e.bytes for e in others) == recording.tail_bytes


def test_the_end_of_the_arena_moves_the_tail():
    """Base + size off a multiple of 16 changes the tail by less than 16 bytes either way."""
    ledger = measure(draw_graph(1), profile("cortex-m4", "reference"))
    assert ledger.tail_by_end[0] == ledger.tail_bytes
    assert max(ledger.tail_by_end) - min(ledger.tail_by_end) < ALIGNMENT


@pytest.mark.parametrize("seed", range(5))
def test_two_arenas_hold_the_same_requests(seed):
    """Apart, what models and operators ask for is the same; the allocator has one object more."""
    model = draw_graph(seed)
    apart, ledger = measure_apart(model, M4), measure(model, M4)
    together = [e.requested_bytes for e in ledger.entries if e.section == "tail"]
    kept = [e.requested_bytes for e in apart.entries if e.section == "tail"]
    assert kept[4:] == together[3:]
    assert kept[:4] == [16, 32, 44, 36]
    assert apart.non_persistent_bytes == ledger.head_bytes
    assert apart.non_persistent_minimum_bytes >= apart.non_persistent_bytes
    assert apart.persistent_minimum_bytes - apart.persistent_bytes < ALIGNMENT


def test_models_that_share_an_arena_add_tails_and_share_the_head():
    """The head is the largest, requests follow one another, and one model alone is itself."""
    models = [draw_graph(seed) for seed in (3, 4, 5)]
    alone = [measure(model, M4) for model in models]
    shared = measure_shared(models, M4)
    assert shared.head_bytes == max(ledger.head_bytes for ledger in alone)
    assert shared.tail_bytes == shared.allocator_bytes + sum(shared.tail_bytes_each)
    assert shared.arena_used_bytes < sum(ledger.arena_used_bytes for ledger in alone)
    one = measure_shared(models[:1], M4)
    assert one.arena_used_bytes == alone[0].arena_used_bytes
    assert one.minimum_arena_bytes == alone[0].minimum_arena_bytes
    with pytest.raises(UsageError, match="no model"):
        measure_shared([], M4)


def dense(dtype: str = "int8", weights: str = "int8") -> Model:
    """One FULLY_CONNECTED of these types."""
    g = GraphBuilder()
    q = {} if dtype == "float32" else {"scale": 0.1, "zero_point": 0}
    x = g.input("x", (1, 4), dtype, **q)
    w = g.constant("w", np.zeros((3, 4)).astype(weights), scale=0.1, zero_point=0)
    y = g.tensor("y", (1, 3), dtype, **q)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return g.build([y])


@pytest.mark.parametrize("types", [("uint8", "uint8"), ("float32", "int8")])
def test_unsigned_and_hybrid_models_are_refused_by_name(types):
    """The operator and the tensors at fault are named."""
    with pytest.raises(UnsupportedError, match=r"operators\[0\] \(FULLY_CONNECTED\).*'w'"):
        measure(dense(*types), M4)


def test_operators_that_tflm_lacks_are_all_named():
    """Every operator without a kernel is in the message, with its first place."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    for number, name in enumerate(("GELU", "TILE", "GELU")):
        x2 = g.tensor(f"t{number}", (1, 4))
        g.operator(name, [x], [x2])
        x = x2
    message = r"GELU \(subgraphs\[0\].operators\[0\] and 1 more\), TILE \(subgraphs\[0\].operators"
    with pytest.raises(UnsupportedError, match=message):
        measure(g.build([x]), M4)


def test_tensors_of_a_type_tflm_does_not_know_are_named():
    """A string tensor anywhere is refused, as TFLM sizes all of them."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    g.tensor("words", (2,), "string")
    with pytest.raises(UnsupportedError, match=r"tensors\[1\] \('words'\).*string"):
        measure(g.build([x]), M4)


def test_offline_plans_that_overlap_are_refused_with_the_pair():
    """TFLM would run it and compute garbage; both tensors are named."""
    g = GraphBuilder()
    x = g.input("x", (1, 64), "int8", scale=0.1, zero_point=0)
    y = g.tensor("y", (1, 64), "int8", scale=0.1, zero_point=0)
    g.operator("RELU", [x], [y])
    g.metadata(METADATA_NAME, np.array([1, 0, 2, 0, 16], "<i4").tobytes())
    with pytest.raises(ModelError, match=r"\(x\).*\(y\)"):
        measure(g.build([y]), M4)


def test_compressed_models_are_refused_where_they_are_unpacked():
    """The wheel keeps tables for them, which are not counted; the snapshot ignores the metadata."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    y = g.tensor("y", (1, 4))
    g.operator("RELU", [x], [y])
    g.metadata("COMPRESSION_METADATA", b"\x00" * 16)
    model = g.build([y])
    measure(model, M4)
    with pytest.raises(UnsupportedError, match="COMPRESSION_METADATA"):
        measure(model, profile(tflm="wheel-20261023"))


def test_variables_are_the_tails_unless_planned_beforehand():
    """A variable stays in the tail; with an offset of its own it is planned instead."""

    def model(offset: int) -> Model:
        g = GraphBuilder()
        x = g.input("x", (1, 64))
        g.variable("state", (1, 100))
        y = g.tensor("y", (1, 64))
        g.operator("RELU", [x], [y])
        g.metadata(METADATA_NAME, np.array([1, 0, 3, -1, offset, -1], "<i4").tobytes())
        return g.build([y])

    kept, planned = measure(model(-1), M4), measure(model(1024), M4)
    kinds = [e for e in kept.entries if e.category == VARIABLES]
    assert [(e.requested_bytes, e.tensor) for e in kinds] == [(400, 1)]
    assert not [e for e in planned.entries if e.category == VARIABLES]
    assert planned.head_bytes == 1024 + 400
    assert planned.tail_bytes < kept.tail_bytes


def test_resource_variables_are_paid_for_once():
    """Two handles of one name share a buffer; the list of variables comes before the model."""
    g = GraphBuilder()
    x = g.input("x", (1, 8))
    for number in range(2):
        handle = g.tensor(f"h{number}", (1,), "resource")
        g.operator("VAR_HANDLE", [], [handle], {"container": "", "shared_name": "v"})
        g.operator("ASSIGN_VARIABLE", [handle, x], [])
    y = g.tensor("y", (1, 8))
    g.operator("READ_VARIABLE", [handle], [y])
    ledger = measure(g.build([y]), M4)
    whats = [e.what for e in ledger.entries if e.category == BUFFERS]
    assert whats[:2] == ["MicroResourceVariables", "1 MicroResourceVariable"]
    assert whats.count("resource variable") == 1
    assert [b.name for b in ledger.plan.buffers] == ["x", "y"]


def test_operators_no_measured_model_holds_say_so():
    """Entries and the ledger carry the mark, for the operators it is about."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    y = g.tensor("y", (1, 4))
    z = g.tensor("z", (1, 4))
    g.operator("CEIL", [x], [y])
    g.operator("RELU", [y], [z])
    ledger = measure(g.build([z]), M4)
    assert ledger.read_not_measured == ("CEIL",)
    assert {e.op_name for e in ledger.entries if not e.measured} == {"CEIL"}


@pytest.mark.parametrize(("height", "width", "open_"), [(1, 3, True), (1, 1, False), (2, 3, False)])
def test_a_depthwise_convolution_whose_stride_is_unset_says_so(height, width, open_):
    """One row of one channel on MVE goes by a stride that TFLM's Prepare leaves unset."""
    g = GraphBuilder()
    x = g.input("x", (1, height, 8, 1), "int8", scale=0.1, zero_point=0)
    scales = {"scale": [0.1] * 4, "zero_point": [0] * 4, "quantized_dimension": 3}
    w = g.constant("w", np.ones((1, height, width, 4), np.int8), **scales)
    b = g.constant("b", np.zeros(4, np.int32), scale=[0.01] * 4, zero_point=[0] * 4)
    y = g.tensor("y", (1, height, 8, 4), "int8", scale=0.1, zero_point=0)
    options = {"stride_h": 1, "stride_w": 1, "padding": "SAME", "depth_multiplier": 4}
    g.operator("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    model = g.build([y])
    doubted = measure(model, profile("cortex-m55")).read_not_measured
    assert doubted == (("DEPTHWISE_CONV_2D",) if open_ else ())
    assert measure(model, M4).read_not_measured == ()


def stateful(time: str) -> Model:
    """One SVDF of int8 whose time weights and state are of this type."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.05, zero_point=0)
    feature = g.constant("feature", np.ones((8, 4), np.int8), scale=0.01, zero_point=0)
    weights = g.constant("time", np.ones((8, 5), time), scale=0.01, zero_point=0)
    bias = g.constant("bias", np.zeros(4, np.int32), scale=1e-5, zero_point=0)
    state = g.variable("state", (1, 40), time, scale=0.001, zero_point=0)
    y = g.tensor("y", (1, 4), "int8", scale=0.05, zero_point=0)
    options = {"rank": 2, "fused_activation_function": "RELU"}
    g.operator("SVDF", [x, feature, weights, bias, state], [y], options)
    return g.build([y])


def test_svdf_for_size_without_mve_is_refused():
    """With int8 time weights TFLM's wrapper fails when it runs; with int16 it does not."""
    size = profile("cortex-m4", "cmsis-nn-size")
    measure(stateful("int8"), M4)
    measure(stateful("int8"), profile("cortex-m55", "cmsis-nn-size"))
    with pytest.raises(UnsupportedError, match=r"\(SVDF\).*built for size"):
        measure(stateful("int8"), size)
    ledger = measure(stateful("int16"), size)
    assert [b.requested_bytes for b in ledger.plan.buffers if b.kind == "scratch"] == [32, 16]


def float_edges() -> Model:
    """A model that takes float32, quantizes it, and dequantizes its result."""
    g = GraphBuilder()
    x = g.input("x", (1, 1000))
    a, b = (g.tensor(n, (1, 1000), "int8", scale=0.1, zero_point=0) for n in "ab")
    y = g.tensor("y", (1, 1000))
    g.operator("QUANTIZE", [x], [a])
    g.operator("RELU", [a], [b])
    g.operator("DEQUANTIZE", [b], [y])
    g.signature("run", {"in": x}, {"out": y})
    return g.build([y])


def test_integer_edges_take_the_place_of_float_ones():
    """QUANTIZE and DEQUANTIZE go, with their tensors; the gain is that of the smaller model."""
    model = float_edges()
    integer = with_integer_edges(model)
    graph = integer.subgraphs[0]
    assert [o.name for o in graph.operators] == ["RELU"]
    assert [t.name for t in graph.tensors] == ["a", "b"]
    assert (graph.inputs, graph.outputs) == ((0,), (1,))
    assert integer.signatures[0].inputs == (("in", 0),)
    ledger = measure(model, M4)
    change, *_ = smaller(model, ledger)
    least = measure(integer, M4).minimum_arena_bytes
    assert change.gain_bytes == ledger.minimum_arena_bytes - least > 2000
    assert with_integer_edges(integer) is None


def two_branches() -> Model:
    """Both wide tensors first, then what makes each of them small: another order needs one."""
    g = GraphBuilder()
    x = g.input("x", (1, 2, 2, 16), "int8", scale=0.1, zero_point=0)
    small = []
    wide = [g.tensor(n, (1, 6, 6, 16), "int8", scale=0.1, zero_point=0) for n in ("a", "b")]
    by = g.constant("by", np.array([[0, 0], [2, 2], [2, 2], [0, 0]], np.int32))
    axes = g.constant("axes", np.array([1, 2], np.int32))
    for tensor in wide:
        g.operator("PAD", [x, by], [tensor])
    for tensor, name in zip(wide, ("c", "d"), strict=True):
        y = g.tensor(name, (1, 1, 1, 16), "int8", scale=0.1, zero_point=0)
        g.operator("REDUCE_MAX", [tensor, axes], [y], {"keep_dims": True})
        small.append(y)
    return g.build(small)


def test_another_order_is_proposed_with_its_gain():
    """The gain is that of the model in that order; a file with an order of its own is left so."""
    model = two_branches()
    ledger = measure(model, M4)
    found = [w for w in smaller(model, ledger) if w.change == "operators in another order"]
    moved = in_another_order(model, ledger)
    assert moved is not None
    assert [w.minimum_arena_bytes for w in found] == [measure(moved, M4).minimum_arena_bytes]
    assert found[0].gain_bytes == ledger.minimum_arena_bytes - found[0].minimum_arena_bytes > 500
    assert in_another_order(moved, measure(moved, M4)) is None
    planned = with_offsets(model, {})
    assert in_another_order(planned, measure(planned, M4)) is None


def test_other_profiles_are_ledgers_of_their_own():
    """Each row of the table is what measuring there says, or why TFLM refuses the model there."""
    model = draw_graph(8)
    rows = list(other_profiles(model, measure(model, M4)))
    assert len(rows) == len(profiles()) - 1
    for row in rows:
        there = measure(model, row.profile)
        assert row.minimum_arena_bytes == there.minimum_arena_bytes
        assert row.arena_used_bytes == there.arena_used_bytes
