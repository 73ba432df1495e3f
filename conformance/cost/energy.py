"""Write the currents that come with the package, and how far energies estimated with them are off.

    python -m conformance.cost.energy

`currents.csv` holds 52 published figures, 26 of them measured while int8 inference ran. Each of
those is held back in turn: the energy of every inference measured with it is estimated from the
chip's other figures, once with the time that was measured, once with the estimated time.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import refinterp
from conformance.cost import judging
from conformance.cost.measurements import HERE, chip_of, mlperf_rows
from conformance.cost.mlperf_terms import IDS, notice
from refinterp.cost.energy import BAND, FILE, INFERENCE, CurrentRow, current_from
from refinterp.cost.quantity import Quantity

ROOT: Final = Path(refinterp.__file__).parents[1]
SOURCE: Final = HERE / "currents.csv"
FIGURES: Final = ROOT / "refinterp" / "cost" / FILE
PAGE: Final = ROOT / "docs" / "energy.md"
_SUPPLIES: Final = {  # boards whose supply is not the chip's usual one are chips of their own
    "NUCLEO-L4R5ZI-P": "STM32L4R5ZI-P",
    "XG24-DK2601B": "EFR32MG24",
}
_CHIPS: Final = {
    "STM32U585AI": "STM32U585", "STM32L476RG": "STM32L476", "ATSAMD51/SAME5x": "ATSAMD51",
    "ESP32-S3-DevKitM-1": "ESP32-S3",
}  # fmt: skip
_PATH: Final = "results"


@dataclass(frozen=True, slots=True)
class EnergyError:
    """One inference's energy, held back. Energies in J.

    chip: as the table of currents has it.
    row: its number in that table.
    system: the board, as submitted.
    version: the benchmark's round.
    submitter: who measured it.
    id: the result's, where the round has them, else the path of its log.
    model: which of the benchmark's.
    published: what they say.
    timed: what is estimated with the measured time.
    estimated: with the estimated time; None where there is none.
    """

    chip: str
    row: int
    system: str
    version: str
    submitter: str
    id: str
    model: str
    published: float
    timed: float
    estimated: float | None


def current_rows() -> list[CurrentRow]:
    """Return the published figures in the form that comes with the package."""
    found = []
    with SOURCE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind = INFERENCE if row["kind"].startswith("measured (MLPerf") else row["kind"]
            found.append(
                CurrentRow(
                    _chip(row["mcu"]), kind, _number(row["clock_mhz"]), _number(row["vdd"]),
                    _number(row["active_uA_per_MHz"], 1e-6), _number(row["sleep_uA"], 1e-6),
                    row["sleep_mode"], _with_id(row["source"]),
                )
            )  # fmt: skip
    return found


def _with_id(source: str) -> str:
    """A source, with its result's ID where MLPerf gave it one that is known."""
    folder = source.rpartition("/")[0].rpartition("/")[0] + "/"
    found = {
        IDS.get((row["round"], row["submitter"], row["board"]))
        for row in mlperf_rows()
        if folder.startswith("tiny_results") and row["source_path"].startswith(folder)
    } - {None}
    return f"{source} (result {found.pop()})" if found else source


def _chip(name: str) -> str:
    upper = name.upper()
    return _SUPPLIES.get(upper) or chip_of(name) or _CHIPS.get(name, name)


def _number(text: str, factor: float = 1.0) -> float | None:
    return float(f"{float(text) * factor:.6g}") if text and "-" not in text else None


def errors() -> list[EnergyError]:
    """Hold back every figure measured during inference that its chip has others beside."""
    rows = current_rows()
    times = {(one.row.source, one.row.task): one for one in judging.model_out()}
    found = []
    for at, row in enumerate(rows):
        if row.kind != INFERENCE:
            continue
        others = [
            other for place, other in enumerate(rows)
            if place != at and other.chip == row.chip and other.kind == INFERENCE
        ]  # fmt: skip
        current = current_from(others, row.chip, row.clock_mhz)
        if not isinstance(current, Quantity) or row.supply is None:
            continue
        for own in _energies(row.source):
            published = float(own["energy_uj"]) * 1e-6
            power = current.value * row.supply
            seconds = float(own["latency_ms"]) * 1e-3
            known = next(
                (held for (source, task), held in times.items()
                 if own["source_path"] in source and task == own["model"]), None,
            )  # fmt: skip
            estimated = None if known is None else power * seconds / math.exp(known.error)
            found.append(
                EnergyError(row.chip, at, own["system"], own["round"], own["submitter"],
                            IDS.get((own["round"], own["submitter"], own["board"]), "-"),
                            own["model"], published, power * seconds, estimated)
            )  # fmt: skip
    return found


