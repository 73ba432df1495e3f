"""Findings: each impossibility is found once, with its place, and sound models have none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from refinterp.graph.build import GraphBuilder
from refinterp.graph.check import check
from refinterp.graph.model import Buffer, Metadata, Model, Quantization, Signature
from refinterp.modelfile.reader import read_model
from tests.corpus import corpus
from tests.modelfile.samples import dense, everything


def test_sound_models_have_no_findings() -> None:
    """The tests' own samples, loops and variables included."""
    assert check(dense()) == ()
    assert check(everything()) == ()


def test_the_corpus_has_one_finding() -> None:
    """Of all real models only person_detect has one: its biases' quantized_dimension."""
    for folder in ("models", "oneop", "random"):
        for path in sorted((corpus() / folder).rglob("*.tflite")):
            found = check(read_model(path))
            assert len(found) == (path.name == "person_detect.tflite"), (path.name, found)


def test_person_detect_names_its_tensors() -> None:
    """One warning names the 14 tensors, of which the first is 33."""
    model = read_model(corpus() / "models" / "person_detect.tflite")
    (finding,) = check(model)
    assert finding.id == "wrong_quantized_dimension"
    assert finding.severity == "warning"
    assert (finding.subgraph, finding.operator, finding.tensor) == (0, None, 33)
    tensors = model.subgraphs[0].tensors
    wrong = [i for i, t in enumerate(tensors) if len(t.shape) == 1 and t.dtype == "int32"]
    listed = finding.evidence.partition("they are tensors ")[2]
    assert listed.startswith(f"33 ({tensors[33].name!r}), ")
    indices = [33, *map(int, listed.partition(", ")[2].split(", "))]
    assert len(indices) == 14
    assert set(indices) <= set(wrong)
    assert "14 tensors" in finding.evidence
    assert "quantized_dimension 3" in finding.evidence


def chain() -> GraphBuilder:
    """X -> RELU -> h -> RELU -> y, where x, h, y are tensors 0, 1, 2."""
    g = GraphBuilder()
    g.input("x", (4,))
    g.tensor("h", (4,))
    g.tensor("y", (4,))
    g.operator("RELU", [0], [1])
    g.operator("RELU", [1], [2])
    return g


def graph_of(change: Callable[[GraphBuilder], None], outputs: tuple[int, ...] = (2,)) -> Model:
    g = chain()
    change(g)
    return g.build(outputs)


def only(model: Model, id_: str) -> tuple[int | None, int | None, int | None, str]:
    """The one finding of a model: its place and evidence."""
    (finding,) = check(model)
    assert finding.id == id_
    assert finding.remedy
    assert f"{finding.severity}: {id_}: " in str(finding)
    return finding.subgraph, finding.operator, finding.tensor, finding.evidence


def test_chain_is_sound() -> None:
    """What the cases below change is sound before."""
    assert check(chain().build([2])) == ()


def test_no_subgraphs() -> None:
    """A model of nothing."""
    only(Model((), (), ()), "no_subgraphs")


@pytest.mark.parametrize("index", [4, -2, 2**31 - 1])
def test_operator_reads_a_tensor_that_is_not_there(index: int) -> None:
    """An input index below -1 or beyond the tensors."""
    model = graph_of(lambda g: g.operator("RELU", [0, index], [g.tensor("z", (4,))]))
    found = only(model, "tensor_index_out_of_range")
    assert found[:2] == (0, 2)
    assert f"RELU reads tensor {index}, but the subgraph has 4 tensors, and -1" in found[3]


def test_operator_reads_what_it_writes() -> None:
    """An operator is not its own producer."""
    model = graph_of(lambda g: g.operator("RELU", [3], [g.tensor("z", (4,))]))
    found = only(model, "read_before_written")
    assert found[:3] == (0, 2, 3)
    assert found[3].endswith("writes only itself")


