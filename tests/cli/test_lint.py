"""The lint command: findings without data, its document, and its exit code."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.faults.lint import lint
from refinterp.graph.build import GraphBuilder
from refinterp.graph.model import Model, Quantization
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"
SCHEMA = json.loads((ROOT / "schema" / "lint.schema.json").read_text("utf-8"))
HEALTHY = sorted(
    path for folder in (DATA, ROOT / "conformance" / "models") for path in folder.glob("*.tflite")
)


def requantized(model: Model, tensor: int, **changes: object) -> Model:
    """The same model with other quantization fields of one tensor of its first subgraph."""
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    old = tensors[tensor].quantization
    assert old is not None
    tensors[tensor] = replace(tensors[tensor], quantization=replace(old, **changes))
    subgraph = replace(graph, tensors=tuple(tensors))
    return replace(model, subgraphs=(subgraph, *model.subgraphs[1:]))


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_healthy_models_have_no_findings(path, capsys):
    """Nothing is found in the project's own models, quantized or not; the exit code is 0."""
    assert main(["lint", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert document["findings"] == []


def digits() -> Model:
    return read_model(DATA / "digits_int8.tflite")


def scale(values) -> np.ndarray:
    return np.asarray(values, np.float32)


CONV = digits().subgraphs[0].operators[2]  # 12 channels
SOFTMAX = digits().subgraphs[0].operators[12]


@pytest.mark.parametrize(
    ("tensor", "changes", "id_"),
    [
        (CONV.outputs[0], {"scale": scale([np.inf])}, "bad_scale"),
        (CONV.outputs[0], {"scale": scale([1e-40])}, "bad_scale"),
        (CONV.outputs[0], {"scale": scale([0.0])}, "bad_scale"),
        (CONV.outputs[0], {"zero_point": np.array([200])}, "zero_point_out_of_range"),
        (CONV.outputs[0], {"scale": scale([1e-6])}, "multiplier_out_of_range"),
        (CONV.inputs[1], {"quantized_dimension": 3}, "wrong_quantized_dimension"),
        (CONV.inputs[2], {"scale": scale(np.full(12, 1e-4))}, "bias_scale_mismatch"),
        (SOFTMAX.outputs[0], {"scale": scale([1 / 128])}, "fixed_output_scale"),
    ],
)
def test_a_broken_contract_is_an_error(tmp_path, capsys, tensor, changes, id_):
    """One field of one tensor changed: its finding is there, and the exit code is 1."""
    path = tmp_path / "m.tflite"
    save_model(requantized(digits(), tensor, **changes), path)
    assert main(["lint", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    (found, *_) = [f for f in document["findings"] if f["id"] == id_]
    assert found["severity"] == "error"
    assert found["tensor"] == tensor
    assert main(["lint", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"error: {id_}" in out
    assert "remedy: " in out


def test_findings_about_structure_are_merged(tmp_path, capsys):
    """What makes a file unreadable is a finding, too, and keeps the rest from being looked at."""
    model = digits()
    graph = model.subgraphs[0]
    operators = list(graph.operators)
    operators[0] = replace(operators[0], inputs=(999, *operators[0].inputs[1:]))
    broken = replace(model, subgraphs=(replace(graph, operators=tuple(operators)),))
    (finding, *_) = lint(broken)
    assert finding.id == "tensor_index_out_of_range"


def test_a_scale_is_reported_once():
    """A bad scale of an operand is one finding, with its operator, not two."""
    quantization = Quantization(scale([np.nan]), np.array([0]))
    model = requantized(digits(), CONV.outputs[0], scale=quantization.scale)
    found = [f for f in lint(model) if f.id == "bad_scale"]
    assert len(found) == 1
    assert found[0].operator == 2
    assert found[0].severity == "error"


def test_scales_of_what_stands_for_0_are_notes():
    """A constant of zeros with scale 0 and its product, as in an unrolled LSTM: two notes."""
    g = GraphBuilder()
    x = g.input("x", (1, 8), "int16", scale=2**-15)
    zeros = g.constant("zeros", np.zeros((1, 8), np.int16), scale=0.0)
    y = g.tensor("y", (1, 8), "int16", scale=3.6e-43)
    g.operator("MUL", [x, zeros], [y])
    found = lint(g.build(outputs=[y]))
    assert [(f.id, f.severity, f.tensor) for f in found] == [
        ("bad_scale", "note", zeros), ("bad_scale", "note", y)
    ]  # fmt: skip
    assert all("nothing needs to be done" in f.remedy for f in found)


@pytest.mark.parametrize("tiny", [1e-18, 1e-39])
def test_channels_that_a_tiny_multiplier_silences_are_a_note(tiny):
    """Some of 12: no input moves them by half a code. All 12: the layer's scales are wrong."""
    model = digits()
    weights = model.subgraphs[0].tensors[CONV.inputs[1]].quantization.scale
    bias = model.subgraphs[0].tensors[CONV.inputs[2]].quantization.scale
    for channels, severity in (([3, 7], "note"), (range(12), "error")):
        own, sums = weights.copy(), bias.copy()
        sums[channels] *= np.float32(tiny) / own[channels]
        own[channels] = tiny
        changed = requantized(model, CONV.inputs[1], scale=own)
        changed = requantized(changed, CONV.inputs[2], scale=sums)
        found = [f for f in lint(changed) if f.id in ("multiplier_out_of_range", "bad_scale")]
        assert {f.severity for f in found} == {severity}


def test_a_broken_scale_that_silences_a_bias_is_an_error():
    """The bias has its own scale still, and stands for more than half a code."""
    model = digits()
    bias = model.subgraphs[0].tensors[CONV.inputs[2]]
    codes = model.buffers[bias.buffer].data.view("<i4")
    channel = int(np.abs(codes * bias.quantization.scale).argmax())
    own = model.subgraphs[0].tensors[CONV.inputs[1]].quantization.scale.copy()
    own[channel] = 1e-40
    found = lint(requantized(model, CONV.inputs[1], scale=own))
    (fault,) = (f for f in found if f.id == "bad_scale" and f.tensor == CONV.inputs[1])
    assert fault.severity == "error"


def test_what_kernels_refuse_is_a_finding():
    """A model without another fault that cannot be run says so, with the refusal's words."""
    model = requantized(digits(), SOFTMAX.inputs[0], scale=scale([1e-9]))
    model = requantized(model, SOFTMAX.inputs[0], zero_point=np.array([0]))
    fully_connected = digits().subgraphs[0].operators[11]
    x, w, b = fully_connected.inputs
    step = model.subgraphs[0].tensors[x].quantization.scale
    model = requantized(model, w, scale=scale([1e-10 / step[0]]))
    model = requantized(model, b, scale=scale([1e-10]))
    errors = [f for f in lint(model) if f.severity == "error"]
    assert [f.id for f in errors] == ["cannot_run"]
    assert "SOFTMAX" in errors[0].evidence


def test_branches_must_have_the_scale_of_their_result():
    """A concatenation that would have to rescale a branch is an error, with that branch."""
    model = read_model(DATA / "shapes_int8.tflite")
    joins = [o for o in model.subgraphs[0].operators if o.name == "CONCATENATION"]
    branch = joins[0].inputs[1]
    quantization = model.subgraphs[0].tensors[branch].quantization
    assert quantization is not None
    found = lint(requantized(model, branch, scale=quantization.scale * np.float32(8)))
    errors = [f for f in found if f.id == "concat_scale_mismatch" and f.severity == "error"]
    assert [f.tensor for f in errors] == [branch]


def test_weights_of_int8_have_no_zero_point():
    """Weights that one scale is for are symmetric, too, whatever their kernel would make of it."""
    weights = digits().subgraphs[0].operators[11].inputs[1]
    found = lint(requantized(digits(), weights, zero_point=np.array([9])))
    assert [(f.id, f.tensor) for f in found if f.severity == "error"] == [
        ("zero_point_out_of_range", weights)
    ]


def test_a_bias_tells_that_its_weights_scale_is_off():
    """One scale 2^5 above the others, which its bias was not quantized for, is a spread."""
    old = digits().subgraphs[0].tensors[CONV.inputs[1]].quantization
    assert old is not None
    scales = old.scale.copy()
    channel = int(np.argmin(np.abs(scales - np.median(scales))))
    scales[channel] *= 32
    found = lint(requantized(digits(), CONV.inputs[1], scale=scales))
    (spread,) = [f for f in found if f.id == "weight_scale_spread"]
    assert f"channel {channel} " in spread.evidence
    assert "2^-5.0 of that scale" in spread.evidence


def test_several_models_are_one_table_and_one_that_is_refused_stops_none(tmp_path, capsys):
    """Errors give 1, a file that is no model 2; the document has a result or an error for each."""
    bad = tmp_path / "bad.tflite"
    tensor = CONV.outputs[0]
    save_model(requantized(digits(), tensor, scale=scale([0.0])), bad)
    (tmp_path / "no.tflite").write_bytes(b"nothing of the kind, however long it is")
    good = str(DATA / "digits_int8.tflite")
    assert main(["lint", good, str(bad), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert [bool(r["findings"]) for r in found["results"]] == [False, True]
    page = tmp_path / "p.html"
    words = ["lint", good, str(tmp_path / "no.tflite"), str(bad), "--html", str(page)]
    assert main([*words, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert found["results"][1]["error"]["kind"] == "model"
    assert main(words) == 2
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("verdict  2 of 3 models looked at: ")
    assert any("no.tflite" in line and "refused" in line for line in out)
    assert "bad_scale" in page.read_text("utf-8")


def test_findings_with_one_remedy_are_one_group(tmp_path, capsys, monkeypatch):
    """The remedy once, every operator in the heading, each finding's evidence whole below it."""
    monkeypatch.setenv("COLUMNS", "80")
    model = digits()
    convolutions = [
        (number, operator)
        for number, operator in enumerate(model.subgraphs[0].operators)
        if operator.name == "CONV_2D"
    ]
    for _, operator in convolutions:
        old = model.subgraphs[0].tensors[operator.inputs[2]].quantization
        assert old is not None
        model = requantized(model, operator.inputs[2], scale=scale(old.scale * 2))
    save_model(model, tmp_path / "m.tflite")
    assert main(["lint", str(tmp_path / "m.tflite"), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    findings = [f for f in document["findings"] if f["id"] == "bias_scale_mismatch"]
    assert len(findings) == len(convolutions) > 2
    assert main(["lint", str(tmp_path / "m.tflite"), "--all"]) == 1
    out = capsys.readouterr().out
    whole = " ".join(out.split())
    listed = ", ".join(str(number) for number, _ in convolutions)
    assert f"bias_scale_mismatch at operators {listed}" in whole
    assert whole.count(f"remedy: {findings[0]['remedy']}") == 1
    letters = "".join(out.split())  # a long name may be folded within
    for finding in findings:
        evidence = f"operator {finding['operator']}: {finding['evidence']}"
        assert "".join(evidence.split()) in letters
    assert all(len(line) <= 80 for line in out.splitlines())


def test_what_was_looked_for_is_said_where_nothing_was_found(capsys):
    """So that a reader knows what the silence means."""
    assert main(["lint", str(DATA / "digits_int8.tflite")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("verdict digits_int8.tflite: nothing found in 13 operators looked for ")
    assert "zero points" in out


def test_what_a_runtime_computes_otherwise_is_a_warning(tmp_path, capsys):
    """SPACE_TO_BATCH_ND that pads: named with the runtimes, the row and the remedy; exit code 0."""
    g = GraphBuilder()
    x = g.input("x", (1, 6, 1, 2), "int8", scale=0.5, zero_point=-3)
    block = g.constant("block", np.array([2, 1], np.int32))
    pads = g.constant("pads", np.array([[2, 2], [0, 0]], np.int32))
    y = g.tensor("y", (2, 5, 1, 2), "int8", scale=0.5, zero_point=-3)
    g.operator("SPACE_TO_BATCH_ND", [x, block, pads], [y])
    path = tmp_path / "m.tflite"
    save_model(g.build(outputs=[y]), path)
    assert main(["lint", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    (finding,) = document["findings"]
    assert (finding["id"], finding["severity"], finding["operator"]) == (
        "runtime_differs", "warning", 0,
    )  # fmt: skip
    assert finding["evidence"].startswith("computed otherwise by tflm, cmsis-nn-mve, esp-nn")
    assert "#tflm-space-to-batch-paddings" in finding["evidence"]


def test_what_a_runtime_refuses_is_a_warning(tmp_path, capsys):
    """A hybrid layer: TFLM refuses it, LiteRT does not; exit code 0."""
    model = GraphBuilder()
    x = model.input("x", (1, 8))
    w = model.constant("w", np.arange(32, dtype=np.int8).reshape(4, 8), scale=0.1, zero_point=0)
    y = model.tensor("y", (1, 4))
    model.operator("FULLY_CONNECTED", [x, w, -1], [y])
    path = tmp_path / "m.tflite"
    save_model(model.build(outputs=[y]), path)
    assert main(["lint", str(path), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    told = [finding for finding in findings if finding["id"] == "runtime_refuses"]
    assert len(told) == 1
    assert told[0]["severity"] == "warning"
    assert told[0]["evidence"].startswith("refused by tflm, cmsis-nn-mve, esp-nn: ")


def test_a_model_with_many_findings_of_a_kind_warns_once(tmp_path, capsys):
    """Other commands name the first on standard error, and how many more lint would list."""
    g = GraphBuilder()
    at = g.input("x", (1, 4), "int8", scale=0.5)
    for number in range(5):
        after = g.tensor(f"t{number}", (1, 4), "int8", scale=0.5)
        g.operator("RELU", [at], [after])
        at = after
    model = g.build(outputs=[at])
    for tensor in range(1, 5):
        model = requantized(model, tensor, scale=scale([-1.0]))
    save_model(model, tmp_path / "m.tflite")
    main(["explain", str(tmp_path / "m.tflite")])
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning: " in line]
    assert len(warnings) == 1
    assert "tensor 1 ('t0')" in warnings[0]
    assert warnings[0].endswith("(and 3 more like it; `lint --all` lists them)")
