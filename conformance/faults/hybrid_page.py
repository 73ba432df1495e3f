"""The section about planted faults of dynamic-range models, from the result that is committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conformance.faults.lines import missed_lines, model_lines

RESULTS = Path(__file__).resolve().parents[1] / "results" / "planted_hybrid.json"


def section() -> str:
    """The section as it stands on the page; empty before there is a result."""
    if not RESULTS.is_file():
        return ""
    return written(json.loads(RESULTS.read_text("utf-8")))


def written(result: dict[str, Any]) -> str:
    """The section of one result."""
    trials = result["trials"]
    rows = []
    for fault in dict.fromkeys(t["fault"] for t in trials):
        own = [t for t in trials if t["fault"] == fault]
        accepted = " or ".join(
            f"`{id_}`" for id_ in sorted({i for t in own for i in t["accepted"]})
        )
        models = ", ".join(sorted({t["model"] for t in own}))
        found = sum(t["found"] for t in own)
        rows.append(f"| {fault} | {accepted} | {len(own)} | {found} | {models} |")
    found = sum(t["found"] for t in trials)
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return TEXT.format(
        found=found,
        count=len(trials),
        share=100 * found / len(trials),
        seeds=", ".join(map(str, result["seeds"])),
        twins=sum(t["twin"] for t in trials),
        labels=sum(t["labels"] for t in trials),
        rows="\n".join(rows),
        models=model_lines(result["models"]),
        missed=missed_lines(trials, lambda t: str(t["fault"])),
        versions=versions,
        sources=result["sources"],
    )


TEXT = """
# Planted faults of dynamic-range models

Written by `python -m conformance.faults.planted_hybrid`; do not edit.

Float models are quantized as TensorFlow's converter does it (int8 weights around zero by output
channel, or with one scale; data at run time), and given one fault. The float model that the
debugger may have computes what the faulty one should, so that only quantizing can be what loses. A
trial counts as **found** as above.

Found: **{found} of {count}** ({share:.1f} %), seeds {seeds}; with the float model in {twins}
trials, with labels in {labels}. Made with {versions}; sources {sources}.

| fault | named as | trials | found | models |
|---|---|---|---|---|
{rows}

## Models and data of these

Causes named in one of four healthy forms: by channel or with one scale, with or without the float
model.

{models}

## Not found of these

{missed}
"""
