from __future__ import annotations

import json

import pytest

from refinterp.arena.residents import Scratch
from refinterp.arena.tensor_plan import plan_model
from refinterp.modelfile.reader import read_model
from tests.corpus import corpus

BUILDS = [
    "x86_64_ref",
    "cm4_ref",
    "cm4_ref_intenum",
    "cm3_cmsis",
    "cm4_cmsis",
    "cm4_cmsis_size",
    "cm55_cmsis",
    "cm55_cmsis_size",
]


@pytest.mark.parametrize("build", BUILDS)
def test_every_plan_is_tflms(build: str) -> None:
    """Order, sizes, lifetimes and offsets of every buffer TFLM planned on this build, 0 off."""
    folder = corpus()
    figures = json.loads((folder / "tflm_arena.json").read_text())[build]
    measured = {name: figure for name, figure in figures.items() if "plan" in figure}
    differing = []
    for name, figure in measured.items():
        path = folder / name
        model = read_model(path if path.exists() else folder / "models" / name)
        asked = [Scratch(s["subgraph"], s["node"], s["size"]) for s in figure["scratch"]]
        plan = plan_model(model, scratch=asked)
        got = [(b.offset, b.size, b.first_use, b.last_use) for b in plan.buffers]
        want = [(b["offset"], b["size"], b["first_use"], b["last_use"]) for b in figure["plan"]]
        if got != want or plan.head_bytes != figure["head_reserved"]:
            differing.append(name)
    assert len(measured) > 200
    assert differing == []
