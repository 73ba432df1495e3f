"""Hybrid models, part by part, against LiteRT's own runs and float64 from the definition."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from conformance.faults.editable import EditableModel
from conformance.faults.subjects import HealthyPair, own_subjects
from conformance.models.dynamic_range import dynamic_range, weighted
from refinterp.cli.main import main
from refinterp.debug.compare import Comparison, debug
from refinterp.debug.layer_names import layer_names
from refinterp.debug.reference.hybrid import Scheme
from refinterp.debug.result import DebugReport, LayerName
from refinterp.debug.study.recipe import quantizer_recipe
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.report.sensitivity_answer import sensitivity_answer
from refinterp.runtimes import Ran, open_runtime, unavailable
from refinterp.samples.samples import Samples

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = "runtime:litert-reference"
SIZES = (24, 16, 12, 8)
COUNT = 5


def dense(seed: int = 2) -> tuple[Model, list[np.ndarray], list[np.ndarray]]:
    """Three float layers, RELU between them, every activation an output; weights and biases."""
    rng = np.random.default_rng(seed)
    g = GraphBuilder()
    x = g.input("x", (1, SIZES[0]))
    weights, biases, outputs = [], [], []
    for layer, (depth, units) in enumerate(pairwise(SIZES)):
        w = rng.normal(0, 1 / np.sqrt(depth), (units, depth)).astype(np.float32)
        b = rng.normal(0, 0.2, units).astype(np.float32)
        y = g.tensor(f"y{layer}", (1, units))
        activation = "RELU" if layer < 2 else "NONE"
        g.operator(
            "FULLY_CONNECTED",
            [x, g.constant(f"w{layer}", w), g.constant(f"b{layer}", b)],
            [y],
            {"fused_activation_function": activation},
        )
        weights.append(w)
        biases.append(b)
        outputs.append(y)
        x = y
    return g.build(outputs=outputs), weights, biases


def drawn(shape: tuple[int, ...], count: int = COUNT, seed: int = 9) -> Samples:
    data = np.random.default_rng(seed).normal(0, 1, (count, *shape)).astype(np.float32)
    return Samples(count, lambda i: [data[i]], "drawn")


def codes_and_scales(w: np.ndarray, *, per_channel: bool) -> tuple[np.ndarray, np.ndarray]:
    """The converter's rule, written again: the largest weight takes code 127."""
    reach = np.abs(w).max(axis=1) if per_channel else np.array([np.abs(w).max()])
    scale = (reach / 127).astype(np.float32)
    return np.rint(w / scale[:, None]), scale


def layer_of(x: np.ndarray, w: np.ndarray, b: np.ndarray, layer: int) -> np.ndarray:
    y = w.astype(np.float64) @ x.reshape(-1).astype(np.float64) + b.astype(np.float64)
    return np.maximum(y, 0) if layer < 2 else y


def sqnr(signal: list[np.ndarray], noise: list[np.ndarray]) -> float:
    return float(
        10 * np.log10(sum((s**2).sum() for s in signal) / sum((n**2).sum() for n in noise))
    )


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("asymmetric", [True, False])
def test_parts_are_what_litert_and_the_definition_make_of_them(per_channel, asymmetric):
    """Data: LiteRT's result against W_q x in float64; weights: W_q x against W x; both: local."""
    if reason := unavailable(REFERENCE):
        pytest.skip(reason)
    twin, weights, biases = dense()
    model = dynamic_range(twin, per_channel=per_channel, asymmetric=asymmetric)
    samples = drawn((1, SIZES[0]))
    with open_runtime(REFERENCE) as runtime:
        ran = runtime.run(write_model(model), list(samples))
    assert isinstance(ran, Ran)
    report = debug(model, samples, twin)
    for layer, own in enumerate(sorted(report.layers, key=lambda one: one.operator)):
        codes, scale = codes_and_scales(weights[layer], per_channel=per_channel)
        stored = codes * scale[:, None].astype(np.float64)
        kernel, quantized, real, floats = [], [], [], []
        for index, (x,) in enumerate(samples):
            given = x if layer == 0 else ran.outputs[index][layer - 1]
            kernel.append(np.asarray(ran.outputs[index][layer], np.float64).reshape(-1))
            quantized.append(layer_of(given, stored, biases[layer], layer))
            real.append(layer_of(given, weights[layer], biases[layer], layer))
            run = x
            for before in range(layer + 1):
                run = layer_of(run, weights[before], biases[before], before)
            floats.append(run)
        assert own.weights is not None
        assert own.activations is not None
        pairs = [
            (own.activations.errors, kernel, quantized),
            (own.weights.errors, quantized, real),
            (own.local, kernel, real),
            (own.accumulated, kernel, floats),
        ]
        for figures, found, reference in pairs:
            errors = [a - b for a, b in zip(found, reference, strict=True)]
            assert figures is not None
            assert figures.sqnr_db == pytest.approx(sqnr(reference, errors), abs=0.02)
            assert figures.rmse_over_scale is None
        assert not own.weights.estimated
        assert own.weights.granularity == ("channel" if per_channel else "tensor")
        assert own.weights.step_highest == scale.max()
        assert own.weights.codes_used == np.unique(codes).size
        assert own.activations.run_time is not None
        assert own.activations.run_time.symmetric != asymmetric
        assert own.causes == ()
    assert report.keep_in_float == ()


