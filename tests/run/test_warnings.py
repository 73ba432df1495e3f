"""Whoever runs a model that its runtime computes otherwise is told, and gets what is meant."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.operators.draw import RandomDraw
from conformance.operators.known_edits import usual
from conformance.operators.known_sparse import as_dense, sparse
from refinterp import Interpreter
from refinterp.cli.main import main
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model
from refinterp.modelfile.writer import save_model, write_model


def padded_batches() -> Model:
    """SPACE_TO_BATCH_ND twice, both with paddings."""
    g = GraphBuilder()
    at = g.input("x", (1, 6, 1, 2), "int8", scale=0.5, zero_point=-3)
    block = g.constant("block", np.array([2, 1], np.int32))
    pads = g.constant("pads", np.array([[2, 2], [0, 0]], np.int32))
    for batch, size in ((2, 5), (4, 4)):
        if batch == 4:
            pads = g.constant("more", np.array([[1, 2], [0, 0]], np.int32))
        made = g.tensor(f"b{batch}", (batch, size, 1, 2), "int8", scale=0.5, zero_point=-3)
        g.operator("SPACE_TO_BATCH_ND", [at, block, pads], [made])
        at = made
    return g.build(outputs=[at])


def row_convolution() -> Model:
    """One row of even width, stride 2 and VALID: CMSIS-NN's MVE kernel spoils its last column."""
    g = GraphBuilder()
    x = g.input("x", (1, 1, 24, 4), "int8", scale=0.5, zero_point=0)
    w = g.constant("w", np.ones((8, 1, 3, 4), np.int8), scale=0.5, zero_point=0)
    b = g.constant("b", np.zeros(8, np.int32), scale=0.25, zero_point=0)
    y = g.tensor("y", (1, 1, 11, 8), "int8", scale=2.0, zero_point=0)
    g.operator(
        "CONV_2D", [x, w, b], [y],
        {"padding": "VALID", "stride_w": 2, "stride_h": 1,
         "dilation_w_factor": 1, "dilation_h_factor": 1},
    )  # fmt: skip
    return g.build(outputs=[y])


def test_run_names_the_operators_the_defect_and_the_row(tmp_path, capsys) -> None:
    """One line for the two operators, on standard error; by another flavour none."""
    path = tmp_path / "m.tflite"
    save_model(padded_batches(), path)
    assert main(["run", str(path), "--flavour", "tflm"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(told) == 1
    assert "operators 0, 1 (SPACE_TO_BATCH_ND)" in told[0]
    assert "tflm pads with whatever its stack holds" in told[0]
    assert "refinterp computes what is meant" in told[0]
    assert "docs/known-differences.md#tflm-space-to-batch-paddings" in told[0]
    assert main(["run", str(path)]) == 0
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "warned"), [("cortex-m55", True), ("cortex-m4", False), ("x86-64", False)]
)
def test_arena_warns_of_the_build_that_is_asked_for(tmp_path, capsys, target, warned) -> None:
    """CMSIS-NN's kernel of one row is that of MVE alone."""
    path = tmp_path / "row.tflite"
    save_model(row_convolution(), path)
    assert main(["arena", str(path), "--target", target]) == 0
    assert ("#cmsis-nn-mve-conv-row" in capsys.readouterr().err) == warned


def test_arena_warns_of_tflm(tmp_path, capsys) -> None:
    """Paddings are wrong in every build of TFLM."""
    path = tmp_path / "m.tflite"
    save_model(padded_batches(), path)
    assert main(["arena", str(path)]) == 0
    assert "#tflm-space-to-batch-paddings" in capsys.readouterr().err


def test_the_drop_in_warns_when_it_allocates() -> None:
    """Once, before the first run; the results are those of the weights stored dense."""
    case = sparse("FULLY_CONNECTED", "int8", lambda node: True, 1, 1)(RandomDraw(5))
    interpreter = Interpreter(model_content=write_model(case.model), flavour="tflm")
    with pytest.warns(UserWarning, match="takes the stored values for a dense tensor"):
        interpreter.allocate_tensors()
    dense = Interpreter(model_content=write_model(as_dense(case).model), flavour="tflm")
    dense.allocate_tensors()
    for one in (interpreter, dense):
        details = one.get_input_details()
        for detail, array in zip(details, case.samples[0], strict=True):
            one.set_tensor(detail["index"], array)
        one.invoke()
    at = interpreter.get_output_details()[0]["index"]
    assert np.array_equal(interpreter.get_tensor(at), dense.get_tensor(at))


def test_what_the_runtime_runs_as_meant_is_not_warned_of(tmp_path, capsys) -> None:
    """An int8 convolution, by both flavours."""
    path = tmp_path / "m.tflite"
    model = usual("CONV_2D", "int8", lambda case: len(case.model.subgraphs[0].operators) == 1)
    save_model(model(RandomDraw(2)).model, path)
    for flavour in ("tflm", "litert-reference"):
        assert main(["run", str(path), "--flavour", flavour, "--lenient"]) == 0
        assert "known-differences" not in capsys.readouterr().err