def _energies(source: str) -> list[dict[str, str]]:
    """The published energies of the system that a current was measured with."""
    system = source.split("/results/")[1].rsplit("/", 3)[0]
    folder = source.split("/results/")[0]
    return [
        row for row in mlperf_rows()
        if row["energy_uj"] and row["latency_ms"]
        and row["source_path"].startswith(f"{folder}/results/{system}/")
    ]  # fmt: skip


def page(found: Sequence[EnergyError], rows: Sequence[CurrentRow]) -> str:
    """Return `docs/energy.md`."""
    inference = [row for row in rows if row.kind == INFERENCE]
    estimated = [one for one in found if one.estimated is not None]
    return _TEXT.format(
        rows=len(rows),
        inference=len(inference),
        held=len({one.row for one in found}),
        energies=len(found),
        timed=f"{100 * median(_off(one.timed, one.published) for one in found):.0f}",
        timed90=f"{_ninety([one.timed / one.published for one in found]):.2f}",
        with_time=len(estimated),
        estimated=f"{100 * median(_off(one.estimated, one.published) for one in estimated):.0f}",
        estimated90=f"{_ninety([(one.estimated or 1) / one.published for one in estimated]):.2f}",
        band=f"{BAND:g}",
        alone=", ".join(sorted({r.chip for r in inference} - {one.chip for one in found})),
        table="\n".join(_lines(found)),
        notice="\n".join(notice()),
    )


def _off(value: float | None, truth: float) -> float:
    return abs((value or 0.0) / truth - 1)


def _ninety(ratios: Sequence[float]) -> float:
    factors = sorted(math.exp(abs(math.log(ratio))) for ratio in ratios)
    return factors[math.ceil(0.9 * len(factors)) - 1]


def _lines(found: Sequence[EnergyError]) -> list[str]:
    lines = []
    for row in dict.fromkeys(one.row for one in found):
        own = [one for one in found if one.row == row]
        first = own[0]
        cells = []
        for task in ("ad", "ic", "kws", "vww"):
            one = next((one for one in own if one.model == task), None)
            cells.append(
                "-" if one is None
                else f"{one.published * 1e6:,.0f} / {one.timed * 1e6:,.0f} / "
                + ("-" if one.estimated is None else f"{one.estimated * 1e6:,.0f}")
            )  # fmt: skip
        lines.append(
            f"| {first.version} | closed | {first.submitter} | {first.system} | {first.id} | "
            f"{' | '.join(cells)} |"
        )
    return lines


_TEXT: Final = """\
# How near estimates of energy come

<!-- written by python -m conformance.cost.energy -->

Energy is time times current times supply. The package knows {rows} published currents with their
sources (`refinterp/cost/currents.json`), {inference} of them measured while int8 inference ran;
only those are used, for the chip they are of, as the median current for each MHz. Where none is
known, `refinterp` says so, and takes `--current 5.2mA`. Sleep currents are data sheets'.

Each of those figures was held back where its chip has others: {held} figures, {energies} energies
of an inference.

| | energies | median error | 90 % |
|---|---:|---:|---:|
| current estimated, time measured | {energies} | {timed} % | x/÷ {timed90} |
| current and time estimated; model seen nowhere | {with_time} | {estimated} % | x/÷ {estimated90} |

The stated band of a current is x/÷ {band}; that of an energy is it times the band of the time.
Chips with a single figure, which could not be held back: {alone}.

What the estimates do not know: a chip's supply (the same chip with an external converter takes
half the current: NUCLEO-L4R5ZI-P counts as a chip of its own), caches and flash settings, and
what else of the board is awake.

Each cell: energy as published, estimated with the measured time, and with the estimated time, in
µJ. The estimates are not MLPerf results.

| version | division | submitter | system | result ID | ad | ic | kws | vww |
|---|---|---|---|---|---:|---:|---:|---:|
{table}

{notice}
"""


def document(rows: Sequence[CurrentRow]) -> Mapping[str, Any]:
    """Return `refinterp/cost/currents.json`."""
    return {
        "about": "Published currents of chips, each with its source; written by python -m "
        "conformance.cost.energy. kind inference: the whole chip, measured while int8 inference "
        "ran; other kinds are not used for it. Sources of tiny_results_VERSION/DIVISION/SUBMITTER/"
        "results/SYSTEM are MLPerf Tiny's: "
        + " ".join(line for line in notice() if line and "latency.md" not in line),
        "rows": [asdict(row) for row in rows],
    }


def main() -> int:
    """Write both."""
    rows = current_rows()
    FIGURES.write_text(
        json.dumps(document(rows), indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n"
    )
    PAGE.write_text(page(errors(), rows), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