def test_operator_writes_or_keeps_a_tensor_that_is_not_there() -> None:
    """An output index of -1 is no output; an intermediate of -1 is none."""
    model = graph_of(lambda g: g.operator("RELU", [0], [-1]))
    assert only(model, "tensor_index_out_of_range")[:2] == (0, 2)
    model = graph_of(lambda g: g.operator("LSTM", [0, -1], [], intermediates=[-1, 9]))
    assert "keeps tensor 9" in only(model, "tensor_index_out_of_range")[3]


def test_subgraph_names_tensors_that_are_not_there() -> None:
    """Inputs and outputs of the subgraph."""
    model = chain().build([2, 7])
    assert only(model, "tensor_index_out_of_range")[3].startswith("the subgraph's outputs name")
    graph = dataclasses.replace(chain().build([2]).subgraphs[0], inputs=(0, -1))
    model = dataclasses.replace(chain().build([2]), subgraphs=(graph,))
    assert only(model, "tensor_index_out_of_range")[3].startswith("the subgraph's inputs name")


def test_operator_code_that_is_not_there() -> None:
    """An opcode_index beyond the codes."""
    model = chain().build([2])
    operators = model.subgraphs[0].operators
    lost = dataclasses.replace(operators[1], opcode_index=5, code=None)
    graph = dataclasses.replace(model.subgraphs[0], operators=(operators[0], lost))
    model = dataclasses.replace(model, subgraphs=(graph,))
    found = only(model, "operator_code_out_of_range")
    assert found[:2] == (0, 1)
    assert "operator code 5, but the model has 1 operator code" in found[3]


def test_buffers_that_are_not_there() -> None:
    """Of a tensor and of metadata."""
    model = graph_of(lambda g: g.input("c", (1,), buffer=6) and None)
    assert only(model, "buffer_index_out_of_range")[2] == 3
    model = dataclasses.replace(chain().build([2]), metadata=(Metadata("m", 3),))
    found = only(model, "buffer_index_out_of_range")
    assert found[:3] == (None, None, None)
    assert "metadata 'm' is in buffer 3, but the model has 1 buffer" in found[3]


def test_signatures_of_what_is_not_there() -> None:
    """A subgraph and a tensor that a signature names."""
    model = chain().build([2])
    bad = Signature("s", 1, (), ())
    found = only(dataclasses.replace(model, signatures=(bad,)), "subgraph_index_out_of_range")
    assert "signature 's' is of subgraph 1, but the model has 1 subgraph" in found[3]
    bad = Signature("s", 0, (("a", 0),), (("b", 3),))
    found = only(dataclasses.replace(model, signatures=(bad,)), "tensor_index_out_of_range")
    assert found[0] == 0
    assert "calls tensor 3 'b'" in found[3]


def test_external_buffer_that_is_not_there() -> None:
    """A tensor's external buffer is the id of a listed one; a listed one is a value."""
    model = chain().build([2])
    tensors = model.subgraphs[0].tensors
    outside = dataclasses.replace(tensors[1], external_buffer=7)
    graph = dataclasses.replace(
        model.subgraphs[0], tensors=(tensors[0], outside, tensors[2]),
        operators=model.subgraphs[0].operators[1:],
    )  # fmt: skip
    model = dataclasses.replace(model, subgraphs=(graph,))
    assert only(model, "external_buffer_unknown")[2] == 1
    listed = {"id": 7, "group": 0, "offset": 0, "length": 16, "packing": None}
    assert check(dataclasses.replace(model, external_buffers=(listed,))) == ()


def test_operator_before_its_producer() -> None:
    """The operators swapped: the first reads what the second writes."""
    model = chain().build([2])
    graph = model.subgraphs[0]
    graph = dataclasses.replace(graph, operators=graph.operators[::-1])
    found = only(dataclasses.replace(model, subgraphs=(graph,)), "read_before_written")
    assert found[:3] == (0, 0, 1)
    assert "RELU reads tensor 1 ('h'), which operator 1 (RELU) writes only later" in found[3]


