"""Outputs of several kinds are judged part by part, by the gate and by the search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.compare import Comparison, debug
from refinterp.debug.result import DebugReport
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.writer import write_model
from refinterp.samples.samples import Samples
from tests.debug.faults.test_of_inputs import report_folder

BOX, SCORE = 600.0 / 255, 1 / 256


def detector(*, rows: int = 6, rescaled: bool = True, scores: float = 1.0) -> Model:
    """Boxes in 0..600 and LOGISTIC scores of 3 classes side by side, as codes of one scale.

    rescaled: whether the scores come to the boxes' scale before, as converters have it; else the
    scores have a grid of their own and the boxes are as small, so that nothing is lost.
    """
    g = GraphBuilder()
    x = g.input("x", (1, rows, 7), "int8", scale=0.05 * scores, zero_point=0)
    grid = {"scale": BOX if rescaled else SCORE, "zero_point": -128}
    boxes = g.tensor("boxes", (1, rows, 4), "int8", **grid)
    logits = g.tensor("logits", (1, rows, 3), "int8", scale=0.05 * scores, zero_point=0)
    begin, size = (
        lambda v: g.constant(f"b{v}", np.array(v, np.int32)),
        lambda v: g.constant(f"s{v}", np.array(v, np.int32)),
    )
    first = g.tensor("first", (1, rows, 4), "int8", scale=0.05 * scores, zero_point=0)
    g.operator("SLICE", [x, begin([0, 0, 0]), size([1, rows, 4])], [first])
    g.operator("SLICE", [x, begin([0, 0, 4]), size([1, rows, 3])], [logits])
    codes = (np.eye(4) * 100).astype(np.int8)
    step, middle = (0.5, 300.0) if rescaled else (0.0009 / scores, 0.5)
    w = g.constant("w", codes, scale=step)
    b = g.constant("b", np.full(4, round(middle / (step * 0.05 * scores)), np.int32))
    g.operator("FULLY_CONNECTED", [first, w, b], [boxes], {"keep_num_dims": True})
    sigmoid = g.tensor("sigmoid", (1, rows, 3), "int8", scale=SCORE, zero_point=-128)
    g.operator("LOGISTIC", [logits], [sigmoid])
    if rescaled:
        wide = g.tensor("wide", (1, rows, 3), "int8", **grid)
        g.operator("QUANTIZE", [sigmoid], [wide])
        sigmoid = wide
    joined = g.tensor("joined", (1, rows, 7), "int8", **grid)
    g.operator("CONCATENATION", [boxes, sigmoid], [joined], {"axis": 2})
    out = g.tensor("out", (1, 1, rows, 7), "int8", **grid)
    g.operator("RESHAPE", [joined, begin([1, 1, rows, 7])], [out])
    return g.build(outputs=[out])


def data(rows: int = 6, reach: float = 5.0) -> np.ndarray:
    return np.random.default_rng(5).uniform(-reach, reach, (12, 1, rows, 7)).astype(np.float32)


def samples(values: np.ndarray) -> Samples:
    return Samples(len(values), lambda i: [values[i]], "drawn")


def test_a_lost_branch_is_a_part_of_its_own():
    """The figures of each part are those of its columns, and the worst counts."""
    model = detector()
    report = debug(model, samples(data()))
    (output,) = report.outputs
    assert [(p.first, p.last, p.name, p.judged) for p in output.parts] == [
        (0, 3, "boxes", True),
        (4, 6, "wide", True),
    ]
    assert output.accumulated.sqnr_db > 40
    floats = 1 / (1 + np.exp(-data()[..., 4:].astype(np.float64)))
    assert output.parts[1].sqnr_db == 0.0  # every code is that of 0: the error is the reference
    assert output.parts[1].max_abs_error == pytest.approx(floats.max(), rel=1e-5)
    assert report.worst_output_sqnr_db == output.parts[1].sqnr_db


def test_the_gate_fails_and_says_which_part(tmp_path: Path, capsys):
    """`debug --fail-under` exits with 1 for the scores, though the whole has more."""
    np.savez(tmp_path / "d.npz", x=data())
    (tmp_path / "m.tflite").write_bytes(write_model(detector()))
    words = ["debug", str(tmp_path / "m.tflite"), "--data", str(tmp_path / "d.npz")]
    assert main([*words, "--fail-under", "25"]) == 1
    said = capsys.readouterr()
    assert "columns 4..6 ('wide')'s SQNR is 0.00 dB, below the 25 dB asked for" in said.err
    assert "columns 4..6 ('wide'): SQNR 0.0 dB" in said.out
    assert main([*words, "--json"]) == 0
    (output,) = json.loads(capsys.readouterr().out)["outputs"]
    assert [part["judged"] for part in output["parts"]] == [True, True]


def test_the_search_keeps_what_loses_the_part():
    """The change of scale kept in float brings the scores back."""
    study = Variants(detector(), samples(data()))
    report = sensitivity(study, recover=30.0)
    assert report.base.sqnr_db == pytest.approx(0.0, abs=1e-6)
    assert "columns 4..6 ('wide')" in report.base.worst
    assert report.search is not None
    assert report.search.reached
    assert report.search.operators == (4,)
    assert report.search.deployed.sqnr_db > 30


def test_parts_that_fit_one_scale_pass():
    """Two branches of one size: both are judged, and both are fine."""
    report = debug(detector(rescaled=False), samples(data()))
    (output,) = report.outputs
    assert all(part.sqnr_db > 25 for part in output.parts)


def test_scores_below_their_own_grid_are_not_judged():
    """A class that never occurs has scores below half a step, met as well as the grid can."""
    report = debug(detector(rescaled=False, scores=10.0), samples(-90 + data(reach=5.0)))
    (output,) = report.outputs
    scores = output.parts[1]
    assert (scores.first, scores.judged) == (4, False)
    assert "below half a step" in (scores.why or "")


def regression(sizes: list[float], codes: np.ndarray | None = None) -> Model:
    """One FULLY_CONNECTED whose results are of these sizes, in one scale."""
    g = GraphBuilder()
    n = len(sizes)
    x = g.input("x", (1, n), "int8", scale=1 / 127, zero_point=0)
    own = np.diag(np.full(n, 127)).astype(np.int8) if codes is None else codes
    w = g.constant("w", own, scale=[s / 127 for s in sizes], zero_point=[0] * n)
    y = g.tensor("y", (1, n), "int8", scale=max(sizes) / 127, zero_point=0)
    g.operator("FULLY_CONNECTED", [x, w], [y])
    return g.build(outputs=[y])


def parts(report: DebugReport) -> list[tuple[int, int]]:
    return [(p.first, p.last) for p in report.outputs[0].parts]


def test_results_of_other_sizes_are_parts():
    """A position in millimetres beside an angle: the angle is lost, and fails the gate."""
    values = np.random.default_rng(1).uniform(-1, 1, (16, 1, 3)).astype(np.float32)
    report = debug(regression([900.0, 800.0, 0.5]), samples(values))
    assert parts(report) == [(0, 1), (2, 2)]
    assert report.outputs[0].accumulated.sqnr_db > 35
    assert report.worst_output_sqnr_db < 3


def test_scores_of_one_kind_are_one_thing():
    """Sizes within 32 times of each other in a row are no parts; a constant 0 fits anywhere."""
    values = np.random.default_rng(1).uniform(-1, 1, (16, 1, 4)).astype(np.float32)
    assert parts(debug(regression([9.0, 5.0, 1.0, 0.5]), samples(values))) == []
    codes = np.diag([127, 127, 0, 127]).astype(np.int8)
    assert parts(debug(regression([9.0, 5.0, 1.0, 2.0], codes), samples(values))) == []


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_probabilities_are_one_thing(dtype):
    """A SOFTMAX whose classes differ 1000 times, as codes and as a dynamic-range model's reals."""
    g = GraphBuilder()
    grid = {} if dtype == "float32" else {"scale": 0.1, "zero_point": 0}
    x = g.input("x", (1, 3), dtype, **grid)
    w = g.constant("w", np.diag([127, 127, 127]).astype(np.int8), scale=1 / 127)
    y = g.tensor("y", (1, 3), dtype, **grid)
    g.operator("FULLY_CONNECTED", [x, w], [y])
    fixed = {} if dtype == "float32" else {"scale": SCORE, "zero_point": -128}
    out = g.tensor("out", (1, 3), dtype, **fixed)
    g.operator("SOFTMAX", [y], [out], {"beta": 1.0})
    values = np.random.default_rng(1).uniform(-0.5, 0.5, (16, 1, 3)).astype(np.float32)
    values[..., 0] += 7
    assert parts(debug(g.build(outputs=[out]), samples(values))) == []


