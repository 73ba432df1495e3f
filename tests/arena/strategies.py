"""Problems and graphs for the planners, drawn where they go wrong: ties, equal sizes, no bytes."""

from __future__ import annotations

from hypothesis import strategies as st

from refinterp.arena.problem import Buffer, Problem
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.graph.operators import facts

LAST_SCOPE = 8
sizes = st.sampled_from([0, 1, 15, 16, 17, 32, 48, 64]) | st.integers(0, 300)


@st.composite
def buffers(draw: st.DrawFn, *, fixed: bool = False) -> Buffer:
    """A buffer live somewhere in scopes -1 to LAST_SCOPE; with fixed, some have their place."""
    first = draw(st.integers(-1, LAST_SCOPE))
    last = draw(st.integers(first, LAST_SCOPE))
    offset = draw(st.none() | st.integers(0, 20).map(lambda n: 16 * n)) if fixed else None
    return Buffer(draw(sizes), first, last, offset=offset)


def problems(*, fixed: bool = False, min_size: int = 0) -> st.SearchStrategy[Problem]:
    """Problems of up to 24 buffers, aligned to 16 as TFLM's are, or to something else."""
    return st.builds(
        Problem,
        st.lists(buffers(fixed=fixed), min_size=min_size, max_size=24).map(tuple),
        st.just(16) if fixed else st.sampled_from([16, 1, 4, 64]),
    )


@st.composite
def graphs(draw: st.DrawFn) -> Model:
    """A model of operators on earlier tensors: branches, reuse, dead ends, unused tensors, calls.

    Shapes need not fit the operators: nobody runs these models, they are only planned.
    """
    main = GraphBuilder("main")
    callees = [main.subgraph(f"callee {i}") for i in range(draw(st.integers(0, 2)))]
    for graph in callees:
        _fill(draw, graph, [])
    _fill(draw, main, callees)
    return main.build()


def _fill(draw: st.DrawFn, graph: GraphBuilder, callees: list[GraphBuilder]) -> None:
    def fresh(name: str) -> tuple[str, tuple[int, ...], str]:
        dtype = draw(st.sampled_from(["int8", "int16", "float32"]))
        return name, (1, draw(st.integers(1, 40))), dtype

    known = [graph.input(*fresh(f"in {i}")) for i in range(draw(st.integers(1, 2)))]
    graph.constant("weights", [1, 2, 3])
    if draw(st.booleans()):
        graph.tensor(*fresh("unused"))
    for number in range(draw(st.integers(0, 6))):
        inputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
        outputs = [graph.tensor(*fresh(f"{number}")) for _ in range(draw(st.integers(1, 2)))]
        if callees and draw(st.booleans()):
            one, other = draw(st.sampled_from(callees)), draw(st.sampled_from(callees))
            name = draw(st.sampled_from(["IF", "WHILE"]))
            first, second = facts(name).calls
            graph.operator(name, inputs, outputs, {first: one.index, second: other.index})
        else:
            graph.operator("CONCATENATION", inputs, outputs)
        known += outputs
    graph.output(*draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)))
