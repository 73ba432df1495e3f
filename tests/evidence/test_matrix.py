"""The packaged matrix tells which runtimes run an operator, and the commands show it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refinterp.cli.main import main
from refinterp.evidence import matrix
from refinterp.evidence.matrix import LITERT, LITERT_OPTIMIZED, TFLM, MatrixCell
from refinterp.graph.build import GraphBuilder
from refinterp.modelfile.writer import write_model


def cell(operator: str, dtype: str, oracle: str, cases: int, second: str = "") -> MatrixCell:
    return MatrixCell(
        operator, dtype, oracle, "litert-reference", cases, 9 * cases, 0, 0.0, 0, second
    )


@pytest.fixture(autouse=True)
def small_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix of three operators in place of the packaged one."""
    rows = [
        cell("ABS", "int8", LITERT, 500),
        cell("ABS", "int8", TFLM, 400),
        cell("ELU", "int8", LITERT, 0),
        cell("ELU", "int8", LITERT_OPTIMIZED, 300),
        cell("ELU", "int8", TFLM, 0),
        cell("SUM", "int8", LITERT, 200, "tflm"),
    ]
    table = {(row.operator, row.dtype, row.oracle): row for row in rows}
    monkeypatch.setattr(matrix, "matrix", lambda: table)
    monkeypatch.setattr("refinterp.cli.ops.matrix", lambda: table)


def test_which_runtimes_run_an_operator() -> None:
    """LiteRT's optimised kernels count where the reference ones lack it; untried is not no."""
    assert matrix.held("ELU", "int8").oracle == LITERT_OPTIMIZED
    assert matrix.runs("ELU", "int8", [LITERT, LITERT_OPTIMIZED]) is True
    assert matrix.runs("ELU", "int8", [TFLM]) is False
    assert matrix.runs("ABS", "float16", [TFLM]) is None
    assert matrix.held("ABS", "float16").cases == 0


def test_ops_prints_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """Cases by runtime, and the oracle that stands in for a wrong one."""
    assert main(["ops"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "ABS int8 ✓ 500 ✓ 400" in lines
    assert any(line.startswith("ELU int8 ✓ 300 (optimised)") for line in lines)
    assert any(line.startswith("SUM int8 ✓ 200 (by tflm)") for line in lines)


def test_inspect_marks_what_the_runtimes_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """True, false or null in the document, by the operator matrix."""
    g = GraphBuilder()
    x = g.input("x", (4,), "int8", scale=0.5)
    ys = [g.tensor(f"y{i}", (4,), "int8", scale=0.5) for i in range(2)]
    g.operator("ABS", [x], ys[:1])
    g.operator("ELU", ys[:1], ys[1:])
    path = tmp_path / "model.tflite"
    path.write_bytes(write_model(g.build(outputs=ys[1:])))
    assert main(["inspect", str(path)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(path), "--json"]) == 0
    operators = json.loads(capsys.readouterr().out)["operators"]
    assert [(o["litert"], o["tflm"]) for o in operators] == [(True, True), (True, False)]