def test_what_run_time_quantization_leaves_of_the_data():
    """Steps, values lost to 0 and the reach of each feature, from the rule of symmetric rows."""
    twin, _, _ = dense()
    model = dynamic_range(twin, asymmetric=False)
    samples = drawn((1, SIZES[0]))
    rows = np.concatenate([x for (x,) in samples]).astype(np.float64)
    steps = np.abs(rows).max(axis=1) / 127
    part = next(one for one in debug(model, samples).layers if one.operator == 0).activations
    assert part is not None
    found = part.run_time
    assert found is not None
    assert (found.units, found.images, found.symmetric) == (COUNT, False, True)
    assert found.step_lowest == pytest.approx(steps.min(), rel=1e-6)
    assert found.step_highest == pytest.approx(steps.max(), rel=1e-6)
    lost = np.abs(rows) < steps[:, None] / 2
    assert found.lost_fraction == lost.mean()
    np.testing.assert_allclose(found.feature_reach, np.abs(rows).max(axis=0))
    assert found.codes is not None
    codes = np.rint(rows / steps[:, None])
    assert (found.codes.lowest, found.codes.highest) == (codes.min(), codes.max())


@cache
def healthy() -> tuple[HealthyPair, ...]:
    return tuple(own_subjects())


@pytest.mark.parametrize("place", range(4))
def test_an_estimate_is_near_what_the_weights_lose(place):
    """Without the float model the loss of storing the weights is guessed about right.

    Within 3 dB for the median layer, within 8 for each: rounding is one draw, and so is the guess.
    """
    subject = healthy()[place]
    model = dynamic_range(subject.twin)
    told = debug(model, subject.samples, subject.twin, limit=4)
    guessed = debug(model, subject.samples, limit=4)
    known = {one.operator: one.weights.errors.sqnr_db for one in told.layers if one.weights}
    off = []
    for one in guessed.layers:
        assert one.weights is not None
        assert one.weights.estimated
        off.append(one.weights.errors.sqnr_db - known[one.operator])
    assert max(map(abs, off)) < 8
    assert abs(float(np.median(off))) < 3
    assert any("--float" in note for note in guessed.notes)
    assert not any("--float" in note for note in told.notes)


@pytest.mark.parametrize(
    "made",
    [{}, {"per_channel": False}, {"form": "weight_only"}, {"form": "float16"}],
    ids=["channels", "tensor", "weight_only", "float16"],
)
@pytest.mark.parametrize("twin", [True, False])
def test_healthy_models_have_no_cause(made: dict[str, Any], twin: bool):
    """Nothing is named before anything is planted; weight-only layers lose nothing at run time."""
    for subject in healthy():
        model = read_model(write_model(dynamic_range(subject.twin, **made)))
        report = debug(model, subject.samples, subject.twin if twin else None, limit=4)
        assert not report.unpaired
        assert len(report.layers) == len(weighted(subject.twin))
        for layer in report.layers:
            assert layer.causes == (), (subject.name, layer)
            assert layer.weights is not None
            assert layer.activations is not None
            if "form" in made:
                assert layer.activations.run_time is None
                assert layer.activations.errors.sqnr_db == np.inf
                other = layer.weights.errors if twin else layer.activations.errors
                assert layer.local.sqnr_db == other.sqnr_db


