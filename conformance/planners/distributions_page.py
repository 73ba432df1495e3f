"""The page on TFLM's distributions, from the committed results and the distributions' data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from refinterp.tflm.distributions import DISTRIBUTIONS
from refinterp.tflm.targets import profile
from refinterp.tflm.versions import OTHER, Version

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "conformance" / "results" / "distributions.json"
Row = Mapping[str, Any]

WRONG: Final[Mapping[str, tuple[str, ...]]] = {
    "chirale-2.0.0": (
        "CONV_2D and DEPTHWISE_CONV_2D without a bias, and convolutions of uint8, crash in "
        "AllocateTensors",
        "built without TF_LITE_STATIC_MEMORY: 12 B more for each operator, 32 B more for each "
        "input and output",
        "AVERAGE_POOL_2D and MAX_POOL_2D of int16 are set up and refused as they run",
        "SELECT_V2 of single elements is refused",
    ),
    "arduino": (
        "crashes as chirale-2.0.0, and on TRANSPOSE_CONV of int16 without a bias",
        "built without TF_LITE_STATIC_MEMORY too",
    ),
    "esp-tflite-micro": ("nothing known beside what TFLM itself refuses",),
    "pico-tflmicro": ("TRANSPOSE_CONV of int16 without a bias crashes",),
    "zephyr": (
        "FULLY_CONNECTED with a scale per channel is refused",
        "DEPTHWISE_CONV_2D without a bias, TRANSPOSE_CONV of int16 without one, and depthwise "
        "convolutions of uint8 crash",
    ),
    "edge-impulse": (
        "crashes as arduino; figures are the interpreter's, not those of the EON compiler",
    ),
}
"""What a distribution does wrong; `arena` and `lint --tflm NAME` tell where a model meets it."""


def page_path() -> Path:
    """Where the page is."""
    return ROOT / "docs" / "arena-distributions.md"


def write_page() -> None:
    """Write the page from the results."""
    page_path().write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")


def page(results: Row) -> str:
    """The page's text."""
    chips = results["on_chips"]
    exact = sum(row["refinterp_bytes"] == row["arena_used_bytes"] for row in chips)
    equal = sum(row["equal"] for row in results["counts"].values())
    refused = sum(row["both_refuse"] for row in results["counts"].values())
    differ = sum(
        len(row[kind])
        for row in results["counts"].values()
        for kind in ("off", "only_it_refuses", "only_we_refuse")
    )
    lines = [
        "# TFLM's distributions",
        "",
        "Written by `python -m conformance.planners.distributions`; do not edit.",
        "",
        "What people flash is seldom TFLM's own repository: it is a library that took it over at "
        "some date, with structs, kernels and refusals of that date. `arena MODEL --tflm NAME` "
        "counts the bytes of the library; `lint MODEL --tflm NAME` tells what it refuses or "
        "crashes on.",
        "",
        f"{results['date']}: {results['models']} models by {len(results['counts'])} distributions. "
        f"{equal:,} pairs of figures (bytes used, and the smallest arena) are equal to the byte, "
        f"{refused} refusals are shared, {differ} differ. On chips {exact} of {len(chips)} are "
        "equal.",
        "",
        "## On chips",
        "",
        "Bytes used, read from the chip by the [mcufit-bench]"
        "(https://github.com/avionicharshit-byte/mcufit-bench) project (88f8d23); beside it what "
        "mcufit 0.5.2 foretells for the same file and board.",
        "",
        "| chip | model | distribution | chip says | refinterp | off | mcufit | off |",
        "|---|---|---|--:|--:|--:|--:|--:|",
        *(
            f"| {r['chip']} ({r['target']}) | {r['model']} | {r['tflm']} "
            f"| {r['arena_used_bytes']:,} | {r['refinterp_bytes']:,} "
            f"| {r['refinterp_bytes'] - r['arena_used_bytes']:+,} | {r['mcufit_bytes']:,} "
            f"| {r['mcufit_bytes'] - r['arena_used_bytes']:+,} |"
            for r in chips
        ),
        "",
        "## On their own builds",
        "",
        "Each was built from its own sources with arm-none-eabi-gcc 12.2.1 and run under "
        "qemu-system-arm. The figures are committed (`tests/tflm/distributions.json`), the models "
        "are not. *Equal*: both figures of a model. *Refused*: by both.",
        "",
        "| distribution | commit | of | build | equal | off | refused | by it | by us alone |",
        "|---|---|---|---|--:|--:|--:|--:|--:|",
        *(_row(version, results["counts"][version.name]) for version in DISTRIBUTIONS),
        "",
        "## What they do otherwise",
        "",
    ]
    for version in DISTRIBUTIONS:
        lines += [
            f"- **{version.name}** ({version.source}): {'; '.join(WRONG[version.name])}. "
            f"Lacks {_lacks(version)}. {_other_builds(version)}",
        ]
    lines += [
        "",
        "## One that is not among these",
        "",
        f"`--tflm {OTHER}` runs all of them, and TFLM's own build, on the model: the figure is "
        "TFLM's and a margin, the most that a known one needs beyond it. So it is never below a "
        "known one; it is no promise about one that nobody has looked at.",
        "",
        "## Zephyr's own build files",
        "",
        "The figures of `zephyr` were measured with TF_LITE_STATIC_MEMORY defined. Zephyr's own "
        "build files leave it undefined, and then TfLiteTensor has 64 B in place of 32 and "
        "NodeAndRegistration 44 in place of 32. That build was run too, on 320 models "
        "(`tests/tflm/zephyr_build.json`): bytes used are equal on all 309 that it takes, the "
        "smallest arena on all but one, where it is said 16 B too large, and 11 are refused by "
        "both. `--tflm zephyr-build`, which boards with Zephyr have, counts with those; "
        "`--tflm zephyr` tells of the difference (`as_built` in the document), and limits hold for "
        "the larger figure.",
        "",
        "## Real models",
        "",
        "The smallest arena in bytes; - where it is refused.",
        "",
        "| model | " + " | ".join(v.name for v in DISTRIBUTIONS) + " |",
        "|---|" + "--:|" * len(DISTRIBUTIONS),
        *(
            f"| {row['model']} | "
            + " | ".join(_least(row["figures"][v.name]) for v in DISTRIBUTIONS)
            + " |"
            for row in results["real"]
        ),
        "",
    ]
    return "\n".join(lines)


def _row(version: Version, row: Row) -> str:
    where = profile(tflm=version.name)
    return (
        f"| {version.name} | {version.commit[:9]} | {version.date} "
        f"| {where.target.name}, {where.kernels.name} | {row['equal']} | {len(row['off'])} "
        f"| {row['both_refuse']} | {len(row['only_it_refuses'])} | {len(row['only_we_refuse'])} |"
    )


def _lacks(version: Version) -> str:
    signal = [name for name in version.lacks if name.startswith("Signal")]
    named = sorted(name for name in version.lacks if name not in signal)
    if signal:
        named.append("the signal library")
    return ", ".join(named) if named else "no kernel that TFLM has"


def _other_builds(version: Version) -> str:
    derived = [f"{b.target} with {b.kernels}" for b in version.builds if not b.measured]
    return f"Derived, not measured: {', '.join(derived)}."


def _least(figure: list[int] | None) -> str:
    return "-" if figure is None else f"{figure[1]:,}"
