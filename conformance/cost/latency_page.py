"""`docs/latency.md`, from the results of the fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from conformance.cost.mlperf_terms import notice, sources_table

_HELD: Final = {
    "one measurement": "one measurement; its model may have been measured elsewhere",
    "a model": "a model everywhere: it was seen nowhere, its chip and runtime were",
    "a chip": "a chip (leave one board out)",
    "a chip and a model": "a chip, and the model everywhere",
    "a version of a runtime": "a version of a runtime",
    "a version and a model": "a version of a runtime, and the model everywhere",
    "a runtime": "a runtime, all its versions (leave one runtime out)",
    "a runtime and a model": "a runtime, all its versions, and the model everywhere",
    "a chip and a model; 1 measured": "a chip and the model; one other model's time there is given",
    "a chip and a model; 2 measured": "the same; two are given",
    "a chip and a model; 3 measured": "the same; three are given",
    "a model; another's profile": "a model; another's time by operator there is given (two chips)",
}
_STYLES: Final = {
    "cmsis-nn": "CMSIS-NN (TFLM, microTVM, ONNC)",
    "mve": "CMSIS-NN on cores with MVE",
    "compiled": "schedules of a compiler",
    "esp-nn": "ESP-NN",
    "reference": "TFLM's reference kernels",
    "vendor": "vendors' engines (X-CUBE-AI, Plumerai, HALE)",
}


_TEXT: Final = """\
# How near estimates of time come

<!-- written by python -m conformance.cost.fit -->

`refinterp` says how long an inference takes on a device only as an *estimate*, with a band that
is to hold nine of ten. It is made from the model's work, by kind (`refinterp/cost/work.py`),
weighed by how a runtime's kernels are written and scaled by core, chip and runtime
(`refinterp/cost/latency_model.py`). Both were fitted on {measurements} published measurements of
five models: MLPerf Tiny's results on microcontrollers, and those of the mcufit-bench project.
Estimates are not MLPerf results.

## Errors of what was held back

Each row holds something back, fits without it, and estimates it. **median**: the estimate's
relative error. **90 %**: the factor up or down that nine of ten lie within. **inside**: the share
inside the stated band, which was made without the model in question.

| held back | estimates | median | 90 % | worst | inside |
|---|---:|---:|---:|---:|---:|
{errors}

Estimates for an unseen chip or runtime are made only where its core, and some runtime written in
the same style, were measured; elsewhere `refinterp` says what is missing. The last four rows show
what measuring narrows.

By style, for a model that was seen nowhere on a known chip and runtime, and on an unseen chip:

| style | estimates | median | 90 % | unseen chip: estimates | median | 90 % |
|---|---:|---:|---:|---:|---:|---:|
{styles}

## The band

| | {columns} | others |
|---|{rules}---:|
{bands}

Of styles with fewer than 20 errors to judge by, the widest band is taken: x/÷ 1.5 where chip and
runtime are known or a model was measured there, x/÷ 2.5 elsewhere.

## What to know

- A measurement differs from the next of the same model, chip and runtime by compiler, options and
  flash settings; versions of a runtime differ by more: X-CUBE-AI 7.1 to 10.2 by a factor of 1.5
  to 2.
- CMSIS-NN's times differ most, by who calls it and how it was built: the image classifier on one
  chip at 120 MHz (STM32L4R5) takes 704 ms with TFLM 2.3.1 of 2021, 390 ms with microTVM and 299
  ms with ONNC. No estimate that knows the name alone can come nearer than that.
- A profile by operator's name cannot tell convolutions of one place from others, and says nothing
  of operators that the other model has not: its row is of two chips, on which one other model's
  total alone leaves a median of {total} %.
- The weights that the fit starts from were chosen in sight of the measurements: the errors of
  unseen models are a little too good for it.
- Newer vendor runtimes leave dead channels out (half of the products of MLPerf Tiny's person
  detection): their work is counted without them.
- FULLY_CONNECTED layers larger than an ESP32's cache are read from flash: its time for the
  anomaly detector is 2.3 times the estimate made without it. Measure such models.
- Only int8 models of up to 12.5 million products were measured; for others there is no estimate,
  or a worse one.

## Sources

{notice}

{sources}
"""


def page(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Return the page. results: the errors; figures: what was fitted."""
    columns = _columns(figures)
    return _TEXT.format(
        measurements=results["measurements"],
        errors="\n".join(_row(_HELD[name], one) for name, one in results["errors"].items()),
        styles="\n".join(_by_style(results["errors"])),
        columns=" | ".join(_STYLES[style] for style in columns),
        rules="---:|" * len(columns),
        bands="\n".join(_bands(figures)),
        total=round(100 * results["total_on_profiled_chips"]),
        notice="\n".join(notice()),
        sources="\n".join(sources_table()),
    )


def _row(name: str, one: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {one['estimates']} | {100 * one['median']:.1f} % | x/÷ {one['factor_90']:.2f} "
        f"| x/÷ {one['worst']:.2f} | {100 * one['covered']:.0f} % |"
    )


def _by_style(errors: Mapping[str, Any]) -> Sequence[str]:
    known, unseen = errors["a model"]["styles"], errors["a chip and a model"]["styles"]
    lines = []
    for style, one in known.items():
        other = unseen.get(style)
        more = (
            "- | - | -" if other is None
            else f"{other['estimates']} | {100 * other['median']:.1f} % "
            f"| x/÷ {other['factor_90']:.2f}"
        )  # fmt: skip
        lines.append(
            f"| {_STYLES[style]} | {one['estimates']} | {100 * one['median']:.1f} % | x/÷ "
            f"{one['factor_90']:.2f} | {more} |"
        )
    return lines


def _columns(figures: Mapping[str, Any]) -> Sequence[str]:
    return [style for style in _STYLES if any(style in own for own in figures["bands"].values())]


def _bands(figures: Mapping[str, Any]) -> Sequence[str]:
    words = {
        "known": "chip and runtime known",
        "board": "runtime known on this core, another chip",
        "runtime": "runtime not known on this core",
        "measured 1": "one model measured on the device",
        "measured 2": "two",
        "measured 3": "three or more",
        "profile": "a model's time by operator",
    }
    lines = []
    for level, own in figures["bands"].items():
        cells = [f"x/÷ {own.get(style, own['any']):.2f}" for style in _columns(figures)]
        lines.append(f"| {words[level]} | {' | '.join(cells)} | x/÷ {own['any']:.2f} |")
    return lines
