"""Whole models, every tensor against LiteRT and every output against TFLM, singly and batched."""

from __future__ import annotations

import json

import pytest

from conformance.models.whole_models import check, find
from refinterp.cli.main import main
from refinterp.runtimes import open_runtime, unavailable
from tests.corpus import corpus

BUNDLED = find([])
REAL = (
    "hello_world_int8", "micro_speech_quantized", "kws_ref_model", "resnet8_cifar_int8",
    "ad01_int8", "vww_96_int8", "hello_world_float", "resnet8_cifar_float", "ad01_float",
    "vww_96_float",
)  # fmt: skip


@pytest.fixture(scope="module", params=["runtime:litert-reference", "runtime:tflm"])
def oracle(request):
    """One installed runtime after the other."""
    if reason := unavailable(request.param):
        pytest.skip(reason)
    with open_runtime(request.param) as runtime:
        yield runtime


@pytest.mark.parametrize("path", BUNDLED, ids=lambda p: p.stem)
def test_bundled_models_are_exact(oracle, path):
    """Every model of the project, on seven random samples."""
    result = check(path, oracle.name, oracle, 7, 42)
    if path.parent.name == "dynamic" and oracle.name == "runtime:tflm":
        assert result.status == "refused", "TFLM has no kernels that quantize at run time"
        return
    assert result.status == "ran", result.detail
    assert result.elements > 0
    assert result.differing == 0, result.detail


@pytest.mark.parametrize("name", REAL)
def test_real_models_are_exact(oracle, name):
    """Models people deploy, on seven random samples."""
    path = corpus() / "models" / f"{name}.tflite"
    result = check(path, oracle.name, oracle, 7, 42)
    assert result.status == "ran", result.detail
    assert result.differing == 0, result.detail


def test_mobilenet_is_exact(oracle):
    """MobileNet V2, whose outputs and, with LiteRT, all tensors are compared."""
    path = corpus() / "models" / "mobilenet_v2_224_int8.tflite"
    result = check(path, oracle.name, oracle, 1, 42)
    assert (result.status, result.differing) == ("ran", 0), result.detail


def test_person_detect_equals_tflm():
    """The model LiteRT refuses, on random inputs against the TFLM wheel."""
    if reason := unavailable("runtime:tflm"):
        pytest.skip(reason)
    path = corpus() / "models" / "person_detect.tflite"
    with open_runtime("runtime:tflm") as runtime:
        result = check(path, "runtime:tflm", runtime, 20, 42)
    assert (result.status, result.differing) == ("ran", 0), result.detail


@pytest.mark.parametrize(
    ("image", "scores"), [("no_person.bmp", [57, -57]), ("person.bmp", [-113, 113])]
)
def test_person_detect_sees_the_person(image, scores, capsys):
    """The pictures of TFLM's example, fed as it feeds them, give its scores."""
    folder = corpus()
    code = main(
        [
            "run", str(folder / "models" / "person_detect.tflite"), "--flavour", "tflm", "--json",
            "--input", str(folder / "inputs" / image), "--image-range", "raw",
        ]
    )  # fmt: skip
    assert code == 0
    (sample,) = json.loads(capsys.readouterr().out)["samples"]
    assert sample["outputs"][0]["values"] == [scores]
