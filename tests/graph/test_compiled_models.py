"""Models that went through another processor's compiler: named, planned, never called damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from refinterp.arena.offline import with_offsets
from refinterp.arena.tensor_plan import plan_model
from refinterp.cli.main import main
from refinterp.debug.faults.lint import lint
from refinterp.errors import ModelError, UnsupportedError
from refinterp.graph.build import GraphBuilder
from refinterp.graph.check import check
from refinterp.graph.compiled import compiled, own_memory
from refinterp.graph.model import Model
from refinterp.interpreter import Interpreter
from refinterp.modelfile.writer import save_model, write_model
from refinterp.run.prepare import prepare
from refinterp.tflm.ledger import measure
from refinterp.tflm.targets import profile

GRID = {"scale": 0.5, "zero_point": 3}


def vela(*, cpu: bool = True) -> Model:
    """As Vela writes it: commands, weights and two memories before the data, offsets for all.

    The memory (1,024 bytes at 0) holds what the operator reads (at 512) and writes (at 256); a
    SOFTMAX is left to the CPU.
    """
    g = GraphBuilder()
    x = g.input("image", (1, 64), "int8", **GRID)
    commands = g.constant("commands", np.arange(32, dtype=np.uint8))
    weights = g.constant("weights", np.arange(96, dtype=np.uint8))
    scratch = g.tensor("scratch", (1024,), "uint8")
    fast = g.tensor("scratch_fast", (1024,), "uint8")
    y = g.tensor("logits", (1, 16), "int8", **GRID)
    g.operator(
        "ethos-u", [commands, weights, scratch, fast, x], [y], custom_options=b"\x01\x04\x01"
    )
    last = y
    if cpu:
        last = g.tensor("scores", (1, 16), "int8", scale=1 / 256, zero_point=-128)
        g.operator("SOFTMAX", [y], [last], {"beta": 1.0})
    model = g.build(outputs=[last])
    return with_offsets(model, {(0, scratch): 0, (0, fast): 0, (0, x): 512, (0, y): 256})


def custom(name: str, *, before: bool = False) -> Model:
    """A compiled operator between a QUANTIZE and a SOFTMAX."""
    g = GraphBuilder()
    x = g.input("x", (1, 8), "float32")
    q = g.tensor("q", (1, 8), "int8", **GRID)
    y = g.tensor("y", (1, 8), "int8", **GRID)
    z = g.tensor("z", (1, 8), "int8", scale=1 / 256, zero_point=-128)
    g.operator("QUANTIZE", [x], [q])
    g.operator(name, [q], [y], custom_options=b"\0")
    g.operator("SOFTMAX", [y], [z], {"beta": 1.0})
    return g.build(outputs=[z])


NAMES = {
    "ethos-u": ("Arm Ethos-U NPU", "Vela"),
    "edgetpu-custom-op": ("Coral Edge TPU", "edgetpu_compiler"),
    "DISPATCH_OP": ("NPU that LiteRT dispatches to", "LiteRT's compiler"),
    "DISPATCH_OP_2": ("NPU that LiteRT dispatches to", "LiteRT's compiler"),
    "NeutronGraph": ("NXP Neutron NPU", "neutron-converter"),
    "XC_conv2d_v2": ("XMOS xcore", "xformer"),
    "MTKEXT_GELU": ("MediaTek", "without MediaTek's"),
    "FlexErf": ("operator of TensorFlow itself", "SELECT_TF_OPS"),
}


@pytest.mark.parametrize("name", NAMES)
def test_compiled_operators_are_named(name: str) -> None:
    """By what they are and what to do, in a note and in every refusal; the rest is listed."""
    what, remedy = NAMES[name]
    model = custom(name)
    (note,) = check(model)
    assert (note.id, note.severity, note.operator) == ("compiled_operators", "note", 1)
    assert what in note.evidence
    assert "left to the CPU: 1 QUANTIZE, 1 SOFTMAX" in note.evidence
    assert remedy in note.remedy
    told = {finding.id: finding.severity for finding in lint(model)}
    assert told.pop("compiled_operators") == "note"
    assert set(told) <= {"runtime_refuses"}  # no runtime has a kernel for it
    assert "error" not in told.values()
    with pytest.raises(UnsupportedError, match=what):
        prepare(model)
    with pytest.raises(RuntimeError, match=what):
        Interpreter(model_content=write_model(model)).allocate_tensors()
    if name != "ethos-u":
        with pytest.raises(UnsupportedError, match=f"no kernel for {name} .*: it is .*{what}"):
            measure(model, profile("cortex-m4"))


def test_other_custom_operators_are_not_compiled() -> None:
    """Of those nothing is said."""
    assert compiled("TFLite_Detection_PostProcess") is None
    assert compiled("MyOperator") is None
    assert check(custom("MyOperator")) == ()


def test_vela_memory_is_no_fault() -> None:
    """What the NPU's operator works in is read and never written: that is as it should be."""
    model = vela()
    assert own_memory(model.subgraphs[0]) == {1, 2, 3, 4}
    assert [finding.id for finding in check(model)] == ["compiled_operators"]


def test_vela_memory_is_planned_as_the_file_says() -> None:
    """Data lies inside the NPU's memory, and is not counted beside it; TFLM adds its own."""
    model = vela()
    plan = plan_model(model)
    places = {buffer.name: (buffer.offset, buffer.inside) for buffer in plan.buffers}
    assert places["scratch"] == (0, False)
    assert places["image"] == (512, True)
    assert places["logits"][0] == 256
    assert plan.lower_bound_bytes <= plan.head_bytes
    ledger = measure(model, profile("cortex-m4"))
    # arrays of 8 and of 4 bytes for each of the operator's 6 tensors: 48 + 24, to 16 bytes
    assert ledger.head_bytes == plan.head_bytes + 48 + 32
    assert "ethos-u" in ledger.read_not_measured
    alone = plan_model(vela(cpu=False))
    assert (alone.head_bytes, alone.lower_bound_bytes) == (1024, 1024)


def test_clashes_outside_such_memory_are_found() -> None:
    """Two tensors of the CPU's on the same bytes are a fault all the same."""
    g = GraphBuilder()
    x = g.input("x", (1, 64), "int8", **GRID)
    y, z = g.tensor("y", (1, 64), "int8", **GRID), g.tensor("z", (1, 64), "int8", **GRID)
    g.operator("RELU", [x], [y])
    g.operator("RELU", [y], [z])
    model = with_offsets(g.build(outputs=[z]), {(0, y): 0, (0, z): 32})
    with pytest.raises(ModelError, match="share"):
        plan_model(model)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inspect, lint and arena answer; run refuses; none calls the file damaged."""
    path = tmp_path / "net_vela.tflite"
    save_model(vela(), path)
    for command, code in (("inspect", 0), ("lint", 0), ("arena", 0), ("run", 2)):
        assert main([command, str(path), *(["--json"] if command == "lint" else [])]) == code
        said = "".join(capsys.readouterr())
        assert "damaged" not in said
        assert "ethos-u" in said
        if command == "lint":
            found = {finding["id"]: finding for finding in json.loads(said)["findings"]}
            finding = found["compiled_operators"]
            assert "Vela" in finding["evidence"]
            assert finding["severity"] == "note"
            assert found["runtime_refuses"]["remedy"] == finding["remedy"]
        if command == "arena":
            assert "measured (ethos-u: read, not measured)" in " ".join(said.split())
