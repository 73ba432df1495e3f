"""What errors come to at outputs: divergence and the task's metric, from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinterp.debug.compare import debug
from refinterp.debug.measure.outputs import OutputSums, divergence, metric, metric_name, score
from refinterp.graph.spec import TensorSpec
from refinterp.modelfile.reader import read_model
from refinterp.samples.source import open_samples
from tests.corpus import ROOT

SCORES = TensorSpec.of("y", (1, 4), "int8", 1 / 256, -128)
ROW = st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda row: sum(row) > 0.01)


@given(ROW, ROW)
def test_divergence_is_kullback_and_leiblers(p, q):
    """The sum of p ln(p / q) over rows that are at least half a step, made to sum to 1."""
    rows = [[max(v, 1 / 512) for v in np.float32(row).tolist()] for row in (p, q)]
    rows = [[v / math.fsum(row) for v in row] for row in rows]
    expected = math.fsum(a * math.log(a / b) for a, b in zip(*rows, strict=True))
    found = divergence(np.float32([q]), np.float32([p]), SCORES, probabilities=True)
    assert found == pytest.approx(max(0.0, expected), abs=1e-9)
    assert divergence(np.float32([p]), np.float32([p]), SCORES, probabilities=True) == 0.0


def test_divergence_of_logits_takes_their_softmax():
    """Logits that differ by a constant are the same scores."""
    logits = np.array([[1.0, 3.0, -2.0, 0.5]], np.float32)
    spec = TensorSpec.of("y", (1, 4), "int8", 0.1)
    assert divergence(logits + 5, logits, spec, probabilities=False) == pytest.approx(0, abs=1e-9)
    assert divergence(logits * 2, logits, spec, probabilities=False) > 0.1


def test_which_metric_labels_ask_for():
    """Whole numbers for scores, two classes for a reproduction, values for values."""
    image = TensorSpec.of("x", (1, 8), "float32")
    assert metric_name(SCORES, [image], np.array([3, 1])) == "accuracy"
    assert metric_name(SCORES, [image], None) is None
    assert metric_name(image, [image], np.array([0, 1, 1])) == "roc_auc"
    assert metric_name(image, [image], np.array([0, 1, 2])) is None
    assert metric_name(image, [image], np.zeros((5, 1, 8))) == "rmse"


def test_root_mean_square_of_values():
    """Rmse is the root of the mean of each sample's mean squared difference, on each side."""
    sums = OutputSums()
    for value in (1.0, 3.0):
        label = np.zeros(4)
        sides = np.full((1, 4), value, np.float32), np.zeros((1, 4), np.float32)
        score(sums, "rmse", 0, label, sides, [])
    found = metric(sums, "rmse")
    assert found is not None
    assert found.quantized == pytest.approx(math.sqrt(5))
    assert found.reference == 0.0


def test_area_under_the_curve_counts_pairs():
    """The anomaly model's area equals the share of pairs in the right order, counted one by one."""
    folder = ROOT / "conformance" / "models"
    model = read_model(folder / "anomaly_int8.tflite")
    spec = TensorSpec.of("levels", (1, 48), "int8", 1.0)
    samples = open_samples(folder / "anomaly_samples.npz", [spec])
    twin = read_model(folder / "anomaly_float.tflite")
    sums = OutputSums()
    (output,) = debug(model, samples, twin).outputs
    assert output.metric is not None
    assert output.metric.name == "roc_auc"
    assert 0.85 < output.metric.quantized < output.metric.reference < 0.92
    rng = np.random.default_rng(2)
    rows = [(float(rng.integers(9)), bool(rng.random() < 0.4)) for _ in range(40)]
    for index, (error, truth) in enumerate(rows):
        source = np.zeros((1, 4))
        side = np.full((1, 4), math.sqrt(error))
        score(sums, "roc_auc", index, np.array([truth]), (side, side), [source])
    found = metric(sums, "roc_auc")
    assert found is not None
    pairs = [
        1.0 if a > b else 0.5 if math.isclose(a, b) else 0.0
        for a, is_a in rows
        for b, is_b in rows
        if is_a and not is_b
    ]
    assert found.quantized == pytest.approx(sum(pairs) / len(pairs), abs=0.02)
