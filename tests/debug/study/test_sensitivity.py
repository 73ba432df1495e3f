"""Sensitivity: planted faults are found, sets are smallest, ranges and recipes hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations, pairwise

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.study.better_ranges import better_ranges
from refinterp.debug.study.recipe import denylisted_nodes, quantizer_recipe
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.graph.specs import tensor_specs
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.runtimes import Ran, open_runtime, unavailable
from refinterp.samples.samples import Samples
from refinterp.samples.source import open_samples
from tests.corpus import ROOT
from tests.debug.networks import LAYERS, SIZE, dense, rescaled, weights

DATA = ROOT / "refinterp" / "data"
MODEL, TWIN = str(DATA / "digits_int8.tflite"), str(DATA / "digits_float.tflite")
WORDS = ["--data", str(DATA / "digits_samples.npz"), "--limit", "8"]
RUN = ["sensitivity", MODEL, "--float", TWIN, *WORDS]
FLOAT = dense(quantized=False)
STEP = 0.08


def healthy() -> Model:
    """Ranges that hold what the samples below come to."""
    return dense(quantized=True, scale=STEP)


def codes(count: int = 40, labels: np.ndarray | None = None) -> Samples:
    """Samples in codes: the float run gets exactly their reals."""
    data = np.random.default_rng(7).integers(-37, 38, (count, 1, SIZE), np.int8)
    return Samples(count, lambda i: [data[i]], "drawn", labels)


def noisy(model: Model, layer: int, seed: int = 5, size: int = 8) -> Model:
    """The same model with the weights of one layer off by up to `size` codes."""
    tensors = model.subgraphs[0].tensors
    place = tensors[model.subgraphs[0].operators[layer].inputs[1]].buffer
    buffers = list(model.buffers)
    old = buffers[place].data.view(np.int8).astype(np.int64)
    new = old + np.random.default_rng(seed).integers(-size, size + 1, old.size)
    buffers[place] = replace(
        buffers[place], data=np.clip(new, -127, 127).astype(np.int8).view(np.uint8)
    )
    return replace(model, buffers=tuple(buffers))


def planted(fault: str, layer: int) -> Model:
    model = healthy()
    output = model.subgraphs[0].operators[layer].outputs[0]
    if fault == "weights":
        return noisy(model, layer)
    return rescaled(model, output, {"clipped": 1 / 8, "too wide": 8.0}[fault])


@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize("fault", ["weights", "clipped", "too wide"])
def test_a_planted_fault_is_what_keeping_its_layer_recovers(fault, layer):
    """The layer with the fault gains most, far more than any other, and alone it loses most."""
    study = sensitivity(Variants(planted(fault, layer), codes(), FLOAT))
    first, second = study.layers[:2]
    assert first.operator == layer
    assert first.kept.sqnr_db > second.kept.sqnr_db + 3
    alone = {one.operator: one.alone.sqnr_db for one in study.layers}
    assert alone[layer] < study.all_kept.sqnr_db - 20
    if fault == "weights":
        assert min(alone, key=alone.get) == layer


@pytest.mark.parametrize("layer", range(LAYERS))
def test_sixteen_bits_recover_what_a_wide_range_wastes(layer):
    """int16 has codes to spare for a range too wide: the layer is found in this precision too."""
    study = sensitivity(Variants(planted("too wide", layer), codes(), FLOAT, precision="int16"))
    assert study.layers[0].operator == layer
    assert study.layers[0].kept.sqnr_db > study.base.sqnr_db + 3
    assert all(one.unsupported is None for one in study.layers)


def simulated(kept: frozenset[int], samples: Samples, faults: dict[int, Model]) -> float:
    """The same figure from the definition, in NumPy alone: SQNR of fake-quantized layers."""
    signal = noise = 0.0
    for index in range(samples.count):
        x = r = (samples.get(index)[0].astype(np.float64) - 3) * np.float32(STEP)
        for layer, w in enumerate(weights()):
            b = np.linspace(-1, 1, SIZE).astype(np.float32).astype(np.float64)
            step = float(np.float32(np.abs(w).max() / 127))
            r = r @ w.T.astype(np.float64) + b
            bias = np.rint(b / (np.float32(STEP) * step)) * np.float32(STEP) * step
            stored = np.rint(w / np.float32(step)).astype(np.int8)
            if layer in faults:
                graph = faults[layer].subgraphs[0]
                place = graph.tensors[graph.operators[layer].inputs[1]].buffer
                stored = faults[layer].buffers[place].data.view(np.int8).reshape(w.shape)
            if layer in kept:
                x = x @ w.T.astype(np.float64) + b
            else:
                x = x @ (stored.astype(np.float64) * np.float32(step)).T + bias
            if layer == 1:
                x, r = np.maximum(x, 0), np.maximum(r, 0)
            if layer not in kept:
                grid = float(np.float32(STEP))
                x = (np.clip(np.rint(x / grid) + 3, -128, 127) - 3) * grid
        signal += float(np.sum(r**2))
        noise += float(np.sum((x - r) ** 2))
    return 10 * np.log10(signal / noise) if noise else np.inf


def test_every_set_is_what_its_definition_says():
    """All sets of layers kept agree with a simulation that shares no code with the executor."""
    model = noisy(noisy(healthy(), 0), 2, seed=6)
    study = Variants(model, codes(), FLOAT)
    for size in range(LAYERS + 1):
        for kept in combinations(range(LAYERS), size):
            expected = simulated(frozenset(kept), codes(), {0: model, 2: model})
            found = study.effect(kept).sqnr_db
            if expected == np.inf or expected > 100:
                assert found > 100
            else:
                assert found == pytest.approx(expected, abs=0.4)


def test_the_set_found_is_the_smallest():
    """For targets between all figures, no smaller set reaches it by exhaustive search."""
    model = noisy(noisy(healthy(), 0), 2, seed=6)
    study = Variants(model, codes(), FLOAT)
    figures = {
        frozenset(kept): study.effect(kept, deployed=True).sqnr_db
        for size in range(LAYERS + 1)
        for kept in combinations(range(LAYERS), size)
    }
    values = sorted(v for v in figures.values() if np.isfinite(v))
    sizes = set()
    for low, high in pairwise(values):
        target = (low + high) / 2
        search = sensitivity(study, target, alone=False).search
        fewest = min(len(kept) for kept, value in figures.items() if value >= target)
        assert search.reached
        assert len(search.operators) == fewest
        assert search.smallest
        assert figures[frozenset(search.operators)] >= target
        sizes.add(fewest)
    assert len(sizes) > 1


def test_readers_are_kept_where_integers_would_undo_the_gain():
    """What a layer writes unquantized is worth nothing to a reader that takes integers."""
    study = Variants(planted("too wide", 0), codes(), FLOAT)
    assert study.readers((0,)) == {1}
    assert study.effect((0,), deployed=True).sqnr_db < study.base.sqnr_db + 1
    wanted = study.effect((0,)).sqnr_db - 1
    search = sensitivity(study, wanted).search
    assert search.reached
    assert search.operators == (0, 1)
    assert search.smallest


def test_a_float_model_of_other_weights_is_told():
    """Where the float model is no twin, keeping a layer mixes two models: a note says so."""
    assert not sensitivity(Variants(healthy(), codes(4), FLOAT), alone=False).notes
    notes = sensitivity(Variants(noisy(healthy(), 1, size=127), codes(4), FLOAT), alone=False).notes
    assert any("weights of operator(s) 1 are not" in note for note in notes)


def test_a_conversion_to_int32_reads_integers():
    """QUANTIZE to int32 has no form from reals: it gets what the layer wrote, quantized."""
    g = GraphBuilder()
    x = g.input("x", (1, SIZE), "int8", scale=STEP)
    y = g.tensor("y", (1, SIZE), "int8", scale=STEP / 2)
    z = g.tensor("z", (1, SIZE), "int32", scale=STEP / 4)
    w = g.constant("w", np.eye(SIZE, dtype=np.int8) * 33, scale=0.01)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    g.operator("QUANTIZE", [y], [z])
    study = Variants(g.build(outputs=[z]), codes(4))
    assert study.effect((0,)).sqnr_db == pytest.approx(study.base.sqnr_db, abs=1)


def test_what_cannot_be_reached_is_said():
    """A target beyond all layers kept ends with all that help, and is not called reached."""
    data = np.random.default_rng(1).uniform(-3, 3, (8, 1, SIZE)).astype(np.float32)
    samples = Samples(8, lambda i: [data[i]], "drawn")  # the input's own rounding stays
    search = sensitivity(Variants(healthy(), samples, FLOAT), 200.0).search
    assert not search.reached
    assert search.smallest is None
    assert search.operators == tuple(range(LAYERS))  # all there are, and no search for fewer
    assert search.steps == ()


def test_a_large_model_is_searched_by_its_best_layers(monkeypatch):
    """Trying a few layers in each step finds the planted fault all the same, and reaches."""
    monkeypatch.setattr("refinterp.debug.study.search._ALL_TRIED", 1)
    monkeypatch.setattr("refinterp.debug.study.search._TRIED", 1)
    study = Variants(noisy(healthy(), 1), codes(), FLOAT)
    grown: list[int] = []
    search = sensitivity(study, study.effect((1,)).sqnr_db - 1, searching=grown.append).search
    assert search.reached
    assert search.steps[0].operator == 1
    assert grown == list(range(len(search.steps)))


def test_nothing_kept_is_the_model_and_all_kept_is_the_twin():
    """The ends of the scale are exact: the integer run, and the float run bit for bit."""
    study = Variants(healthy(), codes(), FLOAT)
    assert study.base == study.trials.effect(healthy())
    assert study.effect(range(LAYERS)).sqnr_db == np.inf
    shadow = Variants(healthy(), codes())
    assert shadow.effect(range(LAYERS)).sqnr_db == np.inf


def test_an_overflow_is_not_simulated_away():
    """A layer whose integers do not behave as reals is found itself, not the one before it."""
    g = GraphBuilder()
    grid = {"scale": STEP, "zero_point": 0}
    x = g.input("x", (1, SIZE), "int8", **grid)
    for layer in range(2):
        w = g.constant(f"w{layer}", np.eye(SIZE, dtype=np.int8) * 77, scale=0.01)
        b = np.zeros(SIZE, np.int32)
        if layer:
            b[:] = 2**31 - 1000  # real 1.07e6: the sum wraps around to a large negative number
        y = g.tensor(f"y{layer}", (1, SIZE), "int8", **grid)
        g.operator("FULLY_CONNECTED", [x, w, g.constant(f"b{layer}", b, scale=0.0005)], [y])
        x = y
    model = g.build(outputs=[x])
    study = Variants(model, codes())
    assert study.mixer.simulable == {0}
    gains = {one.operator: one.kept.sqnr_db for one in sensitivity(study).layers}
    assert gains[1] > gains[0] + 20


def test_operators_that_lose_nothing_pass_reals_on():
    """A RESHAPE behind a layer does not quantize what the layer wrote, and is no layer itself."""
    g = GraphBuilder()
    x = g.input("x", (1, SIZE), "int8", scale=STEP)
    w = g.constant("w", np.eye(SIZE, dtype=np.int8) * 77, scale=0.01)
    y = g.tensor("y", (1, SIZE), "int8", scale=STEP * 8)
    z = g.tensor("z", (SIZE,), "int8", scale=STEP * 8)
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    g.operator("RESHAPE", [y, g.constant("shape", np.array([SIZE], np.int32))], [z])
    study = Variants(g.build(outputs=[z]), codes())
    assert study.mixer.lossless == {1}
    assert study.effect((0,)).sqnr_db == np.inf
    assert study.carried((0,)) == {1}
    assert sensitivity(study, 100.0).search.carried == (1,)


def test_labels_make_the_metric_the_target():
    """With labels the search is about accuracy, and finds the layer that costs it."""
    model, twin = noisy(read_model(MODEL), 0, size=90), read_model(TWIN)
    study = Variants(model, digits(model), twin, target="metric", limit=60)
    assert study.base.metric.quantized < study.base.metric.reference - 0.05
    wanted = study.base.metric.reference - 0.02
    search = sensitivity(study, wanted, alone=False).search
    assert search.reached
    assert search.operators == (0,)
    assert search.deployed.metric.quantized >= wanted
    with pytest.raises(UsageError, match="no labels"):
        Variants(healthy(), codes(), FLOAT, target="metric")


def digits(model: Model) -> Samples:
    specs = tensor_specs(model, 0)
    return open_samples(WORDS[1], [specs[i] for i in model.subgraphs[0].inputs])


@pytest.mark.parametrize("layer", range(LAYERS))
def test_better_ranges_are_measured(layer):
    """The model's own figures agree with NumPy's, the range with the fault gains most."""
    model = planted("too wide", layer)
    study = Variants(model, codes(), FLOAT)
    found = better_ranges(study)
    sound = {
        one.operator: one.gain_db for one in better_ranges(Variants(healthy(), codes(), FLOAT))
    }
    assert found[0].operator == layer
    assert found[0].gain_db > sound[layer] + 6
    for one in found:
        x = np.stack([(codes().get(i)[0] - np.float32(3)) * np.float32(STEP) for i in range(40)])
        for index, w in enumerate(weights()[: one.operator + 1]):
            x = x @ w.T + np.linspace(-1, 1, SIZE).astype(np.float32)
            x = np.maximum(x, 0) if index == 1 else x
        for each in (one.own, *one.others):
            grid = np.clip(np.rint(x / each.scale + each.zero_point), -128, 127) - each.zero_point
            rmse = float(np.sqrt(np.mean((grid * each.scale - x.astype(np.float64)) ** 2)))
            assert each.rmse == pytest.approx(rmse, rel=1e-3)
        assert [r.rmse for r in one.others] == sorted(r.rmse for r in one.others)
        by_name = {r.method: r for r in one.others}
        assert by_name["least squares"].rmse <= by_name["min/max"].rmse * 1.01
        assert by_name["min/max"].clipped == 0


@pytest.mark.parametrize("precision", ["float", "int16"])
def test_litert_runs_the_deployed_model_alike(precision):
    """What is called deployed is a model that LiteRT runs, with the same integers within a code."""
    if reason := unavailable("runtime:litert-reference"):
        pytest.skip(reason)
    study = Variants(healthy(), codes(8), FLOAT, precision=precision)
    model = study.mixer.mix({1: precision}, deployed=True)
    samples = [codes(8).get(i) for i in range(8)]
    with open_runtime("runtime:litert-reference") as runtime:
        ran = runtime.run(write_model(model), samples)
    assert isinstance(ran, Ran)
    ours = Executor(prepare(model))
    for sample, theirs in zip(samples, ran.outputs, strict=True):
        ours.input(model.subgraphs[0].inputs[0])[0] = sample[0]
        ours.invoke()
        mine = ours.read(model.subgraphs[0].outputs[0])[0]
        assert mine.dtype == np.int8
        assert np.abs(mine.astype(int) - theirs[0].astype(int)).max() <= (
            0 if precision == "int16" else 1
        )


def test_names_in_a_recipe_match_themselves_only():
    """A name full of special characters is found by its rule, a longer one is not."""
    study = sensitivity(Variants(healthy(), codes(4), FLOAT))
    odd = replace(study.names[0], float_name="a.b/c(1)[x]*;d")
    rules = quantizer_recipe([odd], "float")
    assert [rule["algorithm_key"] for rule in rules] == ["min_max_uniform_quantize", "no_quantize"]
    assert re.search(rules[1]["regex"], "a.b/c(1)[x]*;d;")
    assert not re.search(rules[1]["regex"], "a.b/c(1)[x]*;dd;")
    assert not re.search(rules[1]["regex"], "za.b/c(1)[x]*;d;")


def test_an_output_has_the_name_of_its_reals_too():
    """TensorFlow calls an operator what the converted output is called, its codes otherwise."""
    g = GraphBuilder()
    grid = {"scale": STEP, "zero_point": 0}
    x = g.input("x", (1, SIZE), "int8", **grid)
    w = g.constant("w", np.eye(SIZE, dtype=np.int8) * np.int8(90), scale=0.01, zero_point=0)
    inner = g.tensor("out1", (1, SIZE), "int8", **grid)
    g.operator("FULLY_CONNECTED", [x, w], [inner])
    out = g.tensor("out", (1, SIZE), "float32")
    g.operator("DEQUANTIZE", [inner], [out])
    report = sensitivity(Variants(g.build(outputs=[out]), codes(4)), 200.0)
    assert denylisted_nodes(report.names) == ["out1", "out"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("precision", ["float", "int16"])
def test_the_quantizer_loads_the_recipe(tmp_path, capsys, precision):
    """ai-edge-quantizer reads the file, and leaves the layers that were found in that precision."""
    quantizer = pytest.importorskip(
        "ai_edge_quantizer.quantizer", reason="ai-edge-quantizer is not installed"
    )
    path = tmp_path / "recipe.json"
    words = ["--recover", "47", "--recipe", str(path), "--json", "--precision", precision]
    main([*RUN, *words])
    search = json.loads(capsys.readouterr().out)["search"]
    loaded = quantizer.Quantizer(TWIN, str(path))
    assert len(loaded.get_quantization_recipe()) == 1 + len(search["denylisted_nodes"]) > 1
    assert loaded.need_calibration
    images = np.load(DATA / "digits_samples.npz")["image"].astype(np.float32)
    calibrated = loaded.calibrate({"serving_default": [{"image": x[None]} for x in images[:16]]})
    target = tmp_path / "quantized.tflite"
    target.write_bytes(loaded.quantize(calibrated).quantized_model)
    graph = read_model(target).subgraphs[0]
    kept = {
        tensor.name: tensor.dtype
        for operator in graph.operators
        if operator.name not in ("QUANTIZE", "DEQUANTIZE")
        for tensor in (graph.tensors[i] for i in operator.outputs)
    }
    found = set(search["denylisted_nodes"])
    other = "float32" if precision == "float" else "int16"
    assert {str(d) for name, d in kept.items() if name.rstrip(";") in found} == {other}
    assert {str(d) for name, d in kept.items() if name.rstrip(";") not in found} == {"int8"}


SCHEMA = json.loads((ROOT / "schema" / "sensitivity.schema.json").read_text("utf-8"))


def test_document_keeps_to_its_schema(capsys, tmp_path):
    """The command prints one valid document; its recipe file is what the document holds."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    recipe = tmp_path / "r.json"
    assert main([*RUN, "--recover", "30", "--json", "--recipe", str(recipe)]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert next(iter(document)) == "schema_version"
    assert document["search"]["ai_edge_quantizer"] == json.loads(recipe.read_text("utf-8"))
    gains = [layer["kept"]["sqnr_db"] for layer in document["layers"]]
    assert gains == sorted(gains, reverse=True)
    assert len(document["layers"]) + len(document["lossless"]) == 13


def test_table_fits_a_screen(capsys, monkeypatch):
    """At 80 columns rows of layers and ranges are one line each."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*RUN, "--no-alone", "--recover", "90"]) == 1
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if "CONV_2D" in line and line.split()[1] != "+"]
    assert rows
    assert all(len(row) <= 80 for row in rows)
    assert any("is not reached" in line for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        [*RUN, "--recipe", "r.json"],
        [*RUN, "--limit", "0"],
        ["sensitivity", TWIN, *WORDS],
        ["sensitivity", MODEL, "--data", "nowhere.npy"],
    ],
)
def test_mistakes_exit_with_2(words, capsys):
    """A recipe of nothing, no samples, a float model, missing data: 2 and no trace."""
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith(("refinterp: ", "usage: "))
    assert "Traceback" not in err


def test_stopping_reports_the_layers_so_far(capsys):
    """A study that is stopped holds the layers it has tried, and says so."""
    model, twin = read_model(MODEL), read_model(TWIN)
    probe = Variants(model, digits(model), twin, limit=2)
    asked = []
    report = sensitivity(
        probe, 90.0, alone=False, stopping=lambda: len(asked) > 3, progress=asked.append
    )
    assert report.interrupted
    assert 0 < len(report.layers) < len(probe.steps)
    assert report.search is None