def test_layers_of_every_kind_in_one_model():
    """An int8 layer, a float one, a dynamic-range one and one on float16 weights, each as it is."""
    rng = np.random.default_rng(4)
    w = [rng.normal(0, 0.4, (8, 8)).astype(np.float32) for _ in range(4)]
    g = GraphBuilder()
    x = g.input("x", (1, 8))
    grid = {"scale": 0.05, "zero_point": 0}
    q, r = g.tensor("q", (1, 8), "int8", **grid), g.tensor("r", (1, 8), "int8", **grid)
    g.operator("QUANTIZE", [x], [q])
    codes, scale = codes_and_scales(w[0], per_channel=True)
    weights = g.constant("w0", codes.astype(np.int8), scale=scale)
    g.operator("FULLY_CONNECTED", [q, weights], [r])
    y = g.tensor("y", (1, 8))
    g.operator("DEQUANTIZE", [r], [y])
    z = g.tensor("z", (1, 8))
    g.operator("FULLY_CONNECTED", [y, g.constant("w1", w[1])], [z])
    u = g.tensor("u", (1, 8))
    codes, scale = codes_and_scales(w[2], per_channel=False)
    g.operator("FULLY_CONNECTED", [z, g.constant("w2", codes.astype(np.int8), scale=scale)], [u])
    half, real = g.constant("w3", w[3].astype(np.float16)), g.tensor("w3_real", (8, 8))
    g.operator("DEQUANTIZE", [half], [real])
    v = g.tensor("v", (1, 8))
    g.operator("FULLY_CONNECTED", [u, real], [v])
    model = read_model(write_model(g.build(outputs=[v])))
    samples = drawn((1, 8))
    report = debug(model, samples)
    assert sorted((one.operator, one.dtype, one.weights is None) for one in report.layers) == [
        (0, "int8", True), (1, "int8", True), (4, "float32", False), (6, "float32", False),
    ]  # fmt: skip
    study = sensitivity(Variants(model, samples))
    assert {one.operator for one in study.layers} == {1, 4}
    assert 6 in study.lossless  # without the float model nothing is known to be lost
    base = study.base.sqnr_db
    assert all(one.kept is not None and one.kept.sqnr_db > base for one in study.layers)


def without(twin: Model, kept: int) -> Model:
    """The dynamic-range model made without one layer, by the converter's rule."""
    return dynamic_range(twin, [i for i in weighted(twin) if i != kept])


def test_keeping_a_layer_is_making_the_model_without_it():
    """`kept` is what a model comes to in which that layer was never quantized; all kept: float."""
    twin, _, _ = dense()
    samples = drawn((1, SIZES[0]))
    study = Variants(dynamic_range(twin), samples, twin)
    for layer in sensitivity(study).layers:
        own = debug(without(twin, layer.operator), samples, twin)
        assert layer.kept is not None
        assert layer.kept.sqnr_db == own.worst_output_sqnr_db
        alone = debug(dynamic_range(twin, [layer.operator]), samples, twin)
        assert layer.alone is not None
        assert layer.alone.sqnr_db == alone.worst_output_sqnr_db
    assert study.effect((0, 1, 2)).sqnr_db == np.inf


def test_a_hybrid_layer_has_no_16_bit_form():
    """Its activations are reals; the study says so and goes on."""
    twin, _, _ = dense()
    report = sensitivity(Variants(dynamic_range(twin), drawn((1, SIZES[0])), precision="int16"))
    assert all("writes reals" in str(one.unsupported) for one in report.layers)
    assert report.remarks == ()
    (verdict, *_) = sensitivity_answer(report, ())
    assert "no layer can be kept in int16" in verdict[1]


def figures(report: DebugReport) -> list[Any]:
    return [
        (one.operator, one.local, one.accumulated, one.weights, one.activations and
         one.activations.errors)
        for one in report.layers
    ]  # fmt: skip


def test_figures_do_not_depend_on_batches_or_shards():
    """Measured in batches, and in parts that are merged in any order: the same to the bit."""
    subject = healthy()[2]
    comparison = Comparison(dynamic_range(subject.twin), subject.twin)
    whole = comparison.measure(subject.samples, stop=9, batch=1)
    batches = comparison.measure(subject.samples, stop=9, batch=4)
    shards = comparison.measure(subject.samples, start=6, stop=9)
    for start in (3, 0):
        shards.merge(comparison.measure(subject.samples, start=start, stop=start + 3))
    expected = figures(comparison.report(whole))
    assert figures(comparison.report(batches)) == expected
    assert figures(comparison.report(shards)) == expected


def recurrent(kind: str) -> tuple[Model, tuple[int, ...]]:
    """SVDF with int8 weights, one scale each, and float state."""
    rng = np.random.default_rng(8)
    g = GraphBuilder()
    x = g.input("x", (1, 6))

    def weights(name: str, shape: tuple[int, ...]) -> int:
        w = rng.normal(0, 0.4, shape).astype(np.float32)
        codes, scale = codes_and_scales(w, per_channel=False)
        stored = codes.astype(np.int8)
        return g.constant(name, stored, scale=scale) if kind == "int8" else g.constant(name, w)

    feature, time = weights("feature", (4, 6)), weights("time", (4, 3))
    state = g.variable("state", (1, 12))
    y = g.tensor("y", (1, 4))
    g.operator("SVDF", [x, feature, time, -1, state], [y], {"rank": 1})
    return g.build(outputs=[y]), (1, 6)


