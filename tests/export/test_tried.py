"""What was tried outside the project, held against the present code and its page."""

from __future__ import annotations

import hashlib
import json

import pytest

from refinterp.fit.code import code_need
from refinterp.modelfile.reader import read_model
from refinterp.tflm.ledger import totals
from refinterp.tflm.targets import profile
from tests.corpus import ROOT

DOCUMENT = json.loads((ROOT / "conformance" / "results" / "export.json").read_text("utf-8"))
FOLDERS = ("refinterp/data", "conformance/models")
OURS = {
    hashlib.sha256(path.read_bytes()).hexdigest(): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).glob("*.tflite"))
}
RUNS = [run for run in DOCUMENT["runs"] if run["sha256"] in OURS]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['model']}-{run['build']}")
def test_the_ledger_says_what_was_enough(run):
    """An export of today has the arena that was tried, of a model that is the same file."""
    model = read_model(OURS[run["sha256"]])
    where = profile(*DOCUMENT["builds"][run["build"]])
    assert totals(model, where) == (run["used_bytes"], run["arena_bytes"])


def test_the_page_tells_of_every_run():
    """Each row of the table has the bytes that were recorded, and a mark where a kernel parts."""
    page = (ROOT / "docs" / "export.md").read_text("utf-8")
    assert f"{len(DOCUMENT['runs'])} exports for `--for tflm`" in page
    for run in DOCUMENT["runs"]:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {run['model']} |")]
        mark = "*" if "parts_in" in run else ""
        assert f" {run['arena_bytes']:,}{mark} |" in row
        assert (run["passed"] == run["samples"]) == (not mark)
        assert run["with_16_less"] == "refused"


def test_what_was_linked_is_what_fit_predicts():
    """Interpreter, kernels and messages against what GNU ld took: within 5 %."""
    linked = [run for run in DOCUMENT["runs"] if "tflm_bytes" in run and run["sha256"] in OURS]
    assert linked
    for run in linked:
        graphs = read_model(OURS[run["sha256"]]).subgraphs
        operators = (operator.name for graph in graphs for operator in graph.operators)
        need = code_need(profile(*DOCUMENT["builds"][run["build"]]), operators)
        predicted = need.total.flash + need.messages.flash
        took = run["tflm_bytes"] + run["library_bytes"]
        assert abs(predicted / took - 1) <= 0.05, run
