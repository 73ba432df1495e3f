"""The operator matrix: every kernel against every oracle, on random models.

    python -m conformance.operators.matrix         cells whose sources changed since they were run
    python -m conformance.operators.matrix --all   every cell: half an hour on two cores

Results go to `refinterp/evidence/operator_matrix.json`, which `refinterp ops` prints and from which
`docs/operators.md` is written. Each row carries the seed and a hash of the sources it speaks of,
the file the versions.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

from conformance.operators.cases import load_all as load_generators
from conformance.operators.known_proof import Runtimes
from conformance.operators.run import FLAVOURS, run_cell
from conformance.rows_file import write_rows
from conformance.sources import hash_of, modules_naming
from refinterp.kernels.registry import load_all as load_kernels

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "refinterp" / "evidence" / "operator_matrix.json"
PAGE = ROOT / "docs" / "operators.md"
ORACLES = ("runtime:litert-reference", "runtime:litert-optimized", "runtime:tflm")
LITERT_OPTIMIZED = "runtime:litert-optimized"

Cell = tuple[str, str, str]
Row = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run cells, write the results and the page; exit 1 if an element differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="run every cell, changed or not")
    parser.add_argument("--operator", action="append", help="only these (repeatable)")
    parser.add_argument("--cases", type=int, default=500, help="accepted cases per cell")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(argv)
    rows = {_cell(row): row for row in read_rows()}
    wanted = [
        cell for cell in cells()
        if (not options.operator or cell[0] in options.operator)
        and (options.all or not current(rows.get(cell), options.cases))
    ]  # fmt: skip
    for stale in rows.keys() - set(cells()):
        del rows[stale]
    done = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, cell, options.cases, options.seed) for cell in wanted]
        for job in as_completed(jobs):
            row = job.result()
            rows[_cell(row)] = row
            done += 1
            if row["differing"] or row["died"] or done % 25 == 0 or done == len(wanted):
                print(f"{done} of {len(wanted)}: {summary(row)}", flush=True)
                for failure in row["failures"]:
                    print(f"    {failure}")
            if done % 25 == 0:
                write(rows)
    write(rows)
    return int(any(row["differing"] for row in rows.values()))


def cells() -> list[Cell]:
    """Every (operator, dtype, oracle) that is to have a row."""
    return [(*key, oracle) for key in sorted(load_generators()) for oracle in ORACLES]


def current(row: Mapping[str, Any] | None, cases: int) -> bool:
    """Whether a row speaks of the present sources, and of enough cases."""
    if row is None:
        return False
    enough = row["cases"] + row["died"] >= cases or row["refused"] > 0 or row["undefined"] > 0
    if row["oracle"] == LITERT_OPTIMIZED and not row["cases"]:
        enough = True  # the reference resolver has the operator
    return bool(enough and row["sources"] == sources_of(row["operator"], row["dtype"]))


def sources_of(operator: str, dtype: str) -> str:
    """The hash of what a cell's kernel, and the files that register it, compute with."""
    entry = load_kernels().get((operator, dtype))
    if entry is None:
        return ""
    return hash_of(entry.kernel.__module__, *modules_naming(operator))


@cache
def _runtimes() -> Runtimes:
    """The runtimes of this process, for all the cells it runs."""
    runtimes = Runtimes()
    atexit.register(runtimes.__exit__)
    return runtimes


def run(cell: Cell, cases: int, seed: int) -> Row:
    """Run one cell, in one of the pool's processes."""
    operator, dtype, oracle = cell
    tally = run_cell(operator, dtype, oracle, cases, seed, _runtimes())
    return {
        "operator": operator,
        "dtype": dtype,
        "oracle": oracle,
        "flavour": FLAVOURS[oracle],
        "cases": tally.cases,
        "elements": tally.elements + tally.float_elements,
        "differing": tally.differing,
        "largest": tally.largest,
        "refused": tally.refused,
        "died": tally.died,
        "undefined": tally.undefined,
        "held_against": tally.held_against,
        "failures": [failure[:200] for failure in tally.failures[: 3 if tally.differing else 1]],
        "seed": seed,
        "sources": sources_of(operator, dtype),
    }


def summary(row: Row) -> str:
    """One line of a row."""
    return (
        f"{row['operator']} {row['dtype']} against {row['oracle']}: {row['cases']} cases, "
        f"{row['elements']} elements, {row['differing']} differing, {row['died']} died"
    )


_DEFAULTS: Row = {
    "cases": 0, "elements": 0, "differing": 0, "largest": 0.0, "refused": 0, "died": 0,
    "undefined": 0, "held_against": "", "failures": [],
}  # fmt: skip
"""What a row in the file leaves out: most cells have nothing to tell there."""


def read_rows() -> list[Row]:
    """The committed rows."""
    return rows_of(json.loads(RESULTS.read_text("utf-8"))) if RESULTS.exists() else []


def rows_of(results: Mapping[str, Any]) -> list[Row]:
    """The rows of a results file, whole, their fields in the file's order."""
    return [row | _DEFAULTS | row for row in results["rows"]]


def _brief(row: Row) -> Row:
    """A row as the file has it."""
    telling = row["differing"] or row["died"]
    brief = {k: v for k, v in row.items() if k not in _DEFAULTS or v != _DEFAULTS[k]}
    if not telling:
        brief.pop("failures", None)
    return brief


def write(rows: Mapping[Cell, Row]) -> None:
    """Write the results file and the page."""
    document = write_rows(RESULTS, (_brief(rows[cell]) for cell in sorted(rows)))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(document), "utf-8")


def page(results: Mapping[str, Any]) -> str:
    """The page of results, from the results file alone."""
    rows = rows_of(results)
    ran = [row for row in rows if row["cases"]]
    total = {key: sum(row[key] for row in ran) for key in ("cases", "elements", "differing")}
    lines = [
        "# Operators, and what they were held against",
        "",
        "Written by `python -m conformance.operators.matrix`; do not edit. Random one-operator",
        "models, every tensor compared: LiteRT's reference kernels (its optimised ones where the",
        "reference resolver lacks the operator) under flavour `litert-reference`, the TFLM wheel",
        "under `tflm`. Integers must be equal; floats may differ by rounding, within the bound",
        "each generator states. *refused*: the runtime does not take the type. *died*: cases on",
        "which the runtime's process ended. *known*: the runtime is wrong on all models of the",
        "cell, which were held against the oracle named instead: see",
        "[known differences](known-differences.md).",
        "",
        f"{len(ran)} cells, {total['cases']:,} cases, {total['elements']:,} elements, "
        f"{total['differing']:,} differing. "
        + ", ".join(f"{name} {number}" for name, number in results["versions"].items())
        + ".",
        "",
        "| operator | type | oracle | cases | elements | differing | largest | died |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        oracle = row["oracle"].split(":")[1]
        if row["held_against"]:
            oracle += f" (*known*: {row['held_against']})"
        cell = f"| {row['operator']} | {row['dtype']} | {oracle} "
        if not row["cases"]:
            if row["oracle"] != LITERT_OPTIMIZED:
                lines.append(cell + "| refused | | | | |")
            continue
        lines.append(
            cell + f"| {row['cases']} | {row['elements']:,} | {row['differing']} "
            f"| {row['largest']:.3g} | {row['died'] or ''} |"
        )
    return "\n".join(lines) + "\n"


def _cell(row: Row) -> Cell:
    return row["operator"], row["dtype"], row["oracle"]


if __name__ == "__main__":
    sys.exit(main())
