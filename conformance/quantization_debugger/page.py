"""The page on TensorFlow's QuantizationDebugger, from the committed results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "conformance" / "results" / "quantization_debugger.json"
EQUAL = 1e-6  # RMSE/scale: what float32 sums in another order come to
SHOWN = 1e-3  # differences above this are listed
Row = Mapping[str, Any]


def page_path() -> Path:
    """Where the page is."""
    return ROOT / "docs" / "against-quantization-debugger.md"


def write_page() -> None:
    """Write the page from the results."""
    page_path().write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")


def on_reference(layer: Row) -> float:
    """How far both are apart where TensorFlow runs on reference kernels."""
    return abs(layer["refinterp"] - layer["tensorflow_reference"])


def takes_reals(layer: Row) -> bool:
    """Whether both are apart on reference kernels, but not on samples that int8 holds exactly."""
    on_grid = abs(layer["refinterp"] - layer["tensorflow_reference_on_grid"])
    return on_reference(layer) > EQUAL and on_grid <= EQUAL


def comes_in(layer: Row) -> float:
    """The part of a difference that other codes at the layer's inputs make."""
    return float(layer["same_codes_in"] - layer["refinterp"])


def own(layer: Row) -> float:
    """The part of a difference that the layer's own kernels make."""
    return float(layer["tensorflow"] - layer["same_codes_in"])


def cause(layer: Row) -> str:
    """Why a layer's figures differ on the default path."""
    if takes_reals(layer):
        return "its float operator is fed the samples themselves, ours what their int8 codes hold"
    if on_reference(layer) > EQUAL:
        return "not explained"
    share = f"{layer['codes_differing']:.2%} of its codes"
    if abs(own(layer)) > abs(comes_in(layer)):
        return f"its XNNPACK kernel rounds otherwise: {share} differ on equal inputs"
    if abs(own(layer)) > SHOWN:
        return f"other codes come in, and its XNNPACK kernel rounds otherwise: {share} differ"
    return "other codes come in from the XNNPACK layers before it"


def page(results: Row) -> str:
    """The page's text."""
    parts = [
        "# Against TensorFlow's QuantizationDebugger",
        "",
        "Written by `python -m conformance.quantization_debugger.against`; do not edit.",
        "",
        f"{results['model']} (seed {results['seed']}); {results['samples']} samples. "
        + "; ".join(f"{name}: {_versions(v)}" for name, v in results["versions"].items())
        + ".",
        "",
    ]
    return "\n".join([*parts, *_figures(results["figures"]), *_timing(results)])


def _versions(versions: Row) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _figures(figures: Row) -> list[str]:
    layers = figures["layers"]
    equal = [layer for layer in layers if on_reference(layer) <= EQUAL]
    reals = [layer for layer in layers if takes_reals(layer)]
    left = len(layers) - len(equal) - len(reals)
    shown = sorted((one for one in layers if _apart(one) > SHOWN), key=lambda one: -_apart(one))
    small = [layer for layer in layers if _apart(layer) <= SHOWN]
    usual = [layer for layer in layers if abs(own(layer)) <= SHOWN]
    lines = [
        "## Figures",
        "",
        f"{figures['date']}. {len(layers)} layers are in both reports. RMSE/scale:",
        "",
        f"- With LiteRT's reference kernels under the debugger, {len(equal)} of them agree within "
        f"{_most(map(on_reference, equal))}: float sums in another order.",
    ]
    if reals:
        off = max(map(on_reference, reals))
        on = _most(abs(r["refinterp"] - r["tensorflow_reference_on_grid"]) for r in reals)
        lines.append(
            f"- Where the model's input is read ({len(reals)} layer) they are {off:.3f} apart, as "
            "the debugger feeds that float operator the samples and not what int8 holds of them; "
            f"on samples that int8 holds exactly, {on}."
        )
    lines.append(f"- Apart for no reason found: {left}.")
    lines += [
        f"- The debugger's own default runs through XNNPACK, int8 and float. There {len(small)} of "
        f"{len(layers)} agree within {_most(map(_apart, small))}; the others are below.",
        f"- Handed the codes that XNNPACK's layers handed on, {len(usual)} agree within "
        f"{_most(abs(own(layer)) for layer in usual)}: what their own XNNPACK kernels explain.",
        "",
        "A difference is the sum of two parts: what other codes at the layer's inputs make of our",
        "figure, and what the layer's own kernels make on equal inputs.",
        "",
        "| layer | operator | refinterp | TensorFlow | difference | inputs | own | cause |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for one in shown:
        lines.append(
            f"| {_short(one['tensor_name'])} | {one['op_name']} | {one['refinterp']:.5f} "
            f"| {one['tensorflow']:.5f} | {one['tensorflow'] - one['refinterp']:+.5f} "
            f"| {comes_in(one):+.5f} | {own(one):+.5f} | {cause(one)} |"
        )
    lines += ["", "Reported by one side only:", ""]
    lines += [
        f"- {one['by']}: {one['op_name']} `{_short(one['tensor_name'])}`"
        for one in figures["only_one_reports"]
    ] or ["- nothing"]
    return [*lines, ""]


def _apart(layer: Row) -> float:
    return abs(float(layer["tensorflow"] - layer["refinterp"]))


def _most(values: Any) -> str:
    return f"{max(values, default=0.0):.1e}"


def _short(name: str) -> str:
    """The first of the names that a fused operator has been given, without the model's."""
    first = name.split(";")[0]
    return "/".join(first.split("/")[1:]) or first


def _timing(results: Row) -> list[str]:
    timing = results.get("timing")
    if timing is None:
        return []
    machine = results["machine"]
    lines = [
        "## Time",
        "",
        "From the start of the command to the finished report, in turns. TensorFlow's side imports",
        "it, makes the Keras model, converts, calibrates and debugs it; ours is `refinterp debug`.",
        "",
        f"{timing['date']}, {machine['processor']} ({machine['cores']} cores), "
        f"{machine['system']}; load {timing['load_before']:.1f} when it began.",
        "",
        "| turn | TensorFlow | import, model, convert, run | refinterp | times faster "
        "| processor: TensorFlow | refinterp | times less |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for turn, one in enumerate(timing["turns"], 1):
        a, b = one["tensorflow"], one["refinterp"]
        phases = " + ".join(f"{seconds:.1f}" for seconds in one["phases"].values())
        lines.append(
            f"| {turn} | {a['wall']:.1f} s | {phases} | {b['wall']:.2f} s "
            f"| {a['wall'] / b['wall']:.1f} | {a['processor']:.1f} s | {b['processor']:.2f} s "
            f"| {a['processor'] / b['processor']:.1f} |"
        )
    wall, processor = timing["ratio"]["wall"], timing["ratio"]["processor"]
    lines += ["", f"Medians: {wall:.1f} times faster, {processor:.1f} times less work.", ""]
    return lines