def test_a_constant_part_is_judged_by_steps():
    """Columns that are constant, and met, have no ratio worth judging."""
    values = np.random.default_rng(1).uniform(-1, 1, (16, 1, 3)).astype(np.float32)
    values[..., 2] = 1.0
    report = debug(regression([900.0, 900.0, 2.0]), samples(values))
    last = report.outputs[0].parts[-1]
    assert (last.first, last.judged, last.why) == (
        2,
        False,
        "constant, and met to within half a step",
    )


def upright(second: str = "scores", *, turned: bool = False) -> Model:
    """Boxes in 0..600 above 3 rows of scores in 0..1, or of boxes; as codes of one scale.

    turned: side by side, and then transposed.
    """
    g = GraphBuilder()
    grid = {"scale": BOX, "zero_point": -128}
    shapes = [(1, 5, 4), (1, 5, 3)] if turned else [(1, 4, 5), (1, 3, 5)]
    boxes = g.input("boxes", shapes[0], "int8", **grid)
    scale = SCORE if second == "scores" else BOX
    scores = g.input(second, shapes[1], "int8", scale=scale, zero_point=-128)
    wide = g.tensor("wide", shapes[1], "int8", **grid)
    g.operator("QUANTIZE", [scores], [wide])
    joined = g.tensor("joined", (1, 5, 7) if turned else (1, 7, 5), "int8", **grid)
    g.operator("CONCATENATION", [boxes, wide], [joined], {"axis": 2 if turned else 1})
    if turned:
        order = g.constant("order", np.array([0, 2, 1], np.int32))
        out = g.tensor("turned", (1, 7, 5), "int8", **grid)
        g.operator("TRANSPOSE", [joined, order], [out])
        joined = out
    reals = g.tensor("reals", (1, 7, 5))
    g.operator("DEQUANTIZE", [joined], [reals])
    return g.build(outputs=[reals])


