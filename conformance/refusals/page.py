"""The results of the disturbed models, and the page that is written from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.refusals.trial import DisturbedTrial, RefusalCell
from conformance.rows_file import write_rows
from conformance.sources import hash_of
from refinterp.verdicts.table import rule_for

Row = dict[str, Any]
Key = tuple[str, str]

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "disturbed.json"
PAGE = ROOT / "docs" / "refusals.md"
LEAST = 0.95
"""The agreement below which an operator is named at the top of the page."""


def sources(operator: str, runtime: str) -> str:
    """The hash of an operator's rule and what it is made of."""
    rule = rule_for(runtime, operator)
    module = rule.__module__ if rule else "refinterp.verdicts.inventory"
    return hash_of(module, watched=("verdicts",))


def row_of(cell: RefusalCell, seed: int) -> Row:
    """What is kept of a cell: counts, and every model on which the table is wrong."""
    return {
        "operator": cell.operator,
        "runtime": cell.runtime,
        "models": len(cell.trials),
        "refused": sum(t.theirs != "runs" for t in cell.trials),
        "aborted": sum(t.theirs == "aborts" for t in cell.trials),
        "agreed": sum(t.judged_agrees for t in cell.trials),
        "ours_agreed": sum(t.agrees for t in cell.trials),
        "exceptions": [_exception(t) for t in cell.trials if not t.judged_agrees],
        "stricter": dict(Counter(t.field for t in cell.trials if t.judged_agrees and not t.agrees)),
        "seed": seed,
        "sources": sources(cell.operator, cell.runtime),
    }


def _exception(trial: DisturbedTrial) -> Row:
    why = trial.theirs_why or trial.judged_why
    return {
        "case": trial.index,
        "type": trial.dtype,
        "field": trial.field,
        "what": trial.what[:80],
        "theirs": trial.theirs,
        "table": trial.judged,
        "why": why.split("Node number")[0].split("\n")[0][:120],
    }


def read_rows() -> list[Row]:
    """The committed rows."""
    if not RESULTS.exists():
        return []
    rows: list[Row] = json.loads(RESULTS.read_text("utf-8"))["rows"]
    return rows


def write(done: Mapping[Key, Row]) -> None:
    """Put rows into the results file, and write the page; another run may have put in others."""
    rows = [row for row in read_rows() if (row["operator"], row["runtime"]) not in done]
    ordered = sorted([*rows, *done.values()], key=lambda row: (row["operator"], row["runtime"]))
    PAGE.write_text(page(write_rows(RESULTS, ordered)), "utf-8")


