"""Layers are measured as the contract defines it, and the worst is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refinterp.debug.compare import Comparison, debug
from refinterp.debug.measure.error_sums import ErrorFigures
from refinterp.debug.result import DebugReport, Layer
from refinterp.errors import UsageError
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.convert import dequantize, quantize
from refinterp.samples.samples import Samples
from refinterp.samples.source import open_samples
from tests.corpus import ROOT
from tests.debug.networks import SIZE, dense, reals, rescaled, weights
from tests.oracles.debug_figures import figures

DATA = ROOT / "refinterp" / "data"
FIGURES = ("rmse_over_scale", "sqnr_db", "max_abs_error", "mean_error", "mean_squared_error")


def bundled(family: str, variant: str = "int8", twin: bool = True) -> tuple[Comparison, Samples]:
    model = read_model(DATA / f"{family}_{variant}.tflite")
    float_model = read_model(DATA / f"{family}_float.tflite") if twin else None
    comparison = Comparison(model, float_model)
    specs = [comparison.setup.quantized.specs[i] for i in comparison.setup.quantized.graph.inputs]
    return comparison, open_samples(DATA / f"{family}_samples.npz", specs)


def by_operator(report: DebugReport) -> dict[int, Layer]:
    return {layer.operator: layer for layer in report.layers}


def agree(found: ErrorFigures, expected: dict[str, float]) -> None:
    """Equal but for the float32 rounding of the reference."""
    for name in FIGURES:
        assert getattr(found, name) == pytest.approx(expected[name], rel=2e-3, abs=2e-6), name


@pytest.mark.parametrize("data", ["float32", "int8"])
@pytest.mark.parametrize("twin", [True, False])
def test_local_and_accumulated_are_what_the_contract_says(twin, data):
    """Both figures of every layer agree with three runs done here, in float64."""
    model = dense(quantized=True)
    program = prepare(model)
    graph = model.subgraphs[0]
    specs = [program.specs[i] for i in (*graph.inputs, *(o.outputs[0] for o in graph.operators))]
    given = reals(6)
    codes_in = [quantize(x[0], specs[0]) for x in given]
    samples = given if data == "float32" else Samples(6, lambda i: [codes_in[i]], "codes")
    report = debug(model, samples, dense(quantized=False) if twin else None)

    constants = [[program.specs[i] for i in o.inputs[1:]] for o in graph.operators]
    if twin:
        w = [one.astype(float) for one in weights()]
        b = [np.linspace(-1, 1, SIZE)] * 3
    else:
        w = [dequantize(one.data, one).astype(float) for one, _ in constants]
        b = [dequantize(one.data, one).astype(float) for _, one in constants]

    def layer(number: int, x: np.ndarray) -> np.ndarray:
        y = w[number] @ x.reshape(-1) + b[number]
        return (np.maximum(y, 0) if number == 1 else y).reshape(1, SIZE).astype(np.float32)

    executor = Executor(program)
    local = [[] for _ in w]
    accumulated = [[] for _ in w]
    for real, codes in zip(given, codes_in, strict=True):
        run = [codes]
        executor.input(graph.inputs[0])[0] = codes
        executor.invoke(
            [lambda when, s, i, o, run=run: run.append(o[0].copy()) if when == "after" else None]
        )
        ideal = real[0] if data == "float32" else dequantize(codes, specs[0])
        for n in range(len(w)):
            ideal = layer(n, ideal)
            accumulated[n].append((run[n + 1], ideal))
            local[n].append((run[n + 1], layer(n, dequantize(run[n], specs[n]))))
    found = by_operator(report)
    assert len(found) == 3
    for n in range(3):
        agree(found[n].local, figures(local[n], specs[n + 1]))
        agree(found[n].accumulated, figures(accumulated[n], specs[n + 1]))
        assert found[n].local_reference == ("float model" if twin else "shadow")
    agree(report.outputs[0].accumulated, figures(accumulated[-1], specs[-1]))
    assert bool(report.notes) == (data == "float32")


@pytest.mark.parametrize("twin", [True, False])
def test_figures_do_not_depend_on_the_batch(twin):
    """1, 7 and 64 samples at once, and what memory allows, give the same report bit for bit."""
    comparison, samples = bundled("digits", twin=twin)
    reports = [
        repr(comparison.report(comparison.measure(samples, stop=71, batch=batch)))
        for batch in (1, 7, 64, None)
    ]
    assert len(set(reports)) == 1


def test_figures_do_not_depend_on_the_workers():
    """Shards measured apart and merged in any order equal one run over all of them."""
    comparison, samples = bundled("shapes")
    whole = comparison.report(comparison.measure(samples, stop=40))
    parts = [comparison.measure(samples, start=a, stop=b) for a, b in ((25, 40), (0, 3), (3, 25))]
    for part in parts[1:]:
        parts[0].merge(part)
    assert repr(comparison.report(parts[0])) == repr(whole)
    assert whole.samples == 40


def test_a_range_that_cuts_is_ranked_first():
    """An output scale divided by 8, written and read back, clips: that layer is the worst."""
    healthy = read_model(DATA / "digits_int8.tflite")
    comparison, samples = bundled("digits")
    twin = read_model(DATA / "digits_float.tflite")
    before = by_operator(comparison.report(comparison.measure(samples, stop=32)))
    for operator in (2, 5, 8):
        tensor = healthy.subgraphs[0].operators[operator].outputs[0]
        faulty = read_model(write_model(rescaled(healthy, tensor, 1 / 8)))
        report = debug(faulty, samples, twin, limit=32)
        worst = report.layers[0]
        assert worst.operator == operator
        assert worst.local.rmse_over_scale > 5 * before[operator].local.rmse_over_scale
        assert worst.saturated_fraction > 0.05 > before[operator].saturated_fraction


def test_a_range_too_wide_costs_its_layer_18_db():
    """An output scale times 8 loses 3 bits: 18 dB there, next to nothing at any other operator."""
    healthy = dense(quantized=True, scale=0.1)
    samples = reals(200)
    before = by_operator(debug(healthy, samples))
    tensor = healthy.subgraphs[0].operators[0].outputs[0]
    after = by_operator(debug(rescaled(healthy, tensor, 8), samples))
    lost = {n: before[n].local.sqnr_db - after[n].local.sqnr_db for n in before}
    assert max(lost, key=lost.__getitem__) == 0
    assert lost[0] == pytest.approx(20 * np.log10(8), abs=2.5)
    assert all(abs(lost[n]) < 3 for n in (1, 2))


def test_the_spoilt_model_is_visibly_worse():
    """Ranges calibrated on an outlier cost every layer over 9 dB, and the output over 20."""
    reports = []
    for variant in ("int8", "outlier_int8"):
        comparison, samples = bundled("digits", variant)
        reports.append(comparison.report(comparison.measure(samples)))
    good, bad = map(by_operator, reports)
    softmax = max(good)  # its range is fixed, whatever the calibration
    for operator in good.keys() - {softmax}:
        assert good[operator].local.sqnr_db - bad[operator].local.sqnr_db > 9
    (out,), (spoilt,) = reports[0].outputs, reports[1].outputs
    assert out.accumulated.sqnr_db - spoilt.accumulated.sqnr_db > 20
    assert out.top1_agreement == 1.0
    assert spoilt.top1_agreement < 0.95
    assert reports[0].worst_output_sqnr_db == out.accumulated.sqnr_db


def test_a_healthy_model_loses_what_rounding_costs():
    """On the bundled model no layer is off 1/sqrt(12) steps by more than a quarter of a step."""
    comparison, samples = bundled("digits")
    report = comparison.report(comparison.measure(samples))
    assert len(report.layers) == 13
    for layer in report.layers:
        assert layer.local.rmse_over_scale == pytest.approx(12**-0.5, abs=0.15)
    ranks = [layer.local.rmse_over_scale for layer in report.layers]
    assert ranks == sorted(ranks, reverse=True)


def test_unpaired_operators_still_have_local_figures():
    """An operator the float model lacks is compared with its shadow, and has nothing to sum up."""
    g = GraphBuilder()
    grid = {"scale": 0.5}
    x = g.input("x", (1, 4), "int8", **grid)
    one = g.constant("one", np.ones((1, 4), np.int8), **grid)
    y, z = (g.tensor(n, (1, 4), "int8", **grid) for n in "yz")
    g.operator("SUB", [x, one], [y])
    g.operator("ADD", [y, one], [z])
    model = g.build(outputs=[z])
    f = GraphBuilder()
    fx, fz = f.input("x", (1, 4)), f.tensor("z", (1, 4))
    f.operator("ADD", [fx, f.constant("zero", np.zeros((1, 4), np.float32))], [fz])
    samples = Samples(1, lambda i: [np.arange(4, dtype=np.float32).reshape(1, 4)], "")
    report = debug(model, samples, f.build(outputs=[fz]))
    found = by_operator(report)
    assert found[0].accumulated is None
    assert found[0].local_reference == "shadow"
    assert found[0].local.max_abs_error == 0.0
    assert found[1].accumulated is not None
    assert found[1].accumulated.max_abs_error == 0.0
    assert [(u.model, u.operator) for u in report.unpaired] == [("quantized", 0)]


def test_float_inputs_and_outputs():
    """QUANTIZE is a layer of its own; a float output has errors, but no steps to count them in."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    q = g.tensor("q", (1, 4), "int8", scale=0.5)
    y = g.tensor("y", (1, 4))
    g.operator("QUANTIZE", [x], [q])
    g.operator("DEQUANTIZE", [q], [y])
    samples = Samples(1, lambda i: [np.array([[0.0, 1.0, 0.6, 100.0]], np.float32)], "")
    report = debug(g.build(outputs=[y]), samples)
    (layer,) = report.layers
    assert layer.op_name == "QUANTIZE"
    assert layer.local.max_abs_error == 100 - 63.5
    assert layer.saturated_fraction == 0.25
    (output,) = report.outputs
    assert output.accumulated.max_abs_error == 100 - 63.5
    assert output.accumulated.rmse_over_scale is None
    assert output.top1_agreement is None


