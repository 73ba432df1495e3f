"""The page of benchmarks, from the committed results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.speed.curves import WorkCurve, drawing
from refinterp.report.bench_table import duration

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
_COLUMNS = {
    "runtime:litert-reference": "LiteRT reference",
    "runtime:litert-optimized": "LiteRT optimised",
    "runtime:litert": "LiteRT (XNNPACK)",
    "runtime:tflm": "TFLM wheel",
}


def write_page() -> None:
    """Write the page, and a drawing for each group of curves, from what results there are."""
    PAGE.parent.mkdir(exist_ok=True)
    timed, curves = _results("benchmark"), _results("scaling")
    parts = ["# Benchmarks", "", *(_table_part(timed) if timed else [])]
    if timed and "opening" in timed:
        parts += _opening_part(timed["opening"])
    if curves:
        parts += _curve_part(curves)
        parts += _threads_part(curves["threads"])
        for name, text in drawings(curves).items():
            (PAGE.parent / name).write_text(text, "utf-8")
    PAGE.write_text("\n".join(parts), "utf-8")


def _results(name: str) -> Any:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _where(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    return (
        f"{results['date']}, {machine['processor']} ({machine['cores']} cores), "
        f"{machine['system']}, Python {machine['python']}, NumPy {machine['numpy']}, "
        f"{machine['blas']}; sources {results['sources']} (kernels, numerics, run)"
    )


def _table_part(results: Mapping[str, Any]) -> list[str]:
    """A table per batch: a line per model, our time and the ratio to each runtime."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [
        "Written by `python -m conformance.speed.benchmark`; do not edit. All run in turns within",
        "one process, one thread each; the times are medians. A ratio is our time divided by the",
        "runtime's, its median over the turns, the quartiles in brackets: below 1 we are faster.",
        "At batch 256 the samples run side by side here and one after the other there; models of",
        "more than 100 MMAC are left out.",
        "",
        f"{_where(results)}; {versions}; {results['clock']} clock.",
        "",
    ]
    for batch in sorted({row["batch"] for row in results["rows"]}):
        rows = [row for row in results["rows"] if row["batch"] == batch]
        lines += [
            f"## {'One sample' if batch == 1 else f'Per sample of {batch}'}",
            "",
            "| model | MMAC | refinterp | " + " | ".join(_COLUMNS.values()) + " |",
            "|---|--:|--:|" + "--:|" * len(_COLUMNS),
        ]
        for name in dict.fromkeys(row["model"] for row in rows):
            own = {row["subject"]: row for row in rows if row["model"] == name}
            ours = own.get("litert-reference", {"status": "refused"})
            time = duration(ours["seconds"]) if ours["status"] == "ran" else ours["status"]
            cells = [_ratio(own.get(subject)) for subject in _COLUMNS]
            macs = next(iter(own.values()))["macs"]
            lines.append(f"| {name} | {macs / 1e6:.3g} | {time} | " + " | ".join(cells) + " |")
        lines.append("")
    return lines


def _opening_part(opening: Mapping[str, Any]) -> list[str]:
    """A line per model: the time to the first result, beside LiteRT's and beside our later runs."""
    lines = [
        "## Open to first result",
        "",
        "From a model's path to its first result: construct, allocate, invoke once; modules",
        "imported, one thread. Opened in turns with LiteRT's reference kernels in one process; of",
        "each the shortest time counts. What makes a model fast is looked for before the second",
        "run; the third is what later ones are, but for models of a millisecond and less.",
        "",
        "The last two columns are NumPy's share: filters that become floats and are added up,",
        "and the calls of the first run, all reading, checking and deciding done beforehand",
        "(`conformance/speed/floor.py`). Whoever makes these calls does not open in less. The",
        "rest is Python: so much for each table, tensor and operator, however small arrays are.",
        "",
        f"{opening['date']}; sources {opening['sources']}; {opening['clock']} clock.",
        "",
        "| model | refinterp | LiteRT reference | ratio | in steady runs | third in steady "
        "| bare calls | to reference |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in opening["rows"]:
        if row["status"] != "ran":
            lines.append(f"| {row['model']} | {row['status']} | | | | | | |")
            continue
        own, other, steady = row["seconds"], row["reference"], row["steady"]
        lines.append(
            f"| {row['model']} | {duration(own)} | {duration(other)} | {row['ratio']:.2f} | "
            f"{own / steady:.1f} | {row['third'] / steady:.2f} | {_floor(row)} |"
        )
    return [*lines, ""]


def _floor(row: Mapping[str, Any]) -> str:
    """The two columns of bare calls, where these have been measured."""
    if "floor" not in row:
        return " | "
    return f"{duration(row['floor'])} | {row['floor'] / row['reference']:.2f}"


def _ratio(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    if row["status"] != "ran":
        return str(row["status"])
    if row["ratio"] is None:
        return ""
    low, high = row["ratio_quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f}–{high:.2f})"


def _curve_part(results: Mapping[str, Any]) -> list[str]:
    """A drawing and the figures of each curve."""
    lines = [
        "## Cost as work grows",
        "",
        "Written by `python -m conformance.speed.scaling`. The exponent is the slope of the upper",
        "half of a curve on logarithmic axes: 1 is time in proportion, 0 is time that does not",
        "grow.",
        "",
        f"{_where(results)}.",
        "",
    ]
    for curve in results["curves"]:
        lines += [f"### {curve['title']}", "", f"![{curve['title']}]({_file(curve)})", ""]
        if curve["says"]:
            lines += [curve["says"], ""]
        lines += [f"Exponent {curve['exponent']:.2f}.", "", f"| {curve['x']} | time |", "|--:|--:|"]
        lines += [f"| {x:,} | {duration(y)} |" for x, y in curve["points"]]
        lines.append("")
    return lines


def _threads_part(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of times by threads."""
    counts = sorted({row["threads"] for row in rows})
    heads = " | ".join(f"{count} thread(s)" for count in counts)
    lines = [
        "## BLAS threads",
        "",
        "One 3 x 3 int8 convolution; only its matrix products are divided among threads, and what",
        "they come to is the same. `run --workers N` and `debug --workers N` divide samples among",
        "processes instead.",
        "",
        f"| image | channels | MMAC | {heads} |",
        "|--:|--:|--:|" + "--:|" * len(counts),
    ]
    for size in dict.fromkeys((row["side"], row["channels"], row["macs"]) for row in rows):
        times = [
            duration(row["seconds"])
            for row in rows
            if (row["side"], row["channels"], row["macs"]) == size
        ]
        side, channels, macs = size
        lines.append(f"| {side} x {side} | {channels} | {macs / 1e6:.3g} | {' | '.join(times)} |")
    return [*lines, ""]


def drawings(results: Mapping[str, Any]) -> dict[str, str]:
    """File name → SVG of each curve."""
    return {_file(c): drawing(_curve(c)) for c in results["curves"]}


def _curve(fields: Mapping[str, Any]) -> WorkCurve:
    points: Sequence[tuple[float, float]] = [(x, y) for x, y in fields["points"]]
    return WorkCurve(fields["name"], fields["title"], fields["x"], tuple(points), fields["says"])


def _file(curve: Mapping[str, Any]) -> str:
    return f"scaling-{curve['name']}.svg"
