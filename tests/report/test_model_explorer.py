"""Node data for Model Explorer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.debug.compare import debug
from refinterp.graph.build import GraphBuilder
from refinterp.report.model_explorer import METRICS, node_data
from refinterp.samples.samples import Samples
from tests.corpus import ROOT

DATA = ROOT / "refinterp" / "data"


def test_a_file_per_metric(tmp_path, capsys):
    """The file asked for holds RMSE/scale by output tensor; the other metrics lie beside it."""
    target = tmp_path / "nodes.json"
    words = [
        "debug",
        str(DATA / "digits_int8.tflite"),
        "--float",
        str(DATA / "digits_float.tflite"),
    ]
    words += ["--data", str(DATA / "digits_samples.npz"), "--limit", "4", "--json"]
    assert main([*words, "--model-explorer", str(target)]) == 0
    document = json.loads(capsys.readouterr().out)
    first, *others = METRICS
    paths = {first: target, **{m: tmp_path / f"nodes_{m}.json" for m in others}}
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())
    for metric, path in paths.items():
        content = json.loads(path.read_text("utf-8"))
        assert list(content) == ["main"]
        stops = [stop["stop"] for stop in content["main"]["gradient"]]
        assert (stops[0], stops[-1]) == (0, 1)
        side = "accumulated" if metric.startswith("accumulated_") else "local"
        figure = metric.removeprefix("accumulated_")
        expected = {
            layer["name"]: layer[figure] if figure in layer else layer[side][figure]
            for layer in document["layers"]
        }
        results = content["main"]["results"]
        assert {name: one["value"] for name, one in results.items()} == expected


@pytest.mark.parametrize(
    "names", [("same", "same"), ("", "other"), ("7", "other"), ("\udcff", "other")]
)
def test_tensors_without_a_name_of_their_own_go_by_operator(names):
    """Where a name is empty, shared, no text, or looks like an id, the node's id is the key."""
    g = GraphBuilder()
    at = g.input("x", (1, 4), "int8", scale=0.5)
    for name in names:
        after = g.tensor(name, (1, 4), "int8", scale=0.25)
        g.operator("RELU", [at], [after])
        at = after
    data = np.ones((1, 1, 4), np.float32)
    report = debug(g.build(outputs=[at]), Samples(1, lambda i: (data[i],), "test"))
    keys = set(node_data(report, "rmse_over_scale", "graph")["graph"]["results"])
    assert keys == ({"0", "1"} if names[0] == names[1] else {"0", "other"})


def test_figures_that_are_no_numbers_are_left_out():
    """A layer that loses nothing has no SQNR that the format could hold."""
    g = GraphBuilder()
    x = g.input("x", (1, 4), "int8", scale=0.5)
    y = g.tensor("y", (4,), "int8", scale=0.5)
    g.operator("RESHAPE", [x, g.constant("shape", np.array([4], np.int32))], [y])
    data = np.ones((1, 1, 4), np.int8)
    report = debug(g.build(outputs=[y]), Samples(1, lambda i: (data[i],), "test"))
    assert node_data(report, "sqnr_db")["main"]["results"] == {}
    assert node_data(report, "rmse_over_scale")["main"]["results"] == {"y": {"value": 0.0}}
