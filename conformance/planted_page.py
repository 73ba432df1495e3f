"""The page about planted faults, from the result that is committed."""

from __future__ import annotations

from typing import Any

from conformance.planted_hybrid_page import section
from conformance.planted_kinds import FAULTS


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
    missed = [
        f"- `{t['fault']}`{': ' * bool(t['kind'])}{t['kind']} in {t['model']}, operator "
        f"{t['expected']} ({t['detail']}; "
        f"{'with' if t['twin'] else 'without'} the float model, "
        f"{'with' if t['labels'] else 'without'} labels): first was operator {t['first']} "
        f"with {', '.join(t['causes']) or 'no cause'}"
        + (f"; also named: {', '.join(t['others'])}" if t["others"] else "")
        for t in trials
        if not t["found"]
    ]
    models = "\n".join(
        f"- {name}: {about['samples']}; causes before anything is planted: "
        + (", ".join(f"{id_} at {op}" for op, id_ in about["healthy_causes"]) or "none")
        for name, about in result["models"].items()
    )
    whole = PAGE_TEXT.format(
        total=total,
        count=len(trials),
        share=100 * total / len(trials),
        twin=sum(t["twin"] for t in trials),
        labels=sum(t["labels"] for t in trials),
        rows="\n".join(rows),
        missed="\n".join(missed) or "None.",
        models=models,
        seed=result["seed"],
        again=sum(t["drawn_again"] for t in trials),
    )
    return whole + section()


PAGE_TEXT = """# Planted faults

Written by `python -m conformance.planted_faults`; do not edit.

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