def test_tensors_nobody_writes() -> None:
    """Read by an operator, and given as an output; empty and variable tensors need no writer."""

    def reads(g: GraphBuilder) -> None:
        g.operator("ADD", [0, g.tensor("lost", (4,))], [g.tensor("z", (4,))])

    found = only(graph_of(reads), "never_written")
    assert found[:3] == (0, 2, 3)
    model = graph_of(lambda g: g.tensor("lost", (4,)) and None, outputs=(2, 3))
    found = only(model, "never_written")
    assert found[:3] == (0, None, 3)

    def needs_none(g: GraphBuilder) -> None:
        empty, state = g.tensor("empty", (0, 4)), g.variable("state", (4,))
        g.operator("ADD", [empty, state], [g.tensor("z", (4,))])
        g.operator("RELU", [0], [state])

    assert check(graph_of(needs_none)) == ()


@pytest.mark.parametrize(
    ("target", "why"),
    [(1, "which operator 0 has written"), (0, "which is an input"), (3, "which is a constant")],
)
def test_tensor_written_twice(target: int, why: str) -> None:
    """By two operators, over an input, over a constant."""

    def change(g: GraphBuilder) -> None:
        g.constant("c", np.zeros(4, np.float32))
        g.operator("RELU", [2], [target])

    found = only(graph_of(change), "written_twice")
    assert found[:3] == (0, 2, target)
    assert why in found[3]


def calling(*calls: tuple[int, int]) -> Model:
    """Three subgraphs, in which (caller, called) are the calls."""
    g = GraphBuilder()
    graphs = [g, g.subgraph(), g.subgraph()]
    for caller, called in calls:
        graphs[caller].operator("CALL_ONCE", [], [], {"init_subgraph_index": called})
    return g.build()


def test_calls_in_a_circle() -> None:
    """A subgraph that calls itself, and a circle of three; a diamond is none."""
    found = only(calling((1, 1)), "subgraph_cycle")
    assert found[:2] == (1, 0)
    assert "1 -> 1" in found[3]
    found = only(calling((0, 1), (1, 2), (2, 0)), "subgraph_cycle")
    assert found[:2] == (2, 0)
    assert "0 -> 1 -> 2 -> 0" in found[3]
    found = only(calling((0, 1), (1, 2), (2, 1)), "subgraph_cycle")
    assert "1 -> 2 -> 1" in found[3]
    assert check(calling((0, 1), (0, 2), (1, 2))) == ()


@pytest.mark.parametrize("index", [-1, 3])
def test_call_of_a_subgraph_that_is_not_there(index: int) -> None:
    """The option that names it is said."""
    found = only(calling((0, index)), "subgraph_index_out_of_range")
    assert f"CALL_ONCE calls subgraph {index} (init_subgraph_index)" in found[3]


def test_deep_calls_do_not_recurse() -> None:
    """A chain of ten thousand calls is walked without recursion."""
    g = GraphBuilder()
    graph = g
    for _ in range(10_000):
        after = g.subgraph()
        graph.operator("CALL_ONCE", [], [], {"init_subgraph_index": after.index})
        graph = after
    assert check(g.build()) == ()


def test_branches_of_stablehlo_are_calls() -> None:
    """A vector of subgraphs in the second union of options."""
    g = GraphBuilder()
    g.operator("STABLEHLO_CASE", [], [], {"branch_subgraph_indices": (0, 4)})
    found = {finding.id for finding in check(g.build())}
    assert found == {"subgraph_cycle", "subgraph_index_out_of_range"}


