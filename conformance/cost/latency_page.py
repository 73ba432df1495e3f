"""`docs/latency.md`, from the results of the fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from conformance.cost.fitting import GRID, MIDDLE
from conformance.cost.mlperf_terms import notice, sources_table
from conformance.cost.repeats import repeats, repeats_table

_HELD: Final = {
    "one measurement": "one measurement; its model may have been measured elsewhere",
    "a model": "a model everywhere: it was seen nowhere, its chip and runtime were",
    "a chip": "a chip (leave one board out)",
    "a chip and a model": "a chip, and the model everywhere",
    "a version": "a version of a runtime",
    "a version and a model": "a version of a runtime, and the model everywhere",
    "a runtime": "a runtime, all its versions (leave one runtime out)",
    "a runtime and a model": "a runtime, all its versions, and the model everywhere",
    "a chip and a model; 1 measured": "a chip and the model; one other model's time there is given",
    "a chip and a model; 2 measured": "the same; two are given",
    "a chip and a model; 3 measured": "the same; three are given",
    "a chip and a model; another's total": "the same on two chips; one is given",
    "a chip and a model; another's profile": "the same two; its time by operator is given",
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
inside the stated band, which is taken from estimates of other models. **range**: the median that
other settings would give.

| held back | estimates | median | range | 90 % | worst | inside |
|---|---:|---:|---:|---:|---:|---:|
{errors}

A usual estimate of a model that was measured elsewhere is within 10 %. That of one that was
measured nowhere, as yours most likely was not, is {model} % off even where chip and runtime are
known, and {inside} % of such are inside: the second row, not the first, is yours.

Estimates for an unseen chip or runtime are made only where its core, and some runtime written in
the same style, were measured; elsewhere `refinterp` says what is missing. The last two rows are of
chips without which nothing, or little, of their core and style was measured.

Medians by style, where chip and runtime are known, and on an unseen chip:

| style | estimates | one measurement | a model everywhere | inside | unseen chip | and the model |
|---|---:|---:|---:|---:|---:|---:|
{styles}

## How the figures came about

The weights start where reckoning puts them, not measurements: a product or a gathered byte costs 1,
a value that is requantized or touched 10, an operator 1,000. How far measurements may move them
from there and from one style, runtime and chip to the next (standard deviations of a logarithm:
{base} and {slope}) is the middle of a grid of nine settings ({bases}; {slopes}), whatever their
errors; whoever laid the grid knew the measurements, so **range** is over all nine. An earlier fit
started from weights that had been chosen in sight of all measurements: its errors of unseen models,
a median of 8 %, were too good.

Whether a runtime leaves dead channels out was read from its own figures; where a runtime is held
back, that is not known of it. STM32U575 and STM32U585 are held back together. Results that Krai and
cTuning got with others' submissions are left out, so that no measurement is on both sides.

## The band

| | {columns} | others |
|---|{rules}---:|
{bands}

Of an unseen chip or runtime it holds all errors of its style, which are of five models; of styles
with fewer than 20 it is x/÷ 2.5. Where a place is known, or a model was measured there, five models
do not tell enough for less than x/÷ 1.5.

## How far the same is from the same

Systems that name the same runtime, chip and clock, and by how much the second's time is off the
first's: by a median of {repeat} %. The far ones are builds for speed or for little memory, and one
other operating system. Measurements alone allow better estimates than these; what is missing is
more models than five.

{repeats}

Runtimes differ by more: the image classifier on one chip at 120 MHz (STM32L4R5) takes 704 ms with
TFLM 2.3.1 of 2021, 390 ms with microTVM and 299 ms with ONNC, which all call CMSIS-NN. Who says
`--runtime cmsis-nn` alone cannot get nearer than that.

## What to know

- Versions of a runtime differ: X-CUBE-AI 7.1 to 10.2 by a factor of 1.5 to 2.
- A profile by operator's name cannot tell convolutions of one place from others, and says nothing
  of operators that the other model has not. On the two chips where one was published it leaves
  {profile} %, the model's total alone {total} %: it narrows the worst, not the usual.
- Newer vendor runtimes leave dead channels out (half of the products of MLPerf Tiny's person
  detection): their work is counted without them.
- FULLY_CONNECTED layers larger than an ESP32's cache are read from flash, and take a multiple of
  what others do. Measure such models.
- Only int8 models of up to 12.5 million products were measured; for others there is no estimate,
  or a worse one.

## Sources

{notice}

{sources}
"""


def page(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Return the page. results: the errors; figures: what was fitted."""
    columns = _columns(figures)
    errors = results["errors"]
    again = [abs(ratio - 1) for one in repeats() for ratio in one.ratios.values()]
    return _TEXT.format(
        measurements=results["measurements"],
        errors="\n".join(
            _row(_HELD[name], one, results["ranges"][name]) for name, one in errors.items()
        ),
        model=round(100 * errors["a model"]["median"]),
        inside=f"{100 * errors['a model']['covered']:.1f}",
        styles="\n".join(_by_style(errors)),
        base=f"{MIDDLE.base:g}",
        slope=f"{MIDDLE.slope:g}",
        bases=_listed(one.base for one in GRID),
        slopes=_listed(one.slope for one in GRID),
        columns=" | ".join(_STYLES[style] for style in columns),
        rules="---:|" * len(columns),
        bands="\n".join(_bands(figures)),
        repeat=f"{100 * median(again):.1f}",
        repeats="\n".join(repeats_table()),
        profile=round(100 * errors["a chip and a model; another's profile"]["median"]),
        total=round(100 * errors["a chip and a model; another's total"]["median"]),
        notice="\n".join(notice()),
        sources="\n".join(sources_table()),
    )


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in sorted(set(values)))


def _row(name: str, one: Mapping[str, Any], spread: Sequence[float]) -> str:
    return (
        f"| {name} | {one['estimates']} | {100 * one['median']:.1f} % | "
        f"{100 * spread[0]:.0f}..{100 * spread[1]:.0f} % | x/÷ {one['factor_90']:.2f} "
        f"| x/÷ {one['worst']:.2f} | {100 * one['covered']:.0f} % |"
    )


def _by_style(errors: Mapping[str, Any]) -> Sequence[str]:
    names = ("one measurement", "a model", "a chip", "a chip and a model")
    row, model, chip, both = (errors[name]["styles"] for name in names)
    lines = []
    for style, one in row.items():
        more = f"{_median(chip[style])} | {_median(both[style])}" if style in chip else "- | -"
        lines.append(
            f"| {_STYLES[style]} | {one['estimates']} | {_median(one)} | {_median(model[style])} "
            f"| {100 * model[style]['covered']:.0f} % | {more} |"
        )
    return lines


def _median(one: Mapping[str, Any]) -> str:
    return f"{100 * one['median']:.1f} %"


def _columns(figures: Mapping[str, Any]) -> Sequence[str]:
    return [style for style in _STYLES if any(style in own for own in figures["bands"].values())]


def _bands(figures: Mapping[str, Any]) -> Sequence[str]:
    words = {
        "known": "chip and runtime known",
        "board": "runtime known on this core, another chip",
        "runtime": "runtime not known on this core",
        "measured": "a model, or its operators, measured on the device",
        "measured, core or style unseen": "the same, nothing else known of its core",
    }
    lines = []
    for level, own in figures["bands"].items():
        cells = [f"x/÷ {own.get(style, own['any']):.2f}" for style in _columns(figures)]
        lines.append(f"| {words[level]} | {' | '.join(cells)} | x/÷ {own['any']:.2f} |")
    return lines
