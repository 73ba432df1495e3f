"""Errors of time estimates from the published tables, by another way than the project's.

Weights, slopes and effects are unknowns of one penalized least-squares problem here (Gauss-Newton);
the project solves the same in the space of measurements. Nothing is shared but the files.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

KINDS = ("conv", "pointwise", "depthwise", "dense", "outputs", "elements", "operators", "gathered")
START = [0.0, 0.0, 0.0, 0.0, math.log(10), math.log(10), math.log(1000), 0.0]
CHIPS = {
    "L4R5": "L4R5", "H7A3": "H7A3", "U575": "U575", "U585": "U585", "U385": "U385", "F746": "F746",
    "G0B1": "G0B1", "062": "CY8C6", "5340": "5340", "M467": "M467", "RA6M4": "RA6M4",
    "RA8D1": "RA8D1",
}  # fmt: skip
DROPPING = ("X-CUBE-AI v8.1", "X-CUBE-AI v9", "X-CUBE-AI v10", "2023.05", "ONNC")
FILES = {"person_detect": "person", "kws_ref_model": "kws", "pretrainedResnet_quant": "ic",
         "ad01_int8": "ad"}  # fmt: skip


class RawTime(NamedTuple):
    """A logarithm of cycles, of a task or of its operators of one name; where: core, …, style."""

    task: str
    core: str
    chip: str
    runtime: str
    family: str
    style: str
    log: float
    work: tuple[float, ...]
    whole: tuple[float, ...]
    operator: str


class Recomputed:
    """The tables of a folder, and errors of what is held back of them."""

    def __init__(self, folder: Path) -> None:
        self.models = json.loads((folder / "work.json").read_text("utf-8"))["models"]
        runs: dict[tuple[str, ...], list[float]] = {}
        with (folder / "mlperf_tiny.csv").open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                place = self.place(line)
                if place is not None:
                    cycles = float(line["latency_ms"]) * float(line["clock_mhz"]) * 1e3
                    runs.setdefault((line["model"], *place), []).append(math.log(cycles))
        lines = [json.loads(text) for text in (folder / "on_device.jsonl").read_text().splitlines()]
        for line in lines:
            if (
                line["record"] == "model"
                and line.get("p50_us")
                and "v1-a" not in line["board_label"]
            ):
                log = math.log(line["p50_us"] * line["cpu_mhz"])
                runs.setdefault((self.task(line), *self.chip_place(line)), []).append(log)
        self.rows = [self.row(key[0], key[1:], sum(logs) / len(logs)) for key, logs in runs.items()]
        operators = [line for line in lines if line["record"] == "operator"]
        self.parts = []
        for line in operators:
            same = [o["us_per_inference"] for o in operators
                    if (o["target"], o["model"]) == (line["target"], line["model"])]  # fmt: skip
            work = self.work(self.models[self.task(line)]["by_operator"][line["op"]])
            if sum(work[:4]) or line["us_per_inference"] >= sum(same) / 100:
                log = math.log(line["us_per_inference"] * line["cpu_mhz"])
                place = self.chip_place({**line, "kernels": ""})
                self.parts.append(RawTime(self.task(line), *place, log, work, work, line["op"]))

    @staticmethod
    def work(kinds: dict[str, float]) -> tuple[float, ...]:
        return tuple(kinds.get(kind, 0.0) for kind in KINDS)

    @staticmethod
    def task(line: dict[str, str]) -> str:
        return FILES[line["model"].removesuffix(".tflite")]

    @staticmethod
    def chip_place(line: dict[str, str]) -> tuple[str, ...]:
        """Core, chip, runtime, family, style of the two chips of mcufit-bench."""
        if line["target"] != "esp32":
            return ("M4", "nRF52840", "tflm", "tflm", "cmsis")
        name = "plain" if "reference" in line["kernels"] else "esp-nn"
        return ("esp32", "ESP32", name, name, name)

    @staticmethod
    def place(line: dict[str, str]) -> tuple[str, ...] | None:
        """The same of a line of MLPerf Tiny's; None where it is not used."""
        riscv = line["submitter"] == "PengChengLaboratory"
        if line["submitter"] in ("Krai", "cTuning") or not line["latency_ms"]:
            return None
        if re.search("max_performance|min_ram", line["system"]):
            return None
        if not riscv and (line["calibration_class"][:1] not in ("A", "B", "C")):
            return None
        if riscv:
            return ("riscv", "riscv", "plain", "plain", "plain")
        chip = next((c for word, c in CHIPS.items() if word in line["board"].upper()), None)
        if chip is None or not line["core"].startswith("Cortex-M"):
            return None
        core, text = line["core"][7:], line["runtime"]
        for word, family in (("X-CUBE", "st"), ("Plumerai", "plumerai"), ("HALE", "hale")):
            if word in text:
                version = re.sub(r"(v\d+\.\d+)\.0", r"\1", text)
                if family == "plumerai" and "2023" not in text:
                    version += line["round"]
                return (core, chip, version, family, "vendor")
        if "native" in text:
            return (core, chip, "native", "native", "native")
        name = "onnc" if "ONNC" in text else "tvm" if "TVM" in text else "tflm"
        return (core, chip, name, name, "mve" if core == "M85" else "cmsis")

    def row(self, task: str, place: Sequence[str], log: float) -> RawTime:
        model = self.models[task]
        whole = self.work(model["work"])
        dropping = place[2] == "onnc" or any(word in place[2] for word in DROPPING)
        work = self.work(model["work_without_dead_channels"]) if dropping else whole
        core, chip, runtime, family, style = place
        return RawTime(task, core, chip, runtime, family, style, log, work, whole, "")

    def known(self, rows: Sequence[RawTime], row: RawTime) -> bool:
        return sum(one[1:6] == row[1:6] for one in rows) > 1

    def measurement_out(self, step: int) -> list[float]:
        """Of every so-manieth measurement, which take a fit each."""
        found = []
        for row in self.rows[::step]:
            if self.known(self.rows, row):
                found += self.errors([row], [one for one in self.rows if one is not row])
        return found

    def model_out(self) -> list[float]:
        found = []
        for task in self.models:
            held = [r for r in self.rows if r.task == task and self.known(self.rows, r)]
            found += self.errors(held, [r for r in self.rows if r.task != task])
        return found

    def chip_out(self, *, model: bool = False) -> list[float]:
        return self.group_out([r.chip.replace("U585", "U575") for r in self.rows], model)

    def family_out(self, *, model: bool = False) -> list[float]:
        return self.group_out([r.family for r in self.rows], model)

    def group_out(self, of: Sequence[str], model: bool) -> list[float]:
        found = []
        pairs = list(zip(self.rows, of, strict=True))
        for group in sorted(set(of)):
            for task in self.models if model else ("",):
                rest = [r for r, g in pairs if g != group and r.task != task]
                cores, styles = {r.core for r in rest}, {r.style for r in rest}
                held = [r for r, g in pairs if g == group and task in ("", r.task)
                        and r.core in cores and r.style in styles]  # fmt: skip
                found += self.errors(held, rest)
        return found

    def errors(self, held: Sequence[RawTime], rest: Sequence[RawTime]) -> list[float]:
        """Logarithms of measured over estimated of rows, the rest fitted."""
        if not held:
            return []
        totals = {(r.task, *r[1:6]) for r in rest}
        rows = [*rest, *(p for p in self.parts if (p.task, *p[1:6]) in totals)]
        sloped: dict[object, int] = {}
        plain: dict[object, int] = {}
        of = [self.levels(row) for row in rows]
        for slopes, effects in of:
            for key, _ in slopes:
                sloped.setdefault(key, len(sloped))
            for key, _ in effects:
                plain.setdefault(key, len(plain))
        size = len(KINDS)
        prior = np.zeros(len(sloped) * size + len(plain))
        for slopes, effects in of:
            for key, spread in slopes:
                at = sloped[key] * size
                prior[at : at + size] = spread
            for key, spread in effects:
                prior[len(sloped) * size + plain[key]] = spread
        noise = np.array([0.2 if row.operator else 0.1 for row in rows])
        values = np.zeros(prior.size)
        for _ in range(6):
            slope = np.zeros((len(rows), prior.size))
            left = np.zeros(len(rows))
            for at, (row, (slopes, effects)) in enumerate(zip(rows, of, strict=True)):
                spots = [sloped[key] * size for key, _ in slopes]
                weights = START + sum(values[s : s + size] for s in spots)
                parts = np.exp(weights) * row.work
                for s in spots:
                    slope[at, s : s + size] = parts / parts.sum()
                for key, _ in effects:
                    slope[at, len(sloped) * size + plain[key]] = 1
                # what the unknowns themselves add to the line through this point
                own = slope[at, : len(sloped) * size] @ values[: len(sloped) * size]
                left[at] = row.log - math.log(parts.sum()) + own
            scaled = slope * prior / noise[:, None]
            normal = scaled.T @ scaled + np.eye(prior.size)
            solved = np.linalg.solve(normal, scaled.T @ (left / noise)) * prior
            if np.abs(solved - values).max() < 1e-5:
                break
            values = solved
        runtimes = {row.runtime for row in rows}
        found = []
        for row in held:
            slopes, effects = self.levels(row)
            spots = [sloped[key] * size for key, _ in slopes if key in sloped]
            weights = START + sum(values[s : s + size] for s in spots)
            work = row.work if row.runtime in runtimes else row.whole
            total = math.log(float(np.exp(weights) @ work))
            total += sum(
                values[len(sloped) * size + plain[key]] for key, _ in effects if key in plain
            )
            found.append(row.log - total)
        return found

    @staticmethod
    def levels(row: RawTime) -> tuple[list[tuple[object, float]], list[tuple[object, float]]]:
        """What a row's slopes and effects are of, each with its standard deviation."""
        place = ("place", row.chip, row.runtime)
        names = [("style", row.style), ("core", row.core), ("family", row.family),
                 ("runtime", row.runtime), place]  # fmt: skip
        slopes = [(("all",), 0.5), *((name, 0.2) for name in names)]
        effects = [(("all",), 3.0), (("style", row.style), 1.0), (("core", row.core), 1.0)]
        others = [("both", row.core, row.style), ("family", row.family), ("runtime", row.runtime),
                  ("chip", row.chip), place]  # fmt: skip
        return slopes, [*effects, *((name, 0.2) for name in others)]
