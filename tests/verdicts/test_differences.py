"""Which operators a row concerns: those that were seen to go wrong, and no others."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pytest

from conformance.operators.cases import load_all
from conformance.operators.compare import compare, run_ours
from conformance.operators.draw import RandomDraw
from conformance.operators.known_edits import node_of
from conformance.operators.known_proof import DEFAULT, LITERT, OPTIMIZED, TFLM, Runtimes, short
from conformance.operators.known_sparse import compress
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.runtimes import unavailable
from refinterp.runtimes.outcome import Died, Ran
from refinterp.verdicts.differences.difference import ANY
from refinterp.verdicts.differences.table import ROWS, rows_of
from refinterp.verdicts.judge import verdicts
from refinterp.verdicts.node import Node
from tests.corpus import corpus

ORACLES = (LITERT, OPTIMIZED, DEFAULT, TFLM)


@pytest.fixture(scope="module")
def runtimes():
    """The installed runtimes."""
    with Runtimes() as found:
        yield found


def cells() -> list[tuple[str, str, str]]:
    """Every operator, type and installed runtime of a row that not all models are concerned by."""
    return sorted(
        {
            (row.operator, dtype, f"runtime:{runtime}")
            for row in ROWS
            if not row.whole and row.operator != ANY
            for dtype in row.dtypes
            for runtime in row.runtimes
            if f"runtime:{runtime}" in ORACLES and (row.operator, dtype) in load_all()
        }
    )


@pytest.mark.parametrize("cell", cells(), ids="-".join)
def test_ordinary_models_that_no_row_concerns_agree_with_the_runtime(cell, runtimes) -> None:
    """None differs from what is meant, and the process survives all of them.

    LiteRT's optimized kernels round otherwise here and there: by one code, RESIZE_BILINEAR in
    XNNPACK by two.
    """
    operator, dtype, oracle = cell
    if reason := unavailable(oracle):
        pytest.skip(reason)
    flavour = "tflm" if oracle == TFLM else "litert-reference"
    for index in range(15):
        case = load_all()[operator, dtype](RandomDraw((31, index)))
        if list(rows_of(node_of(case), short(oracle))) or oracle in case.undefined:
            continue
        outcome = runtimes[oracle].run(write_model(case.model), case.samples)
        assert not isinstance(outcome, Died), index
        if not isinstance(outcome, Ran):
            continue
        try:
            mine = run_ours(case.model, case.samples, flavour=flavour)
        except ValueError:
            continue  # what this flavour refuses
        compared = compare(case, mine, outcome, outputs_only=True)
        if oracle in (LITERT, TFLM):
            assert compared.differing == 0, index
        elif not dtype.startswith("float"):
            assert all(one.largest <= 2 for one in compared.differences), index


@dataclass(frozen=True)
class Measured:
    """A convolution of one row; equal: CMSIS-NN's MVE build computed what TFLM's kernels do."""

    width: int
    channels: int
    kernel: int
    stride: int
    padding: str
    equal: bool


ROW_CONVOLUTIONS = (
    Measured(40, 8, 5, 2, "SAME", False),
    Measured(30, 4, 3, 1, "SAME", True),
    Measured(33, 4, 7, 1, "SAME", True),
    Measured(50, 4, 9, 3, "SAME", False),
    Measured(24, 4, 3, 2, "VALID", False),
    Measured(24, 4, 3, 4, "VALID", False),
    Measured(26, 4, 3, 4, "VALID", False),
    Measured(48, 4, 5, 1, "SAME", True),
    Measured(11, 4, 5, 2, "VALID", True),
    Measured(50, 1, 7, 1, "SAME", True),
    Measured(8, 8, 7, 1, "VALID", True),
    Measured(58, 8, 3, 1, "VALID", True),
    Measured(35, 4, 7, 2, "VALID", True),
)
"""Models of flavours.json, by their geometry: tflite-micro 90b983c2b with CMSIS-NN 99f736a6,
compiled for Cortex-M55 by gcc 12.2 and run in QEMU, against TFLM's reference kernels."""


