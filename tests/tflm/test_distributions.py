"""The arena of distributions against what was measured on their own builds, and on chips."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model, Quantization
from refinterp.modelfile.reader import read_model
from refinterp.tflm.distributions import DISTRIBUTIONS
from refinterp.tflm.findings import tflm_findings
from refinterp.tflm.footprint import find, older
from refinterp.tflm.ledger import measure, measure_apart, measure_shared, totals
from refinterp.tflm.structs import layout
from refinterp.tflm.targets import TARGETS, built_by_users, known_builds, profile
from refinterp.verdicts.older.table import RULES
from tests.corpus import ROOT, corpus
from tests.tflm.skeleton import model_of

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "distributions.json").read_text("utf-8"))
ON_DEVICE = json.loads((HERE / "on_device.json").read_text("utf-8"))["figures"]
BY_ZEPHYR = json.loads((HERE / "zephyr_build.json").read_text("utf-8"))["models"]
STRUCTURES = json.loads((HERE / "measured.json").read_text("utf-8"))["models"]
NAMES = [version.name for version in DISTRIBUTIONS]
BY_NAME = {
    row["name"].removeprefix("models/").removesuffix(".tflite"): row["figures"]
    for row in FACTS["models"].values()
}


def corpus_models() -> dict[str, Path]:
    """The corpus' models by their SHA-256."""
    paths = corpus().rglob("*.tflite")
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


def test_the_facts_are_of_the_distributions_there_are():
    """Names and commits are those of the measured builds."""
    measured = {name: about["commit"] for name, about in FACTS["distributions"].items()}
    assert {version.name: version.commit for version in DISTRIBUTIONS} == measured


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_agrees_to_the_byte_and_every_refusal_is_shared(name):
    """Bytes used and the smallest arena of every measured model that the corpus holds."""
    where, at = profile(tflm=name), list(FACTS["distributions"]).index(name)
    wrong: dict[str, Any] = {}
    for digest, path in corpus_models().items():
        if digest in FACTS["models"]:
            known = FACTS["models"][digest]["figures"][at]
            try:
                said: Any = list(totals(read_model(path), where))
            except (UnsupportedError, ModelError):
                said = None
            if said != known:
                wrong[path.name] = (said, known)
    assert not wrong


LARGER = {"oneop/embedding_i": 16}
"""Where the smallest arena is said larger than it is: there what stays may lie over temporaries."""


def test_zephyrs_own_build_agrees_to_the_byte():
    """Bytes used and the smallest arena of every model that was run on it, and its refusals."""
    where, wrong, seen = profile(tflm="zephyr-build"), [], 0
    paths = corpus_models() | {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for folder in ("refinterp/data", "conformance/models")
        for path in (ROOT / folder).glob("*.tflite")
    }
    for digest, (name, used, least) in BY_ZEPHYR.items():
        if digest not in paths:
            continue
        seen += 1
        try:
            said: Any = totals(read_model(paths[digest]), where)
        except (UnsupportedError, ModelError):
            said = (None, None)
        if said != (used, least and least + LARGER.get(name, 0)):
            wrong.append((name, said, used, least))
    assert not wrong
    assert seen >= 13


@pytest.mark.parametrize("row", ON_DEVICE, ids=lambda row: f"{row['target']}-{row['model']}")
def test_chips_use_as_much_as_is_said(row):
    """Eight figures read from an ESP32 and an nRF52840."""
    path = corpus_models().get(row["sha256"])
    if path is None:
        pytest.skip(f"the corpus has no {row['model']}")
    assert totals(read_model(path), profile(tflm=row["tflm"]))[0] == row["arena_used_bytes"]


