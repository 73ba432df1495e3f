"""Modules of real models under MicroPython: every byte is ours, and TFLM's and LiteRT's own."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.micropython.modules import expected, held, random_samples, write_module
from conformance.micropython.port import run_module
from refinterp.export.micropython.bundle import ModuleBuild
from refinterp.modelfile.reader import read_model
from refinterp.runtimes.client import open_runtime
from refinterp.runtimes.outcome import Ran, Refused, RuntimeCase
from tests.corpus import ROOT, corpus
from tests.export.port_of_micropython import needs_micropython

pytestmark = needs_micropython

OWN = ("digits_int8", "shapes_int8")
CORPUS = (
    "hello_world_int8", "kws_ref_model", "micro_speech_quantized", "ad01_int8",
    "resnet8_cifar_int8", "person_detect", "vww_96_int8",
)  # fmt: skip
ORACLES = {"tflm": "runtime:tflm", "litert-reference": "runtime:litert-reference"}


@pytest.mark.parametrize("flavour", ORACLES)
@pytest.mark.parametrize("name", OWN)
def test_models_that_come_with_the_package(tmp_path, name, flavour):
    """16 samples each; from the second on the heap is locked, so that no run allocates."""
    model = read_model(ROOT / "refinterp" / "data" / f"{name}.tflite")
    run = held(model, flavour, tmp_path)
    assert run.codes
    assert run.differing == 0


@pytest.mark.parametrize("in_module", [False, True])
def test_weights_in_a_file_or_in_the_module(tmp_path, in_module):
    """The same codes."""
    model = read_model(ROOT / "refinterp" / "data" / "digits_int8.tflite")
    run = held(model, "tflm", tmp_path, in_module=in_module)
    assert run.differing == 0
    assert (tmp_path / "module.bin").exists() != in_module


@pytest.mark.parametrize("flavour", ORACLES)
@pytest.mark.parametrize("name", CORPUS)
def test_models_of_the_corpus_against_the_runtimes(tmp_path, name, flavour):
    """The runtime's own bytes, which share no code with the module or with us."""
    path = corpus() / "models" / f"{name}.tflite"
    build = ModuleBuild.of(read_model(path), flavour, in_module=False)
    write_module(build, tmp_path, "module")
    samples = random_samples(build, 4 if build.macs > 5_000_000 else 16, 3)
    came = run_module(tmp_path, "module", samples, [s.shape for s in build.core.outputs])
    with open_runtime(ORACLES[flavour]) as oracle:
        (outcome,) = oracle.run_many([RuntimeCase(path.read_bytes(), samples, label=name)])
    if name == "person_detect" and flavour == "litert-reference":
        assert isinstance(outcome, Refused)  # for its quantized dimensions: ours stands in
        wanted = expected(build, samples)
    else:
        assert isinstance(outcome, Ran)
        wanted = [list(outputs) for outputs in outcome.outputs]
    for ours, theirs in zip(came, wanted, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_plan_of_vww_is_the_optimal_one():
    """55,296 bytes, which no plan goes below; the greedy one takes 73,728."""
    model = read_model(corpus() / "models" / "vww_96_int8.tflite")
    assert ModuleBuild.of(model, "tflm", in_module=False).memory.plan_bytes <= 55296