@pytest.mark.parametrize(("dtype", "size"), [("int32", 12), ("int4", 2), ("int2", 1)])
def test_buffer_of_the_wrong_size(dtype: str, size: int) -> None:
    """One byte less than the shape takes is an error; more are kept, with a note."""
    g = GraphBuilder()
    g.constant("c", np.zeros(3, np.int64), dtype)
    model = g.build()
    assert check(model) == ()
    if size > 1:  # a buffer without bytes is no constant
        buffers = (Buffer(), Buffer(np.zeros(size - 1, np.uint8)))
        found = only(dataclasses.replace(model, buffers=buffers), "buffer_size_mismatch")
        assert found[2] == 0
        assert f"but {dtype} of shape [3] takes {size}" in found[3]
    buffers = (Buffer(), Buffer(np.zeros(size + 5, np.uint8)))
    (note,) = check(dataclasses.replace(model, buffers=buffers))
    assert (note.id, note.severity, note.tensor) == ("constant_padded", "note", 0)
    assert f"takes {size}: the 5 behind are not read" in note.evidence


def test_negative_size() -> None:
    """A dimension below zero."""
    g = GraphBuilder()
    g.input("x", (1, -3))
    assert "[1, -3]" in only(g.build(), "negative_size")[3]


def quantized(**quantization: object) -> Model:
    g = GraphBuilder()
    g.input("x", (2, 3), "int8", **quantization)
    return g.build()


def test_quantization_of_the_wrong_length() -> None:
    """Scales along a dimension of another size, and scales without as many zero points."""
    found = only(quantized(scale=[1, 2, 3], quantized_dimension=0), "quantization_length_mismatch")
    assert "3 scales along dimension 0, which has size 2 (shape [2, 3])" in found[3]
    found = only(quantized(scale=[1, 2, 3], zero_point=[0], quantized_dimension=1),
                 "quantization_length_mismatch")  # fmt: skip
    assert "3 scales but 1 zero point" in found[3]
    assert check(quantized(scale=[1, 2, 3], quantized_dimension=1)) == ()


@pytest.mark.parametrize("dimension", [2, -1])
def test_quantized_dimension_that_is_not_there(dimension: int) -> None:
    """Also with a single scale: LiteRT refuses it all the same."""
    found = only(quantized(scale=1, quantized_dimension=dimension), "wrong_quantized_dimension")
    assert f"quantized_dimension {dimension}" in found[3]


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_bad_scale(scale: float) -> None:
    """Zero, negative, not a number, infinite."""
    model = quantized(scale=[1, scale, 2], quantized_dimension=1)
    found = only(model, "bad_scale")
    assert "1 of its 3 scales not positive and finite, the first at 1" in found[3]


def test_a_constant_of_scale_zero_is_a_note() -> None:
    """All its codes stand for 0, and kernels multiply them by 0; other bad scales stay warnings."""
    for scale, severity in ((0.0, "note"), (-1.0, "warning"), (np.nan, "warning")):
        g = GraphBuilder()
        g.constant("c", np.zeros(3, np.int8), scale=scale)
        (found,) = check(g.build())
        assert (found.id, found.severity) == ("bad_scale", severity)


@pytest.mark.parametrize("zero_point", [128, -129])
def test_zero_point_out_of_range(zero_point: int) -> None:
    """Beyond the type's codes."""
    found = only(quantized(scale=1, zero_point=zero_point), "zero_point_out_of_range")
    assert f"zero point is {zero_point}, but int8 holds -128..127" in found[3]


def test_details_that_name_tensors() -> None:
    """Blockwise scales in a tensor that is not there; -1 zero points are none."""

    def details(scales: int, zero_points: int) -> Model:
        fields = {"scales": scales, "zero_points": zero_points, "block_size": 2, "block_shape": ()}
        none = np.empty(0)
        table = Quantization(
            none.astype(np.float32), none.astype(np.int64),
            details=("BlockwiseQuantization", fields),
        )  # fmt: skip
        return quantized(quantization=table)

    assert check(details(0, -1)) == ()
    assert "its scales are in tensor 1" in only(details(1, -1), "tensor_index_out_of_range")[3]
    assert "zero_points are in tensor -2" in only(details(0, -2), "tensor_index_out_of_range")[3]
