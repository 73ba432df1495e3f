"""The stack: its figures against what models took under emulation, and which build is chosen."""

from __future__ import annotations

import json

import pytest

from refinterp.fit.stack import stack_need
from refinterp.modelfile.reader import read_model
from refinterp.tflm.targets import profile
from tests.corpus import ROOT
from tests.export.test_tried import DOCUMENT, OURS

TABLE = json.loads((ROOT / "refinterp" / "fit" / "stack.json").read_text("utf-8"))
RUNS = [run for run in DOCUMENT["runs"] if "stack_invoke_bytes" in run and run["sha256"] in OURS]
WRAPPER = 8
"""Bytes that the exported Invoke has itself."""


def operators(path):
    """The names of a model's operators."""
    return [op.name for graph in read_model(path).subgraphs for op in graph.operators]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['model']}-{run['build']}")
def test_no_model_took_more(run):
    """The deepest mark under emulation, less the exported wrappers, is within the figure."""
    need = stack_need(profile(*DOCUMENT["builds"][run["build"]]), operators(OURS[run["sha256"]]))
    assert need.build == run["build"]
    assert not need.unknown
    took = max(run["stack_setup_bytes"], run["stack_invoke_bytes"])
    assert took - WRAPPER <= need.bytes <= 2 * took  # float kernels take half of what int8 ones do


def test_most_of_int8_took_as_much_to_the_byte():
    """The exported wrapper is all that the mark has more; float kernels take less than int8's."""
    runs = [run for run in RUNS if run["model"].endswith("_int8")]
    equal = 0
    assert runs
    for run in runs:
        names = operators(OURS[run["sha256"]])
        need = stack_need(profile(*DOCUMENT["builds"][run["build"]]), names)
        took = max(run["stack_setup_bytes"], run["stack_invoke_bytes"])
        equal += took - WRAPPER <= need.bytes <= took
    assert equal > len(runs) / 2


def test_the_compiler_says_the_same_of_frames():
    """Some hundreds of functions could be told by their names."""
    assert TABLE["frames_equal_to_stack_usage"] > 500


def test_a_build_is_measured_where_it_has_every_operator():
    """Else its figures are an estimate, the largest of what is alike, and its error."""
    m55 = profile("cortex-m55", "cmsis-nn")
    assert stack_need(m55, ["CONV_2D"]).build == "cm55_cmsis"
    other = stack_need(m55, ["CONV_2D", "GATHER"])
    assert (other.build, other.unknown) == ("", ())
    builds = TABLE["builds"]
    assert other.bytes == max(*builds["cm55_cmsis"]["operators"]["CONV_2D"],
                              *builds["cm4_cmsis"]["operators"]["CONV_2D"])  # fmt: skip
    assert other.low == -TABLE["error"]["lowest"] > 0
    esp = stack_need(profile("generic-32", "reference"), ["FULLY_CONNECTED", "MADE_UP"])
    assert (esp.unknown, esp.deepest) == (("MADE_UP",), "FULLY_CONNECTED")


def test_operators_that_run_subgraphs_come_on_top():
    """WHILE's own chain stands below that of the deepest operator of its body."""
    build = profile("cortex-m4", "reference")
    alone = stack_need(build, ["CONV_2D"]).bytes
    below = TABLE["builds"]["cm4_ref"]["operators"]["WHILE"][1]
    assert stack_need(build, ["CONV_2D", "WHILE"]).bytes == alone + below


def test_64_bits_have_no_figure():
    """No build with pointers of 8 bytes was read."""
    assert stack_need(profile("x86-64"), ["CONV_2D"]).bytes is None
