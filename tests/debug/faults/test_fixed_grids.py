"""Results too small for the grid that their operator is defined with."""

from __future__ import annotations

import numpy as np
import pytest

from refinterp.debug.compare import debug
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.samples.samples import Samples
from tests.debug.faults.test_of_inputs import own, report_folder, told

FIXED = {
    "SOFTMAX": (1 / 256, -128),
    "LOGISTIC": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "L2_NORMALIZATION": (1 / 128, 0),
    "LOG_SOFTMAX": (16 / 256, 127),
}


def one(name: str, size: int, scale: float, zero: int, most: float | None = None) -> Model:
    """One operator on int8 data; most: the largest result, which is added to itself after it."""
    g = GraphBuilder()
    x = g.input("x", (1, size), "int8", scale=scale, zero_point=zero)
    step, code = FIXED[name]
    y = g.tensor("y", (1, size), "int8", scale=step, zero_point=code)
    options = {"beta": 1.0} if name == "SOFTMAX" else None
    g.operator(name, [x], [y], *([options] if options else []))
    if most is not None:
        z = g.tensor("z", (1, size), "int8", scale=2 * most / 127, zero_point=0)
        g.operator("ADD", [y, y], [z])
        y = z
    return g.build(outputs=[y])


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """The operator by its definition, float64."""
    x = x.astype(np.float64)
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return {
        "SOFTMAX": lambda: powers / powers.sum(axis=-1, keepdims=True),
        "LOGISTIC": lambda: 1 / (1 + np.exp(-x)),
        "TANH": lambda: np.tanh(x),
        "L2_NORMALIZATION": lambda: x / np.sqrt((x**2).sum(axis=-1, keepdims=True)),
        "LOG_SOFTMAX": lambda: np.log(powers / powers.sum(axis=-1, keepdims=True)),
    }[name]()


CASES = [
    ("SOFTMAX", 1000, 4, lambda rng, n: rng.normal(0, 0.5, (8, 1, n))),
    ("SOFTMAX", 600, 4, lambda rng, n: np.full((8, 1, n), 1.5)),
    ("LOGISTIC", 200, 4, lambda rng, n: rng.uniform(-12, -6.5, (8, 1, n))),
    ("TANH", 64, 1, lambda rng, n: rng.uniform(-0.004, 0.004, (8, 1, n))),
    ("L2_NORMALIZATION", 50_000, 1, lambda rng, n: rng.normal(0, 1, (2, 1, n))),
    ("LOG_SOFTMAX", 8, 4, lambda rng, n: rng.choice([0.0, 60.0], (8, 1, n))),
]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("name", "size", "wide", "draw"), CASES)
def test_the_bound_is_the_exact_result_rounded(name, size, wide, draw, last):
    """The cause is at the operator, alone, with the SQNR that rounding the exact values leaves."""
    data = draw(np.random.default_rng(3), size).astype(np.float32)
    low, high = min(0.0, float(data.min())), max(0.0, float(data.max()))
    scale = wide * (high - low) / 255  # four times as wide as needed where nothing is gained by it
    zero = int(np.clip(round(-128 - low / scale), -128, 127))
    samples = Samples(len(data), lambda i: [data[i]], "drawn")
    reals = exact(name, data)
    most = None if last else float(np.abs(reals).max())
    report = debug(one(name, size, float(np.float32(scale)), zero, most), samples)
    assert own(report) == {(0, "fixed_output_scale")}
    layer = next(a for a in report.layers if a.operator == 0)
    step, code = FIXED[name]
    rounded = (np.clip(np.rint(reals / step) + code, -128, 127) - code) * step
    bound = 10 * np.log10((reals**2).sum() / ((reals - rounded) ** 2).sum())
    (cause,) = layer.causes
    assert f"SQNR of {round(bound, 2) + 0.0:.2f} dB" in cause.evidence


@pytest.mark.parametrize("name", ["SOFTMAX", "LOGISTIC", "TANH"])
def test_results_that_fill_their_grid_are_no_fault(name):
    """Ordinary scores."""
    data = np.random.default_rng(3).normal(0, 3, (16, 1, 10)).astype(np.float32)
    samples = Samples(len(data), lambda i: [data[i]], "drawn")
    assert own(debug(one(name, 10, 0.08, 0), samples)) == set()


def test_the_reported_softmax_of_a_thousand(capsys):
    """The exact softmax on its grid has 0.85 dB; the range of the logits is not blamed."""
    folder = report_folder("04_softmax_below_resolution")
    words = ["debug", str(folder / "softmax1000.tflite"), "--data", str(folder / "soft_near.npz")]
    ((operator, id_, evidence),) = told(words, capsys)
    assert (operator, id_) == (0, "fixed_output_scale")
    assert "SQNR of 0.85 dB" in evidence
