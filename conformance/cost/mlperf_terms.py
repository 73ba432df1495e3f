"""What MLCommons' terms ask of whoever shows MLPerf figures: sources, and the notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conformance.cost.measurements import measurements, mlperf_rows

RETRIEVED: Final = "23 November 2026"
"""When the results were taken from the repositories below."""


def notice() -> Sequence[str]:
    """Return the lines that stand wherever figures come from MLPerf's."""
    return (
        "MLPerf Tiny results, closed division, rounds v0.5, v0.7, v1.0, v1.1, v1.2 and v1.3: "
        f"retrieved {RETRIEVED}",
        "from `github.com/mlcommons/tiny_results_v0.5` … `tiny_results_v1.3`. The table names "
        "submitter, system,",
        "version and division of each; its result is identified by the path in that repository, "
        "which is where the",
        "published logs stand (the repositories hold no entry numbers; those of the results table "
        "at mlcommons.org",
        "could not be retrieved). Latencies and energies are as submitted there. What is computed "
        "from them here",
        "(cycles, estimates, errors) is not an MLPerf result and was not verified by MLCommons "
        "Association.",
        "",
        "The MLPerf name and logo are registered and unregistered trademarks of MLCommons "
        "Association in the United",
        "States and other countries. All rights reserved. Unauthorized use strictly prohibited. "
        "See www.mlcommons.org",
        "for more information.",
    )


def sources_table() -> Sequence[str]:
    """Return the systems that the fit uses, each with what the terms ask for."""
    used = {
        source.removeprefix("MLPerf Tiny ").partition(", ")[2]
        for row in measurements()
        for source in row.source.split("; ")
        if source.startswith("MLPerf Tiny ")
    }
    systems: dict[tuple[str, str, str, str, str], list[str]] = {}
    for row in mlperf_rows():
        if row["source_path"] in used:
            key = row["round"], row["division"], row["submitter"], row["system"], row["runtime"]
            systems.setdefault(key, []).append(row["source_path"])
    lines = [
        "| version | division | submitter | system | software | results |",
        "|---|---|---|---|---|---|",
    ]
    for (version, division, submitter, system, runtime), paths in systems.items():
        lines.append(
            f"| {version} | {division} | {submitter} | {system} | {runtime} | `{_common(paths)}` |"
        )
    return lines


def _common(paths: Sequence[str]) -> str:
    """Where a system's results stand: the folder they share, and their names in it."""
    parts = [path.split("/") for path in paths]
    shared = 0
    while len({tuple(part[: shared + 1]) for part in parts}) == 1 and shared < len(parts[0]) - 2:
        shared += 1
    tasks = ",".join(dict.fromkeys(part[shared] for part in parts))
    folder = "/".join(parts[0][:shared])
    return f"{folder}/{{{tasks}}}" if len(paths) > 1 else paths[0]
