"""What MLCommons' terms ask of whoever shows MLPerf figures: sources, and the notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conformance.cost.measurements import measurements, mlperf_rows

RETRIEVED: Final = "1 December 2026"
"""When the repositories below were fetched, and the latencies used compared with them."""
COMMITS: Final = {
    "v0.5": "d75aef6",
    "v0.7": "64623f4",
    "v1.0": "c7761cf",
    "v1.1": "c32ef94",
    "v1.2": "cadb362",
    "v1.3": "cd605ea",
}
"""The state of each round's repository, `github.com/mlcommons/tiny_results_VERSION`."""
IDS: Final = {
    ("v1.2", "Renesas", "EK-RA8D1"): "1.2-0002",
    ("v1.2", "STMicroelectronics", "NUCLEO-H7A3ZI-Q"): "1.2-0003",
    ("v1.2", "STMicroelectronics", "NUCLEO-L4R5ZI"): "1.2-0004",
    ("v1.2", "STMicroelectronics", "NUCLEO-U575ZI-Q"): "1.2-0005",
    ("v1.2", "bosch", "CY8CPROTO-062-4343W"): "1.2-0007",
    ("v1.2", "bosch", "DISCO-F746NG"): "1.2-0008",
    ("v1.2", "bosch", "NUCLEO-G0B1RE"): "1.2-0009",
    ("v1.2", "bosch", "NUCLEO-H7A3ZI"): "1.2-0010",
    ("v1.2", "bosch", "NUCLEO-L4R5ZI"): "1.2-0011",
    ("v1.2", "bosch", "NUCLEO-U575ZI-Q"): "1.2-0012",
}
"""Result IDs by version, submitter and board: of the final report in round v1.2's repository."""


def notice() -> Sequence[str]:
    """Return the lines that stand wherever figures come from MLPerf's."""
    rounds = ", ".join(f"{version} ({commit})" for version, commit in COMMITS.items())
    return (
        "MLPerf Tiny results, closed division: latencies and energies of single-stream inference, "
        "as submitted,",
        f"retrieved {RETRIEVED} from `github.com/mlcommons/tiny_results_VERSION`; versions:",
        f"{rounds}.",
        "The table of [sources](latency.md#sources) names submitter, system, version, division and "
        "result ID of each.",
        "Only round v1.2's repository holds the IDs; of other rounds the path of the published log "
        "in the",
        "repository stands for it. What is computed from them here (cycles, estimates, errors) is "
        "not an MLPerf",
        "result and was not verified by MLCommons Association.",
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
    systems: dict[tuple[str, ...], list[str]] = {}
    for row in mlperf_rows():
        if row["source_path"] in used:
            told = ("round", "division", "submitter", "system", "runtime", "board")
            key = tuple(row[name] for name in told)
            systems.setdefault(key, []).append(row["source_path"])
    lines = [
        "| version | division | submitter | system | result ID | software | results |",
        "|---|---|---|---|---|---|---|",
    ]
    for (version, division, submitter, system, runtime, board), paths in systems.items():
        known = IDS.get((version, submitter, board), "-")
        lines.append(
            f"| {version} | {division} | {submitter} | {system} | {known} | {runtime} | "
            f"`{_common(paths)}` |"
        )
    return lines


_ORIGINS: Final = """\
# Where the tables here come from

<!-- written by python -m conformance.cost.fit -->

- `mlperf_tiny.csv`: latencies and energies as submitted to MLPerf Tiny; `round` is the version, and
  `division`, `submitter`, `system` and `source_path` say whose result it is. Clock, core, runtime
  and class were read from the same repositories.
- `currents.csv`: currents of chips with their sources. Those of `tiny_results_VERSION` are computed
  from MLPerf Tiny's power figures.
- `on_device.jsonl`: the mcufit-bench project's, commit 88f8d23, MIT.
- `work.json`: computed from the models' files.

{notice}

| version | submitter | board | result ID |
|---|---|---|---|
{ids}
"""


def origins() -> str:
    """Return the page that stands beside the tables."""
    lines = [
        f"| {version} | {who} | {board} | {own} |" for (version, who, board), own in IDS.items()
    ]
    text = "\n".join(notice()).replace("(latency.md#sources)", "(../../docs/latency.md#sources)")
    return _ORIGINS.format(notice=text, ids="\n".join(lines))


def _common(paths: Sequence[str]) -> str:
    """Where a system's results stand: the folder they share, and their names in it."""
    parts = [path.split("/") for path in paths]
    shared = 0
    while len({tuple(part[: shared + 1]) for part in parts}) == 1 and shared < len(parts[0]) - 2:
        shared += 1
    tasks = ",".join(dict.fromkeys(part[shared] for part in parts))
    folder = "/".join(parts[0][:shared])
    return f"{folder}/{{{tasks}}}" if len(paths) > 1 else paths[0]
