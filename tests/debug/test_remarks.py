"""What is said before any layer: both models wrong, labels prove nothing, no layer at fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refinterp.debug.compare import debug
from refinterp.debug.faults.fault import REMEDIES
from refinterp.debug.result import Cause
from refinterp.debug.study.better_ranges import better_ranges
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.report.debug_answer import debug_answer
from refinterp.report.sensitivity_answer import sensitivity_answer
from tests.debug.relu_net import CLASSES, labels, network, pixels, samples


def said(data: np.ndarray, truth: np.ndarray, calibration: np.ndarray | None = None) -> str:
    model = network(pixels(seed=2) if calibration is None else calibration)
    return " ".join(debug(model, samples(data, truth), network(None)).remarks)


def test_labels_in_another_order_are_not_a_layers_fault():
    """Both models miss the labels alike: the data and the labels are what to look at."""
    data = pixels()
    text = said(data, (labels(data) + 1) % CLASSES)
    assert "accuracy 0 in the float model is low as well" in text
    assert "labels are in the order of the model's classes" in text
    assert "input_scaling" not in text


def test_pictures_the_other_way_round_are_the_datas_fault():
    """Pixels in another order: both models are wrong, and no range tells."""
    data = pixels()
    text = said(data[..., ::-1], labels(data))
    assert "it is not quantizing that makes it low; look at the data first" in text


def test_labels_that_are_met_prove_no_scale():
    """All classes are found in data times 255, which the input's range has no codes for."""
    data = pixels()
    text = said(data * np.float32(255), labels(data))
    assert "is no proof that the data is scaled as it was in calibration" in text
    assert "input_scaling at operator 0" in text


def test_a_healthy_model_needs_no_remark():
    """Labels met, and data as calibrated."""
    data = pixels()
    assert said(data, labels(data)) == ""


@pytest.mark.parametrize("wrong", [False, True])
def test_a_regression_is_held_against_its_labels(wrong):
    """Values of the outputs' shape: what their mean alone would reach is as bad as can be."""
    rng = np.random.default_rng(2)
    data = pixels()
    scores = np.eye(CLASSES)[labels(data)][:, None, :].astype(np.float32)
    truth = rng.permutation(scores.reshape(-1)).reshape(scores.shape) * 7 if wrong else scores
    report = debug(network(pixels(seed=2)), samples(data, truth), network(None))
    (output,) = report.outputs
    assert output.metric is not None
    assert output.metric.name == "rmse"
    assert output.metric.spread == pytest.approx(float(truth.std()))
    assert ("units of the labels" in " ".join(report.remarks)) == wrong


def test_no_layer_is_at_fault_where_float_is_no_better():
    """Codes that cut the data leave nothing that a layer in float could bring back."""
    data = pixels(8) * np.float32(255)
    study = Variants(network(pixels(seed=2)), samples(data), network(None))
    report = sensitivity(study, alone=False)
    (text,) = report.remarks
    assert text.startswith("no layer is at fault: with every layer in float the outputs have")
    assert "the codes of input 'image' have" in text
    ranges = better_ranges(study)
    assert ranges
    little = replace(report.all_kept, sqnr_db=report.base.sqnr_db + 0.9)
    for kept in (report.all_kept, little):
        lines = dict(sensitivity_answer(replace(report, all_kept=kept), ranges))
        assert "no layer is at fault" in lines["verdict"]
        assert lines["remedy"].startswith("look at the data")


def test_no_range_is_recommended_where_float_gains_nothing():
    """A range that is better at the layer, whose layer in float leaves the output worse."""
    study = Variants(network(pixels(seed=2) / 2), samples(pixels(8)), network(None))
    report, ranges = sensitivity(study, alone=False), better_ranges(study)
    first = ranges[0]
    good = replace(report.base, sqnr_db=report.base.sqnr_db + 9)
    layers = tuple(replace(one, kept=good) for one in report.layers)
    report = replace(report, all_kept=good, layers=layers, remarks=())
    (remedy,) = (text for label, text in sensitivity_answer(report, ranges) if label == "remedy")
    assert f"operator {first.operator}'s own output" in remedy
    worse = replace(report.base, sqnr_db=report.base.sqnr_db - 1)
    layers = tuple(replace(one, kept=worse) for one in report.layers)
    lines = dict(sensitivity_answer(replace(report, layers=layers), ranges))
    assert "calibrate" not in lines["remedy"]


def test_without_a_float_model_none_is_spoken_of():
    """The reference is then the model's own weights in float."""
    data = pixels() * np.float32(255)
    report = debug(network(pixels(seed=2)), samples(data, labels(data)))
    assert "in the float shadow is no proof" in " ".join(report.remarks)
    assert "float model" not in " ".join(report.remarks)


def test_a_remedy_of_precision_sends_to_the_output():
    """What a better range gains at its layer need not be gained by the model."""
    report = debug(network(pixels(seed=2)), samples(pixels(8)), network(None))
    for id_, sent in (("range_clipped", True), ("range_too_wide", True), ("bad_scale", False)):
        layer = replace(report.layers[0], causes=(Cause(id_, "found", REMEDIES[id_]),))
        lines = dict(debug_answer(replace(report, layers=(layer,))))
        assert ("check with `refinterp sensitivity`" in lines["remedy"]) == sent


def test_where_float_is_better_layers_are_at_fault():
    """Data as calibrated: nothing is said."""
    study = Variants(network(pixels(seed=2)), samples(pixels(8)), network(None))
    assert sensitivity(study, alone=False).remarks == ()