def test_what_cannot_be_compared_is_refused():
    """A float model, a twin of another shape, a batch below 1: each says what is wrong."""
    with pytest.raises(UsageError, match="no operator with a quantized output"):
        Comparison(dense(quantized=False))
    digits = read_model(DATA / "digits_float.tflite")
    with pytest.raises(UsageError, match="not twins"):
        Comparison(dense(quantized=True), digits)
    with pytest.raises(UsageError, match="not twins"):
        Comparison(dense(quantized=True), dense(quantized=True))
    float_model = dense(quantized=False)
    graph = float_model.subgraphs[0]
    more = replace(graph, outputs=graph.outputs * 2)
    with pytest.raises(UsageError, match="outputs"):
        Comparison(dense(quantized=True), replace(float_model, subgraphs=(more,)))
    with pytest.raises(UsageError, match="batch is 0"):
        Comparison(dense(quantized=True)).measure(reals(2), batch=0)


def test_progress_counts_samples():
    """Progress is told after each sample, whatever the batch."""
    seen: list[int] = []
    debug(dense(quantized=True), reals(10), batch=4, progress=seen.append)
    assert seen == list(range(1, 11))


def test_state_goes_on_from_sample_to_sample():
    """A model that keeps a variable runs one sample at a time, whatever batch is asked for."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    kept = g.variable("kept", (1, 4), "int8", scale=0.5)
    y = g.tensor("y", (1, 4), "int8", scale=0.5)
    g.operator("ADD", [x, kept], [y])
    comparison = Comparison(g.build(outputs=[y]))
    samples = Samples(5, lambda i: [np.full((1, 4), i, np.int8)], "")
    seen: list[int] = []
    measured = comparison.measure(samples, batch=5, progress=seen.append)
    assert seen == [1, 2, 3, 4, 5]
    assert comparison.report(measured).layers[0].local.max_abs_error == 0.0


def chosen(dtype: str):
    """An IF between two reshapes of one input, then a SUB of the result from itself."""
    grid = {"scale": 0.5} if dtype == "int8" else {}
    g = GraphBuilder()
    condition, x = g.input("condition", (1,), "bool"), g.input("x", (1, 4), dtype, **grid)
    branches = []
    for _ in range(2):
        inner = g.subgraph()
        a = inner.input("a", (1, 4), dtype, **grid)
        b = inner.tensor("b", (1, 4), dtype, **grid)
        inner.operator("RESHAPE", [a, inner.constant("s", np.array([1, 4], np.int32))], [b])
        inner.output(b)
        branches.append(inner.index)
    y, z = (g.tensor(name, (1, 4), dtype, **grid) for name in "yz")
    then, other = branches
    g.operator(
        "IF", [condition, x], [y], {"then_subgraph_index": then, "else_subgraph_index": other}
    )
    g.operator("SUB", [y, y], [z])
    return g.build(outputs=[z])


def test_operators_that_cannot_run_alone_are_listed():
    """Control flow has no float operator of its own to compare with: named, not dropped."""
    samples = Samples(3, lambda i: [np.array([i > 0]), np.full((1, 4), i, np.int8)], "")
    report = debug(chosen("int8"), samples, chosen("float32"))
    assert [(layer.operator, layer.op_name) for layer in report.layers] == [(1, "SUB")]
    (left,) = report.unpaired
    assert (left.model, left.operator, left.op_name) == ("quantized", 0, "IF")
    assert "cannot run by itself" in left.reason