def both(model: Model, *, reach: float = 1.0) -> Samples:
    """Boxes up to 600, the second input up to `reach`."""
    rng = np.random.default_rng(3)
    specs = [model.subgraphs[0].tensors[i].shape for i in model.subgraphs[0].inputs]
    values = [rng.uniform(0, top, (8, *s)) for top, s in zip((600, reach), specs, strict=True)]
    return Samples(8, lambda i: [v[i].astype(np.float32) for v in values], "drawn")


@pytest.mark.parametrize("turned", [False, True])
def test_boxes_above_scores_are_parts(turned):
    """A concatenation along another axis than the last, or one that is transposed."""
    model = upright(turned=turned)
    report = debug(model, both(model))
    (output,) = report.outputs
    assert [(p.axis, p.first, p.last, p.name) for p in output.parts] == [
        (1, 0, 3, "boxes"),
        (1, 4, 6, "wide"),
    ]
    assert str(output.parts[1]) == "indices 4..6 of axis 1 ('wide')"
    assert output.accumulated.sqnr_db > 40
    assert output.parts[1].sqnr_db == report.worst_output_sqnr_db < 3
    values = np.concatenate([both(model).get(i)[0].reshape(-1) for i in range(8)])
    codes = np.clip(np.rint(values / np.float32(BOX)), 0, 255)
    noise = np.square(codes * np.float64(np.float32(BOX)) - values).sum()
    wanted = 10 * np.log10(np.square(values.astype(np.float64)).sum() / noise)
    assert output.parts[0].sqnr_db == pytest.approx(wanted, abs=0.01)


def test_places_of_one_kind_are_one_thing():
    """Boxes of two grids above each other."""
    model = upright("more boxes")
    assert parts(debug(model, both(model, reach=600.0))) == []


def test_reals_that_are_dequantized_in_the_file_are_kept_as_they_are():
    """A layer kept in float before a DEQUANTIZE is not quantized once more for it."""
    model = upright()
    study = Variants(model, both(model))
    report = sensitivity(study, 30.0)
    assert report.search is not None
    assert report.search.reached
    assert report.search.operators == (0,)


def test_parts_do_not_depend_on_how_samples_are_divided():
    """Sums merged from shards give the same parts bit for bit."""
    comparison = Comparison(detector())
    given = samples(data())
    whole = comparison.measure(given)
    cut = comparison.measure(given, stop=5)
    cut.merge(comparison.measure(given, start=5))
    assert comparison.report(cut).outputs == comparison.report(whole).outputs


def test_the_reported_detector(capsys):
    """The gate fails for the scores, and the search keeps the concatenation's scale in float."""
    folder = report_folder("13_concat_gate_passes")
    words = [str(folder / "det_int8.tflite"), "--float", str(folder / "det_float.tflite")]
    words += ["--data", str(folder / "det.npz")]
    assert main(["debug", *words, "--fail-under", "25"]) == 1
    assert "columns 4..6" in capsys.readouterr().err
    assert main(["sensitivity", *words, "--recover", "40", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["search"]["operators"] == [7]
    assert "columns 4..6" in found["base"]["worst"]