def row_convolution(one: Measured) -> Model:
    same = one.padding == "SAME"
    made = -(-one.width // one.stride) if same else (one.width - one.kernel) // one.stride + 1
    g = GraphBuilder()
    x = g.input("x", (1, 1, one.width, one.channels), "int8", scale=0.5)
    weights = np.ones((8, 1, one.kernel, one.channels), np.int8)
    w = g.constant("w", weights, scale=0.5)
    b = g.constant("b", np.zeros(8, np.int32), scale=0.25)
    y = g.tensor("y", (1, 1, made, 8), "int8", scale=2.0)
    options = {
        "padding": one.padding, "stride_w": one.stride, "stride_h": 1,
        "dilation_w_factor": 1, "dilation_h_factor": 1,
    }  # fmt: skip
    g.operator("CONV_2D", [x, w, b], [y], options)
    return g.build(outputs=[y])


@pytest.mark.parametrize("one", ROW_CONVOLUTIONS, ids=str)
def test_rows_that_the_mve_kernel_spoils(one: Measured) -> None:
    """The layout of `cmsis_nn` says which convolutions of one row were measured to differ."""
    found = {row.id for row in rows_of(Node(row_convolution(one), 0, 0), "cmsis-nn-mve")}
    assert ("cmsis-nn-mve-conv-row" not in found) == one.equal


@pytest.mark.parametrize(
    ("build", "runtime"), [("cmsis-nn-m55", "cmsis-nn-mve"), ("esp-nn", "esp-nn")]
)
def test_what_compiled_kernel_libraries_computed(build: str, runtime: str) -> None:
    """Of 276 models: equal to TFLM where nothing is said, else different, dead or refused."""
    folder = corpus()
    measured = json.loads((folder / "flavours.json").read_text("utf-8"))
    control, models = measured["tflm"]["models"], measured[build]["models"]
    paths = {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for group in ("models", "oneop", "random", "flavour_oneop")
        for path in (folder / group).rglob("*.tflite")
    }
    tried = 0
    for key, found in models.items():
        if key not in paths or "left out of this build" in found.get("refused", ""):
            continue
        tried += 1
        said = {v.verdict for v in verdicts(read_model(paths[key]), runtime)} - {"runs"}
        if "outputs" not in found:
            truth = "aborts" if "crash" in found["refused"] else "refuses"
            assert truth in said, found["name"]
        elif found["outputs"] == control[key]["outputs"]:
            assert not said, found["name"]
        else:
            assert said == {"differs"}, found["name"]
    assert tried


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_xnnpack_does_not_take_densified_int8_weights(dtype: str, runtimes) -> None:
    """The default delegate gives the model up; of float32 weights it does not, nor does LiteRT."""
    if reason := unavailable(DEFAULT):
        pytest.skip(reason)
    marks = {"scale": 0.5, "zero_point": 0} if dtype == "int8" else {}
    stored, table = compress(np.eye(4, 8).astype(dtype), 1)
    g = GraphBuilder()
    x = g.input("x", (1, 8), dtype, **marks)
    s = g.constant("s", stored, dtype, shape=(4, 8), sparsity=table, **marks)
    w = g.tensor("w", (4, 8), dtype, **marks)
    y = g.tensor("y", (1, 4), dtype, **marks)
    g.operator("DENSIFY", [s], [w])
    g.operator("FULLY_CONNECTED", [x, w, -1], [y])
    model, data = g.build(outputs=[y]), [[np.ones((1, 8), dtype)]]
    for oracle in (LITERT, OPTIMIZED, DEFAULT):
        outcome = runtimes[oracle].run(write_model(model), data)
        said = {v.verdict for v in verdicts(model, short(oracle))}
        assert isinstance(outcome, Ran) == (said == {"runs"}), oracle
    assert (said == {"runs"}) == (dtype == "float32")
