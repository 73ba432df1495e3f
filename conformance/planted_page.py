"""The page about planted faults, from the result that is committed."""

from __future__ import annotations

from typing import Any

from conformance.planted_hybrid_page import section
from conformance.planted_plants import FAULTS


def page(result: dict[str, Any]) -> str:
    rows = []
    trials = result["trials"]
    for fault in FAULTS:
        own = [t for t in trials if t["fault"] == fault.id]
        if own:
            found, ranked, named, alone = (
                sum(bool(t[k]) if k != "others" else not t[k] for t in own)
                for k in ("found", "ranked", "named", "others")
            )
            again = result["drawn_again"].get(fault.id, 0)
            models = ", ".join(sorted({t["model"] for t in own}))
            rows.append(
                f"| `{fault.id}` | {len(own)} | {found} | {ranked} | {named} | {alone} | {again} | "
                f"{models} |"
            )
    total = sum(t["found"] for t in trials)
    missed = [
        f"- `{t['fault']}` in {t['model']}, operator {t['expected']} ({t['detail']}; "
        f"{'with' if t['twin'] else 'without'} the float model): first was operator {t['first']} "
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
        rows="\n".join(rows),
        missed="\n".join(missed) or "None.",
        models=models,
        seed=result["seed"],
        again=sum(result["drawn_again"].values()),
    )
    return whole + section()


PAGE_TEXT = """# Planted faults

Written by `python -m conformance.planted_faults`; do not edit.

A healthy model is given one fault at a random layer, and the debugger is asked for it. A trial
counts as **found** when that layer is ranked **first**, the fault is **named** among its causes,
and no layer has a cause of another name (**alone**) that does not follow from another cause.
Faults that changed no output were drawn again ({again} times); a model that can no longer be run
counts as changed, and the debugger has only its file to go by.

Found: **{total} of {count}** ({share:.1f} %), seed {seed}. The debugger had the float model in
about half of the trials, and in all where the cause needs it.

| cause | trials | found | first | named | alone | drawn again | models |
|---|---|---|---|---|---|---|---|
{rows}

## Models and data

{models}

## Not found

{missed}
"""
