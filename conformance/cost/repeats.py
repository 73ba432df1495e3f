"""Pairs of submissions of one runtime on one chip: how far the same is from the same."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.cost.measurements import chip_of, mlperf_rows
from conformance.cost.mlperf_terms import IDS


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """Two systems with one chip, clock and runtime.

    first, second: a row of each, for what it is called. ratios: model → second over first.
    """

    first: Mapping[str, str]
    second: Mapping[str, str]
    ratios: Mapping[str, float]


def repeats() -> list[Repeat]:
    """Return every pair of systems that gives the same runtime's text, on one chip at one clock."""
    systems: dict[tuple[str, ...], dict[str, Mapping[str, str]]] = {}
    for row in mlperf_rows():
        chip = chip_of(row["board"])
        if chip and row["latency_ms"] and row["calibration_class"][:2] in ("A_", "B_", "C_"):
            runtime = row["runtime"].removesuffix(".0")
            key = (chip, row["clock_mhz"], runtime, row["round"], row["submitter"], row["system"])
            systems.setdefault(key, {})[row["model"]] = row
    found = []
    for (one, first), (other, second) in itertools.combinations(systems.items(), 2):
        shared = sorted(first.keys() & second.keys())
        if one[:3] == other[:3] and shared:
            ratios = {
                model: float(second[model]["latency_ms"]) / float(first[model]["latency_ms"])
                for model in shared
            }
            found.append(Repeat(first[shared[0]], second[shared[0]], ratios))
    return found


def repeats_table() -> Sequence[str]:
    """Return them as a table, each system with what MLPerf's terms ask for."""
    models = ("ad", "ic", "kws", "vww")
    lines = [
        f"| runtime | system | and again | {' | '.join(models)} |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for one in repeats():
        cells = [f"{100 * (one.ratios[m] - 1):+.1f} %" if m in one.ratios else "-" for m in models]
        lines.append(
            f"| {one.first['runtime']} | {_named(one.first)} | {_named(one.second)} | "
            f"{' | '.join(cells)} |"
        )
    return lines


def _named(row: Mapping[str, str]) -> str:
    known = IDS.get((row["round"], row["submitter"], row["board"]), "no ID")
    return f"{row['round']} {row['division']}, {row['submitter']}, {row['system']} ({known})"
