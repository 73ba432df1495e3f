from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from refinterp.arena.offline import METADATA_NAME, offline_offsets
from refinterp.arena.tensor_plan import plan_model
from refinterp.errors import ModelError, UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model


def chain(offsets: Sequence[int] | None, *, head: Sequence[int] = (1, 1, 5)) -> Model:
    """Build x -> a -> b -> y of 32 bytes each, with offsets for these and a constant."""
    g = GraphBuilder()
    x = g.input("x", (32,), "int8")
    a = g.tensor("a", (32,), "int8")
    g.constant("weights", [1])
    b, y = g.tensor("b", (32,), "int8"), g.tensor("y", (32,), "int8")
    for one, other in ((x, a), (a, b), (b, y)):
        g.operator("RELU", [one], [other])
    if offsets is not None:
        g.metadata(METADATA_NAME, np.array([*head, *offsets], "<i4").tobytes())
    return g.build(outputs=[y])


def offsets_of(model: Model, planner: str = "greedy") -> list[int]:
    return [buffer.offset for buffer in plan_model(model, planner).buffers]


def test_fixed_tensors_keep_their_offsets_and_the_rest_is_placed_around() -> None:
    """Only the tensors with an offset are bound; a constant's entry is skipped over."""
    model = chain([96, -1, 0, 0, -1])
    assert offline_offsets(model) == {(0, 0): 96, (0, 2): 0, (0, 3): 0}
    assert offsets_of(model) == [96, 32, 0, 32]
    assert offsets_of(model, "offline") == offsets_of(model)
    assert plan_model(model).head_bytes == 128


def test_without_metadata_the_file_plans_nothing() -> None:
    """No entry, no offsets; the linear planner does not look; `offline` then has nothing to do."""
    assert offline_offsets(chain(None)) is None
    assert offsets_of(chain([0, 0, 0, 0, 0]), "linear") == [0, 32, 64, 96]
    with pytest.raises(UsageError, match="no OfflineMemoryAllocation metadata"):
        plan_model(chain(None), "offline")
    with pytest.raises(UsageError, match="'best'; there are greedy, linear, offline, optimal"):
        plan_model(chain(None), "best")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (chain([0, 32, 0, 0], head=(1, 1, 4)), "offsets for 4 tensors, but the model has 5"),
        (chain([0, 32, 0, 0]), "cut short: 28 bytes hold 4 offsets"),
        (chain([], head=(1,)), "cut short: 4 bytes hold 0 offsets"),
        (chain([0, 32, 0, -2, 0]), "subgraphs[0].tensors[3] ('b') is -2"),
        (
            chain([0, 16, 0, -1, -1]),
            "buffer 0 (x) at bytes 0..32 and buffer 1 (a) at bytes 16..48 share 16 bytes",
        ),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(model: Model, words: str) -> None:
    """Wrong counts, offsets below -1 and live tensors on the same bytes name what is at fault."""
    with pytest.raises(ModelError, match=re.escape(words)):
        plan_model(model)


def test_every_list_must_fit_and_the_last_one_counts() -> None:
    """Of two metadata entries the later holds; TFLM checks the count of the earlier too."""
    good = np.array([1, 1, 5, 0, -1, -1, -1, -1], "<i4").tobytes()
    short = np.array([1, 1, 4, 0, -1, -1, -1], "<i4").tobytes()
    for first, second in ((good, [96, -1, -1, -1, -1]), (short, [96, -1, -1, -1, -1])):
        g = GraphBuilder()
        x = g.input("x", (32,), "int8")
        others = [g.tensor(name, (32,), "int8") for name in "abcd"]
        g.operator("SPLIT", [x], others)
        g.metadata(METADATA_NAME, first)
        g.metadata(METADATA_NAME, np.array([1, 1, 5, *second], "<i4").tobytes())
        model = g.build(outputs=others)
        if first is good:
            assert offline_offsets(model) == {(0, 0): 96}
        else:
            with pytest.raises(ModelError, match="offsets for 4 tensors, but the model has 5"):
                offline_offsets(model)


def test_tensors_that_never_live_together_may_share() -> None:
    """Here x and b lie on the same bytes, and so do a and y: nobody needs both at once."""
    assert offsets_of(chain([0, 32, -1, 0, 32])) == [0, 32, 0, 32]


def test_offsets_run_on_through_the_subgraphs() -> None:
    """The list holds the tensors of the first subgraph, then those of the next."""
    g = GraphBuilder()
    x, y = g.input("x", (4,)), g.tensor("y", (4,))
    body = g.subgraph()
    a, b = body.input("a", (4,)), body.tensor("b", (4,))
    body.operator("RELU", [a], [b])
    body.output(b)
    g.operator("IF", [x], [y], {"then_subgraph_index": 1, "else_subgraph_index": 1})
    g.metadata(METADATA_NAME, np.array([1, 2, 4, -1, 160, 80, -1], "<i4").tobytes())
    assert offline_offsets(g.build(outputs=[y])) == {(0, 1): 160, (1, 0): 80}


@pytest.mark.parametrize(("y_offset", "sound"), [(64, True), (32, False)])
def test_a_variable_planned_beforehand_keeps_its_bytes(y_offset: int, sound: bool) -> None:
    """Nothing may lie on a variable's bytes, even after its last use: the next run needs them."""
    g = GraphBuilder()
    x, state = g.input("x", (32,), "int8"), g.variable("state", (32,), "int8")
    a, y = g.tensor("a", (32,), "int8"), g.tensor("y", (32,), "int8")
    g.operator("SVDF", [x, x, x, -1, state], [a])
    g.operator("RELU", [a], [y])
    g.metadata(METADATA_NAME, np.array([1, 1, 4, 0, 32, -1, y_offset], "<i4").tobytes())
    model = g.build(outputs=[y])
    if sound:
        plan = plan_model(model)
        assert [b.kind for b in plan.buffers] == ["input", "variable", "activation", "output"]
        assert plan.variables == ()
    else:
        with pytest.raises(ModelError, match=r"\(state\) .* \(y\)"):
            plan_model(model)
