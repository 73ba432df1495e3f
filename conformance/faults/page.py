"""The page about planted faults, from the result that is committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.faults.hybrid_page import section
from conformance.faults.kinds import FAULTS
from conformance.faults.lines import missed_lines, model_lines


def page(result: dict[str, Any]) -> str:
    rows = []
    trials = result["trials"]
    for fault in FAULTS:
        own = [t for t in trials if (t["fault"], t["kind"]) == (fault.id, fault.kind)]
        if own:
            found, ranked, named, alone = (
                sum(bool(t[k]) if k != "others" else not t[k] for t in own)
                for k in ("found", "ranked", "named", "others")
            )
            again = sum(t["drawn_again"] for t in own)
            models = ", ".join(sorted({t["model"] for t in own}))
            rows.append(
                f"| {fault.name} | {len(own)} | {found} | {ranked} | {named} | {alone} | {again} | "
                f"{models} |"
            )
    total = sum(t["found"] for t in trials)
    whole = PAGE_TEXT.format(
        total=total,
        count=len(trials),
        share=100 * total / len(trials),
        twin=sum(t["twin"] for t in trials),
        labels=sum(t["labels"] for t in trials),
        rows="\n".join(rows),
        missed=missed_lines(trials, _named),
        models=model_lines(result["models"]),
        seed=result["seed"],
        again=sum(t["drawn_again"] for t in trials),
    )
    return whole + section()


def _named(trial: Mapping[str, Any]) -> str:
    kind = f": {trial['kind']}" if trial["kind"] else ""
    return f"`{trial['fault']}`{kind}"


PAGE_TEXT = """# Planted faults

Written by `python -m conformance.faults.planted`; do not edit.

A healthy model is given one fault at a random layer, and the debugger is asked for it. A trial
counts as **found** when that layer is ranked **first**, the fault is **named** among its causes,
and no layer has a cause of another name (**alone**) that does not follow from another cause. Causes
that the healthy model has on this data are left out on both sides. Faults that changed no output
were drawn again ({again} times); a model that can no longer be run counts as changed, and the
debugger has only its file to go by.

Where two faults are planted, the larger one must be named beside the smaller. Boxes beside scores
must also fail the gate (`--fail-under`) for the scores' columns. Wrong labels are no layer's fault:
there must be no cause, and the remark that both models are wrong.

Found: **{total} of {count}** ({share:.1f} %), seed {seed}. The debugger had the float model in
{twin} trials (in all where the cause needs it), and labels, those that the float model gives the
data, in {labels}.

| cause, and what is planted | trials | found | first | named | alone | drawn again | models |
|---|---|---|---|---|---|---|---|
{rows}

## Models and data

{models}

## Not found

{missed}
"""
