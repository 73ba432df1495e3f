"""Data of another scaling is named as such, at the input, whatever labels say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.compare import debug
from refinterp.debug.result import DebugReport
from refinterp.graph.build import GraphBuilder
from refinterp.samples.samples import Samples
from tests.corpus import corpus
from tests.debug.relu_net import labels, network, pixels, samples


def own(report: DebugReport) -> set[tuple[int, str]]:
    """The causes that follow from no other."""
    return {(a.operator, c.id) for a in report.layers for c in a.causes if c.implied_by is None}


ROOT = {(0, "input_scaling")}


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize(
    ("fed", "calibrated"),
    [
        (lambda v: v * 255, lambda v: v),
        (lambda v: v / 255, lambda v: v),
        (lambda v: 2 * v - 1, lambda v: v),
        (lambda v: v, lambda v: v * 255),
        (lambda v: v, lambda v: v / 255),
        (lambda v: v, lambda v: (v - 0.45) / 0.225),
        (lambda v: (v - 0.45) / 0.225, lambda v: v),
        (lambda v: 20 * np.log10(v + 1e-4), lambda v: v),
        (lambda v: v, lambda v: 20 * np.log10(v + 1e-4)),
    ],
    ids=[
        "times 255", "over 255", "-1..1", "made for 255", "made for 1/255",
        "made for standardised", "standardised", "decibels", "made for decibels",
    ],
)  # fmt: skip
def test_one_root_with_labels_and_without(fed, calibrated, twin, labelled):
    """The float network finds every class, and its data is of another scale all the same."""
    data = pixels()
    model = network(calibrated(pixels(seed=2)).astype(np.float32))
    given = samples(fed(data).astype(np.float32), labels(data) if labelled else None)
    report = debug(model, given, network(None) if twin else None)
    assert own(report) == ROOT
    assert report.layers[0].operator == 0


@pytest.mark.parametrize("labelled", [False, True])
def test_data_as_calibrated_has_no_cause(labelled):
    """What the same network says of data as it was made for."""
    data = pixels()
    given = samples(data, labels(data) if labelled else None)
    assert own(debug(network(pixels(seed=2)), given, network(None))) == set()


def codes_of(kind: str) -> np.ndarray:
    """Pictures written as codes by somebody who did not quantize them."""
    dark_and_light = (pixels() > 0.5).astype(np.int8)
    return {
        "0 and 1": dark_and_light,
        "100 and 101": dark_and_light + np.int8(100),
        "pixels over 128": (pixels() * 255 // 128).astype(np.int8),
        "pixels over 32": (pixels() * 255 // 32).astype(np.int8) + np.int8(40),
    }[kind]


@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize("kind", ["0 and 1", "100 and 101", "pixels over 128", "pixels over 32"])
def test_an_offset_is_no_use_of_the_range(kind, twin):
    """Few codes next to each other, far from the zero point, are told as what they are."""
    codes = codes_of(kind)
    report = debug(network(pixels(seed=2)), samples(codes), network(None) if twin else None)
    assert own(report) == ROOT
    (cause,) = (c for c in report.layers[0].causes if c.id == "input_scaling")
    taken = int(codes.max()) - int(codes.min()) + 1
    assert f"takes {taken} of 256 codes, {codes.min()}..{codes.max()}" in cause.evidence
    assert "0 is code -128, 1 is code 127" in cause.remedy


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_data_that_never_changes_is_told(value):
    """Every value the same: nothing can be judged by it."""
    data = np.full((8, 1, 48), value, np.float32)
    report = debug(network(pixels(seed=2)), samples(data))
    assert own(report) >= ROOT
    assert any("all 384 values" in c.evidence for c in report.layers[0].causes)


@pytest.mark.parametrize("wrong", [0, 1])
def test_one_of_two_inputs_is_told(wrong):
    """The input that is fed wrongly is named, the other is not."""
    g = GraphBuilder()
    grid = {"scale": 1 / 255, "zero_point": -128}
    sums = []
    for name in ("left", "right"):
        x = g.input(name, (1, 48), "int8", **grid)
        codes = np.random.default_rng(len(name)).integers(-127, 128, (8, 48)).astype(np.int8)
        w = g.constant(f"{name}/w", codes, scale=0.002)
        y = g.tensor(f"{name}/y", (1, 8), "int8", scale=2 / 127, zero_point=0)
        g.operator("FULLY_CONNECTED", [x, w], [y])
        sums.append(y)
    out = g.tensor("out", (1, 8), "int8", scale=2.5 / 127, zero_point=0)
    g.operator("ADD", sums, [out])
    data = [pixels(24, seed=1), pixels(24, seed=2)]
    model = g.build(outputs=[out])
    right = Samples(24, lambda i: [data[0][i], data[1][i]], "drawn")
    assert own(debug(model, right)) == set()
    data[wrong] = data[wrong] * np.float32(255)
    assert own(debug(model, right)) == {(wrong, "input_scaling")}


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[tuple[int, str, str]]:
    """Operator, id and evidence of the causes the command prints that follow from no other."""
    main([*words, "--json"])
    layers = json.loads(capsys.readouterr().out)["layers"]
    return [
        (one["operator"], cause["id"], cause["evidence"])
        for one in layers
        for cause in one["causes"]
        if cause["implied_by"] is None
    ]


def report_folder(name: str) -> Path:
    """One folder of reported models, or skip."""
    folder = corpus() / "reports" / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


@pytest.mark.parametrize(
    ("model", "data", "why"),
    [
        ("int8", "nolab_f255", "255 times as far as the range"),
        ("int8", "stripes_f255", "255 times as far as the range"),
        ("int8", "nolab_m11", "of the data is negative"),
        ("int8", "stripes_m11", "of the data is negative"),
        ("rep255", "stripes", "takes 1/255 of the range"),
        ("rep255", "nolab", "takes 1/255 of the range"),
        ("repsmall", "stripes", "255 times as far as the range"),
        ("repsmall", "nolab", "255 times as far as the range"),
    ],
)
def test_reported_labels_hide_nothing(model, data, why, capsys):
    """The reported convolutional network, whose labels are all met in float."""
    folder = report_folder("06_labels_hide_input_scaling")
    words = [
        "debug",
        str(folder / f"stripes_{model}.tflite"),
        "--data",
        str(folder / f"{data}.npz"),
    ]
    words += ["--float", str(folder / "stripes_float.tflite")]
    ((operator, id_, evidence),) = told(words, capsys)
    assert (operator, id_) == (0, "input_scaling")
    assert why in evidence


@pytest.mark.parametrize("data", ["nolab_i8raw", "stripes_i8raw"])
def test_reported_codes_0_and_1(data, capsys):
    """The reported black and white pictures, as codes 0 and 1 of an int8 input."""
    folder = report_folder("05_zero_one_codes_into_int8")
    words = ["debug", str(folder / "stripes_int8.tflite"), "--data", str(folder / f"{data}.npz")]
    words += ["--float", str(folder / "stripes_float.tflite")]
    ((operator, id_, evidence),) = told(words, capsys)
    assert (operator, id_) == (0, "input_scaling")
    assert "takes 2 of 256 codes, 0..1, next to each other and 128 steps" in evidence


def test_reported_black_and_white_as_reals_is_right(capsys):
    """The same pictures as reals 0 and 1: nothing is wrong with how they are fed."""
    folder = report_folder("05_zero_one_codes_into_int8")
    words = ["debug", str(folder / "stripes_int8.tflite"), "--data", str(folder / "bw_right.npz")]
    words += ["--float", str(folder / "stripes_float.tflite")]
    assert "input_scaling" not in {id_ for _, id_, _ in told(words, capsys)}