def with_scales(model: Model) -> Model:
    """The skeleton with the scales and beta that SOFTMAX and SVDF are checked for."""
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    operators = []
    for operator in graph.operators:
        if operator.name == "SOFTMAX":
            y = operator.outputs[0]
            scale, zero = (1 / 65536, -32768) if tensors[y].dtype == "int16" else (1 / 256, -128)
            fixed = Quantization(np.full(1, scale, np.float32), np.full(1, zero), 0)
            tensors[y] = replace(tensors[y], quantization=fixed)
            operator = replace(operator, options={"beta": 1.0})
        if operator.name == "SVDF":
            product = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64), 0)
            bias = operator.inputs[3]
            tensors[bias] = replace(tensors[bias], quantization=product)
        operators.append(operator)
    graph = replace(graph, tensors=tuple(tensors), operators=tuple(operators))
    return replace(model, subgraphs=(graph, *model.subgraphs[1:]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("title", [title for title in STRUCTURES if title in BY_NAME])
def test_structures_that_ship_agree_to_the_byte(title, name):
    """The same figures from structures alone, without a corpus."""
    if (title, name) == ("trained_lstm_int8", "chirale-2.0.0"):
        pytest.skip("the structure holds no intermediate tensors")
    known = BY_NAME[title][list(FACTS["distributions"]).index(name)]
    model = with_scales(model_of(STRUCTURES[title]["structure"]))
    assert list(totals(model, profile(tflm=name))) == known


SIZES = {
    "TfLiteTensor": (64, 64, 40, 32, 32, 64),
    "NodeAndRegistration": (44, 44, 32, 32, 32, 44),
    "TfLiteConvParams": (24, 24, 28, 28, 28, 24),
    "TfLiteFullyConnectedParams": (4, 4, 16, 5, 5, 4),
    "TfLiteStridedSliceParams": (20, 20, 24, 24, 24, 20),
    "TfLiteTransposeConvParams": (16, 16, 20, 16, 16, 16),
    "OpDataReduce": (40, 40, 44, 40, 40, 36),
    "OpDataAbsRsqrt": (20, 20, 28, 28, 20, 20),
    "Relu6OpData": (2, 2, 8, 8, 2, 2),
    "TfLiteAffineQuantization": (12, 12, 12, 12, 12, 12),
}
"""sizeof in the builds of chirale, arduino, esp, pico, zephyr and edge-impulse."""


@pytest.mark.parametrize("struct", SIZES)
def test_structs_have_the_sizes_of_the_builds(struct):
    """Members and the layout rule give what the compiler says."""
    assert tuple(profile(tflm=name).layout(struct).size for name in NAMES) == SIZES[struct]


def test_zephyrs_own_build_files_make_larger_structs():
    """Sizeof by arm-none-eabi-g++ 12.2.1 at the module's commit, without TF_LITE_STATIC_MEMORY."""
    known, people = profile(tflm="zephyr"), built_by_users(profile(tflm="zephyr"))
    assert people is not None
    assert (people.tflm.name, people.tflm.commit) == ("zephyr-build", known.tflm.commit)
    sizes = {"TfLiteTensor": 64, "TfLiteNode": 40, "NodeAndRegistration": 44,
             "TfLiteEvalTensor": 12, "MicroAllocator": 36}  # fmt: skip
    assert {struct: people.layout(struct).size for struct in sizes} == sizes
    assert built_by_users(people) is None


@pytest.mark.parametrize("title", ["hello_world_int8", "kws_ref_model", "random/op_024"])
def test_what_was_measured_stays_and_the_other_build_is_told(title):
    """The figure of `zephyr` is the measured one; beside it that of Zephyr's own build files."""
    model = with_scales(model_of(STRUCTURES[title]["structure"]))
    ledger = measure(model, profile(tflm="zephyr"))
    other = totals(model, profile(tflm="zephyr-build"))
    assert ledger.as_built is not None
    assert (ledger.as_built.arena_used_bytes, ledger.as_built.minimum_arena_bytes) == other
    assert other[0] > ledger.arena_used_bytes == totals(model, profile(tflm="zephyr"))[0]
    assert ledger.safe_arena_bytes == max(ledger.minimum_arena_bytes, other[1])
    assert totals(model, profile(tflm="other"))[1] >= other[1]
    shared = measure_shared([model, model], profile(tflm="zephyr"))
    assert shared.safe_arena_bytes == (
        measure_shared([model, model], profile(tflm="zephyr-build")).minimum_arena_bytes
    )
    assert measure(model, profile(tflm="chirale-2.0.0")).as_built is None


@pytest.mark.parametrize("version", DISTRIBUTIONS, ids=lambda version: version.name)
def test_data_of_a_distribution_hold_together(version):
    """Layers are tables, rows name structs that are laid out, rules are of operators it has."""
    abi = TARGETS["cortex-m4"].abi
    for layer in version.layers:
        for rows in older(layer).values():
            for row in rows.values():
                for struct in (row.params, row.data):
                    assert struct is None or layout(struct, abi, version.changes).size > 0
        for operator in RULES[layer]:
            assert find(profile(tflm=version.name), operator) is not None
    assert version.builds[0].measured
    assert all(find(profile(tflm=version.name), operator) is None for operator in version.lacks)


def convolution(*, bias: bool, dtype: str = "int8", depthwise: bool = False) -> Model:
    """A convolution of 3x3, quantized."""
    g = GraphBuilder()
    q = Quantization(np.full(1, 0.5, np.float32), np.zeros(1, np.int64), 0)
    x = g.input("x", (1, 8, 8, 4), dtype, quantization=q)
    shape = (1, 3, 3, 4) if depthwise else (4, 3, 3, 4)
    w = g.constant("w", np.zeros(shape, np.int8), quantization=q)
    inputs = [x, w]
    if bias:
        small = Quantization(np.full(1, 0.25, np.float32), np.zeros(1, np.int64), 0)
        inputs.append(g.constant("b", np.zeros(4, np.int32), quantization=small))
    y = g.tensor("y", (1, 8, 8, 4), dtype, quantization=q)
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    options = {"stride_h": 1, "stride_w": 1, "padding": "SAME"}
    g.operator(name, inputs, [y], options)
    g.output(y)
    return g.build()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_without_a_bias_crashes_where_it_does(name, depthwise):
    """Arduino's libraries and Edge Impulse's crash, Zephyr's in depthwise ones; others do not."""
    old = name in ("chirale-2.0.0", "arduino", "edge-impulse")
    crashes = old or (depthwise and name == "zephyr")
    model, where = convolution(bias=False, depthwise=depthwise), profile(tflm=name)
    if crashes:
        with pytest.raises(UnsupportedError, match=f"{name} aborts: it has no bias"):
            measure(model, where)
        (finding,) = tflm_findings(model, where)
        assert (finding.id, finding.severity) == ("distribution_crashes", "error")
        assert "esp-tflite-micro" in finding.remedy
    else:
        assert measure(model, where).arena_used_bytes > 0
        assert tflm_findings(model, where) == ()
    assert tflm_findings(convolution(bias=True, depthwise=depthwise), where) == ()


def test_scratch_of_a_convolution_is_of_its_date():
    """36 elements in two columns of 16 bits; a depthwise one asks with DSP until 2023 only."""

    def scratch(model, name):
        plan = measure(model, profile(tflm=name)).plan
        return [b.requested_bytes for b in plan.buffers if b.kind == "scratch"]

    assert scratch(convolution(bias=True), "arduino") == [4 * 9 * 4]
    assert scratch(convolution(bias=True, depthwise=True), "arduino") == [2 * 9 * 4]
    assert scratch(convolution(bias=True, depthwise=True), "zephyr") == []
    assert scratch(convolution(bias=True), "esp-tflite-micro") == []


def negative(dtype: str) -> Model:
    g = GraphBuilder()
    x = g.input("x", (1, 4), dtype)
    y = g.tensor("y", (1, 4), dtype)
    g.operator("NEG", [x], [y])
    g.output(y)
    return g.build()


def test_what_fails_only_as_it_runs_has_figures_and_is_told():
    """NEG of int8 is set up everywhere, and refused by Invoke; nothing is said of float32."""
    ledger = measure(negative("int8"), profile(tflm="chirale-2.0.0"))
    assert ledger.minimum_arena_bytes > 0
    assert len(ledger.fails_to_run) == 1
    assert "int8; allowed: float32" in ledger.fails_to_run[0]
    assert measure(negative("float32"), profile(tflm="chirale-2.0.0")).fails_to_run == ()


def test_an_operator_that_is_lacking_is_refused_with_its_name():
    """REVERSE_V2 came after December 2024."""
    g = GraphBuilder()
    x = g.input("x", (2, 4))
    axis = g.constant("axis", np.zeros(1, np.int32))
    y = g.tensor("y", (2, 4))
    g.operator("REVERSE_V2", [x, axis], [y])
    g.output(y)
    model = g.build()
    assert measure(model, profile(tflm="esp-tflite-micro")).arena_used_bytes > 0
    with pytest.raises(UnsupportedError, match="no kernel for REVERSE_V2"):
        measure(model, profile(tflm="zephyr"))
    (finding,) = tflm_findings(model, profile(tflm="zephyr"))
    assert finding.id == "distribution_refuses"


@pytest.mark.parametrize("title", ["hello_world_int8", "kws_ref_model", "random/op_024"])
@pytest.mark.parametrize("target", [None, "cortex-m3", "generic-32"])
def test_another_distribution_is_never_below_a_known_one(title, target):
    """The figure is TFLM's and a margin, and its ledger adds up to it."""
    model = with_scales(model_of(STRUCTURES[title]["structure"]))
    where = profile(target, tflm="other")
    ledger = measure(model, where)
    known = [totals(model, one) for one in known_builds(where)]
    assert {profile(tflm=name).label for name in NAMES} <= {p.label for p in known_builds(where)}
    assert ledger.arena_used_bytes == max(used for used, _ in known)
    assert ledger.minimum_arena_bytes == max(least for _, least in known)
    assert ledger.margin is not None
    assert ledger.minimum_arena_bytes - known[0][1] == ledger.margin.minimum_bytes
    assert sum(e.bytes for e in ledger.entries if e.section == "tail") == ledger.tail_bytes
    assert totals(model, where) == (ledger.arena_used_bytes, ledger.minimum_arena_bytes)


def test_another_distribution_takes_what_a_known_one_takes():
    """Refused by TFLM's own build, the figure is that of those that take the model."""
    g = GraphBuilder()
    x = g.input("x", (2, 4))
    c = g.input("c", (2, 4), "bool")
    y = g.tensor("y", (2, 4))
    g.operator("SELECT", [c, x, x], [y])
    g.output(y)
    model = g.build()
    other = measure(model, profile(tflm="other"))
    assert other.arena_used_bytes == totals(model, profile(tflm="edge-impulse"))[0]
    assert measure_apart(model, profile(tflm="other")).persistent_bytes > 0
    together = measure_shared([model, model], profile(tflm="other"))
    assert together.minimum_arena_bytes >= other.minimum_arena_bytes
    g = GraphBuilder()
    y = g.tensor("y", (2, 4))
    g.operator("GELU", [g.input("x", (2, 4))], [y])
    g.output(y)
    with pytest.raises(UnsupportedError, match="GELU"):
        measure(g.build(), profile(tflm="other"))