def test_state_is_not_disturbed_by_the_comparison():
    """What a layer with state writes is what LiteRT writes, sample after sample."""
    if reason := unavailable(REFERENCE):
        pytest.skip(reason)
    model, shape = recurrent("int8")
    twin, _ = recurrent("float32")
    samples = drawn(shape, 6)
    with open_runtime(REFERENCE) as runtime:
        hybrid, real = (runtime.run(write_model(one), list(samples)) for one in (model, twin))
    assert isinstance(hybrid, Ran)
    assert isinstance(real, Ran)
    found = [out[0].astype(np.float64).reshape(-1) for out in hybrid.outputs]
    reference = [out[0].astype(np.float64).reshape(-1) for out in real.outputs]
    errors = [a - b for a, b in zip(found, reference, strict=True)]
    report = debug(model, samples, twin)
    assert report.worst_output_sqnr_db == pytest.approx(sqnr(reference, errors), abs=0.05)
    (layer,) = report.layers
    assert layer.weights is not None
    assert layer.activations is not None
    assert 25 < layer.activations.errors.sqnr_db < 60
    assert 25 < layer.weights.errors.sqnr_db < 60


def test_uint8_weights_are_the_int8_codes_that_the_kernel_takes_them_for():
    """The same bytes under either name give the same figures."""
    reports = []
    for dtype in ("int8", "uint8"):
        rng = np.random.default_rng(6)
        codes = rng.integers(-127, 128, (5, 16)).astype(np.int8)
        g = GraphBuilder()
        x, y = g.input("x", (1, 16)), g.tensor("y", (1, 5))
        w = g.constant("w", codes.view(dtype), scale=0.01)
        g.operator("FULLY_CONNECTED", [x, w], [y])
        reports.append(debug(g.build(outputs=[y]), drawn((1, 16))))
    assert figures(reports[0]) == figures(reports[1])


SCHEMA = json.loads((ROOT / "schema" / "debug.schema.json").read_text("utf-8"))


def test_the_command_says_what_to_keep(tmp_path, capsys):
    """An outlier in the input: named in the first lines, in the document, the page and the CSV."""
    twin, weights, _ = dense()
    edited = EditableModel(twin)
    changed = weights[0].copy()
    changed[:, 5] /= 300
    edited.set_values(edited.parts(0)[1], changed)
    floats = edited.build()
    data = np.concatenate([x for (x,) in drawn((1, SIZES[0]))])
    data[:, 5] *= 300
    paths = {name: str(tmp_path / name) for name in ("q.tflite", "f.tflite", "x.npy", "p", "c")}
    Path(paths["q.tflite"]).write_bytes(write_model(dynamic_range(floats)))
    Path(paths["f.tflite"]).write_bytes(write_model(floats))
    np.save(paths["x.npy"], data[:, None])
    words = ["debug", paths["q.tflite"], "--float", paths["f.tflite"], "--data", paths["x.npy"]]
    assert main([*words, "--html", paths["p"], "--csv", paths["c"]]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "activation_outlier" in text
    assert "feature 5 of 24" in text
    assert "in float: operator 0" in text
    assert "data at run time" in Path(paths["p"]).read_text("utf-8")
    assert Path(paths["c"]).read_text("utf-8").count("FULLY_CONNECTED") == 3
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert document["keep_in_float"]["operators"] == [0]
    rules = document["keep_in_float"]["ai_edge_quantizer"]
    assert rules[0]["op_config"]["compute_precision"] == "INTEGER"
    assert "activation_tensor_config" not in rules[0]["op_config"]
    assert rules[1]["algorithm_key"] == "no_quantize"
    first = document["layers"][0]
    assert first["operator"] == 0
    assert first["activations"]["run_time"]["largest_features"][0]["feature"] == 5
    assert main([*words, "--workers", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "scheme",
    [Scheme("dynamic"), Scheme("dynamic", 4), Scheme("weight_only"), Scheme("float16", 16)],
    ids=str,
)
def test_the_quantizer_takes_the_recipe(tmp_path, scheme):
    """ai-edge-quantizer makes that kind of model, the named layer left in float; debug reads it."""
    quantizer = pytest.importorskip(
        "ai_edge_quantizer.quantizer", reason="ai-edge-quantizer is not installed"
    )
    path = ROOT / "refinterp" / "data" / "digits_float.tflite"
    twin = read_model(path)
    graph = twin.subgraphs[0]
    name = graph.tensors[graph.operators[7].outputs[0]].name
    recipe = tmp_path / "recipe.json"
    rules = quantizer_recipe([LayerName(7, name, name)], "float", scheme)
    recipe.write_text(json.dumps(rules), "utf-8")
    made = quantizer.Quantizer(str(path), str(recipe)).quantize().quantized_model
    comparison = Comparison(read_model(bytes(made)), twin)
    assert comparison.setup.scheme == scheme
    assert comparison.setup.unpaired == ()
    names = {one.name for one in layer_names(comparison.setup)}
    assert names
    assert name not in names