def page(results: Mapping[str, Any]) -> str:
    """The page, from the results file alone."""
    rows: list[Row] = results["rows"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [
        "# What runtimes refuse",
        "",
        "Written by `python -m conformance.refusals.run`; do not edit. Models of one operator that",
        "are valid but for one field (a type, a scale, a zero point, a shape, an option, an",
        "operand left out, a constant given at run time, …), run by the installed runtime and",
        "judged by the table of what it refuses (`refinterp/verdicts`), which `inspect`, `lint`,",
        "`run`, `arena` and the drop-in tell. They are drawn so that the runtime refuses about",
        "half of them.",
        "LiteRT is its reference resolver, or its optimized kernels (†) for operators it has no",
        "reference kernel for. *aborted*: the process ended, which counts as refused. *table*: the",
        "share on which the table and the runtime agree. *run*: the same for a run of ours:",
        "refinterp also refuses models that a runtime runs without looking (see below).",
        "",
        f"Seed {rows[0]['seed'] if rows else '?'}; {versions}.",
        "",
        *_totals(rows),
        "",
        "| operator | runtime | models | refused | aborted | table | run |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['operator']} | {_short(row['runtime'])} | {row['models']} "
            f"| {row['refused'] / row['models']:.0%} | {row['aborted'] or ''} "
            f"| {row['agreed'] / row['models']:.1%} | {row['ours_agreed'] / row['models']:.1%} |"
        )
    return "\n".join([*lines, "", *_exceptions(rows), "", *_STRICTER, *_stricter(rows)]) + "\n"


def _short(runtime: str) -> str:
    return {"litert-reference": "litert", "litert-optimized": "litert †"}.get(runtime, runtime)


def _totals(rows: Iterable[Row]) -> list[str]:
    rows = list(rows)
    lines = [
        "| runtime | operators | models | refused | table | run |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    groups = {"litert": ("litert-reference", "litert-optimized"), "tflm": ("tflm",)}
    for name, runtimes in groups.items():
        own = [row for row in rows if row["runtime"] in runtimes]
        models = sum(row["models"] for row in own) or 1
        lines.append(
            f"| {name} | {len(own)} | {models:,} "
            f"| {sum(row['refused'] for row in own) / models:.0%} "
            f"| {sum(row['agreed'] for row in own) / models:.2%} "
            f"| {sum(row['ours_agreed'] for row in own) / models:.2%} |"
        )
    below = [
        f"{row['operator']} ({_short(row['runtime'])}) {row['agreed'] / row['models']:.1%}"
        for row in rows
        if row["agreed"] < LEAST * row["models"]
    ]
    return [*lines, "", f"Below {LEAST:.0%}: {', '.join(below) or 'none'}."]


def _exceptions(rows: Iterable[Row]) -> list[str]:
    """Every model on which the table is wrong."""
    lines = [
        "## Exceptions",
        "",
        "Models on which the table is wrong. Most are cases in which a C runtime does not look:",
        "what it does then (reads beyond a buffer, divides by what it finds there, ends or goes",
        "on) depends on memory, or on the data of the run, and is no property of the model.",
        "",
        "| operator | runtime | type | changed | the runtime | the table |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        for e in row["exceptions"]:
            why = f" ({_cell(e['why'])})" if e["theirs"] != "runs" else ""
            told = f" ({_cell(e['why'])})" if e["theirs"] == "runs" else ""
            lines.append(
                f"| {row['operator']} | {_short(row['runtime'])} | {e['type']} "
                f"| {e['field']}: {_cell(e['what'])} | {e['theirs']}{why} | {e['table']}{told} |"
            )
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("<", "&lt;").strip()


_STRICTER = (
    "## Where refinterp refuses what a runtime runs",
    "",
    "These runtimes run what they do not look at; refinterp refuses it with a sentence that says",
    "what was found and what is allowed, because the result would mean nothing:",
    "",
    "- a tensor of codes without a scale, or with several where the operator takes one: LiteRT",
    "  computes with a scale of 0, TFLM with the first;",
    "- a result of another type than the operator computes: LiteRT ignores what the file says of",
    "  many results, TFLM writes elements of one type into memory laid out for another;",
    "- in TFLM, shapes that do not fit each other: its kernels read and write where they lead;",
    "- operand types that no kernel was written for, a bias of a type that the kernel does not",
    "  read as such, and activations that are none (SIGN_BIT, and TANH outside recurrent",
    "  operators), which both take for no activation;",
    "- an operand or a result more than the operator has, which nobody reads or writes.",
    "",
    "Such models among those above, by what was changed:",
    "",
    "| changed | litert | tflm |",
    "|---|--:|--:|",
)


def _stricter(rows: Sequence[Row]) -> list[str]:
    """How many models a run of ours refuses though table and runtime run them, by the change."""
    totals: dict[str, Counter[str]] = {"litert": Counter(), "tflm": Counter()}
    for row in rows:
        totals["tflm" if row["runtime"] == "tflm" else "litert"].update(row["stricter"])
    fields = totals["litert"] + totals["tflm"]
    return [
        f"| {field} | {totals['litert'][field] or ''} | {totals['tflm'][field] or ''} |"
        for field, _ in sorted(fields.items(), key=lambda one: (-one[1], one[0]))
    ]
