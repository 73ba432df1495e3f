"""Published measurements of time and energy, as the estimates are fitted on them.

`mlperf_tiny.csv` holds MLPerf Tiny's figures (rounds 0.5 to 1.3), `on_device.jsonl` those of the
mcufit-bench project (MIT, commit 88f8d23), `work.json` the work of the five models they ran.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.cost.latency_model import RunPlace, RuntimeFacts
from refinterp.cost.work import KINDS, by_kind

HERE: Final = Path(__file__).parent
MLPERF: Final = HERE / "mlperf_tiny.csv"
ON_DEVICE: Final = HERE / "on_device.jsonl"
WORK: Final = HERE / "work.json"
TASKS: Final = ("ic", "kws", "vww", "ad", "person")
_CORES: Final = {
    "Cortex-M0+": "cortex-m0plus",
    "Cortex-M4": "cortex-m4",
    "Cortex-M7": "cortex-m7",
    "Cortex-M33": "cortex-m33",
    "Cortex-M85": "cortex-m85",
}
_CHIPS: Final = {
    "NUCLEO-L4R5ZI": "STM32L4R5", "NUCLEO-L4R5ZI-P": "STM32L4R5", "NUCLEO-H7A3ZI": "STM32H7A3",
    "NUCLEO-H7A3ZI-Q": "STM32H7A3", "NUCLEO-U575ZI-Q": "STM32U575", "B-U585I-IOT02A": "STM32U585",
    "NUCLEO-U385RG-Q": "STM32U385", "DISCO-F746NG": "STM32F746", "NUCLEO-G0B1RE": "STM32G0B1",
    "CY8CPROTO-062-4343W": "CY8C624ABZI", "NRF5340 DK": "nRF5340", "NUMAKER-M467HJ": "M467HJHAN",
    "EK-RA6M4": "R7FA6M4", "EK-RA8D1": "R7FA8D1", "PCL SCEPU02": "SCEPU02",
}  # fmt: skip
_MODELS: Final = {
    "person_detect.tflite": "person",
    "kws_ref_model.tflite": "kws",
    "pretrainedResnet_quant.tflite": "ic",
    "ad01_int8.tflite": "ad",
}
_DROP: Final = frozenset(
    {"x-cube-ai-8.1", "x-cube-ai-9.0", "x-cube-ai-10.2", "plumerai-2023.05", "onnc"}
)
_PROFILED: Final = {("ESP32", "esp-nn"): "esp32", ("nRF52840", "cmsis-nn"): "nano33ble"}
_RE_RUN: Final = ("Krai", "cTuning")  # ran what others had submitted before
_VARIANT: Final = ("max_performance", "min_ram")  # other builds for one task alone


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredTime:
    """One measurement. task: the model. cycles: latency times clock. source: where it stands.

    operator: "" for the whole model, else the name of the operators that were timed.
    """

    place: RunPlace
    board: str
    clock_mhz: float
    task: str
    cycles: float
    source: str
    operator: str = ""

    @property
    def amounts(self) -> NDArray[np.float64]:
        """The work of its model, without dead channels where the runtime drops them."""
        if self.operator:
            return operator_amounts(self.task)[self.operator]
        return task_work(self.task, dead=not drops(self.place))


def drops(place: RunPlace) -> bool:
    """Whether a runtime drops dead channels, as its figures of the same models show."""
    return place.runtime in _DROP


@cache
def task_work(task: str, *, dead: bool = True) -> NDArray[np.float64]:
    """The amounts of work of one of the five models: (kinds,)."""
    found = json.loads(WORK.read_text("utf-8"))["models"][task]
    return by_kind(found["work" if dead else "work_without_dead_channels"])


@cache
def operator_amounts(task: str) -> dict[str, NDArray[np.float64]]:
    """The same by operator's name."""
    found = json.loads(WORK.read_text("utf-8"))["models"][task]["by_operator"]
    return {name: by_kind(work) for name, work in found.items()}


@cache
def measurements() -> tuple[MeasuredTime, ...]:
    """All that the latency model is fitted on: one for each chip, runtime and task.

    Where several boards or runs measured the same, their geometric mean.
    """
    same: dict[tuple[RunPlace, str], list[MeasuredTime]] = {}
    for one in (*_mlperf(), *_on_device()):
        same.setdefault((one.place, one.task), []).append(one)
    return tuple(
        MeasuredTime(
            place, runs[0].board, runs[0].clock_mhz, task,
            math.exp(float(np.mean([math.log(run.cycles) for run in runs]))),
            "; ".join(run.source for run in runs),
        )
        for (place, task), runs in same.items()
    )  # fmt: skip


@cache
def operator_times() -> tuple[MeasuredTime, ...]:
    """The same, and the times by operator that mcufit-bench measured beside.

    Of operators that multiply, and of others from a hundredth of the model's time on.
    """
    found = list(measurements())
    for total in measurements():
        times = profile(total)
        found += [
            replace(total, cycles=cycles, operator=name)
            for name, cycles in times.items()
            if _multiplies(operator_amounts(total.task)[name])
            or cycles >= sum(times.values()) / 100
        ]
    return tuple(found)


def _multiplies(work: NDArray[np.float64]) -> bool:
    """Whether work (kinds,) has products."""
    return any(work[KINDS.index(kind)] for kind in ("conv", "pointwise", "depthwise", "dense"))


def profile(row: MeasuredTime) -> dict[str, float]:
    """Cycles by operator's name of a measured model; empty where they were not published."""
    target = _PROFILED.get((row.place.chip, row.place.style))
    return {
        r["op"]: r["us_per_inference"] * r["cpu_mhz"]
        for r in on_device_rows()
        if r["record"] == "operator" and r["target"] == target and _MODELS[r["model"]] == row.task
    }


def runtimes() -> dict[str, RuntimeFacts]:
    """The runtimes that were measured, by name."""
    found = {}
    for one in measurements():
        place = one.place
        style = "cmsis-nn" if place.style == "mve" else place.style
        title = _title(place.runtime)
        found[place.runtime] = RuntimeFacts(
            place.runtime, title, place.family, style, place.runtime in _DROP
        )
    return dict(sorted(found.items()))


def mlperf_rows() -> list[dict[str, str]]:
    """MLPerf Tiny's figures as they were published."""
    with MLPERF.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def on_device_rows() -> list[dict[str, Any]]:
    """The mcufit-bench project's records."""
    return [json.loads(line) for line in ON_DEVICE.read_text("utf-8").splitlines()]


def chip_of(board: str) -> str:
    """The chip of a board of MLPerf Tiny's, "" where it is none of those used here."""
    return _CHIPS.get(board.upper().replace("_", "-"), "")


def _mlperf() -> Iterator[MeasuredTime]:
    for row in mlperf_rows():
        riscv = row["submitter"] == "PengChengLaboratory"
        core = "rv32imac" if riscv else _CORES.get(row["core"], "")
        used = row["calibration_class"][:2] in ("A_", "B_", "C_") or riscv
        if not (core and used and row["latency_ms"]) or row["submitter"] in _RE_RUN:
            continue
        if any(word in row["system"] for word in _VARIANT):
            continue
        name, family, style = _runtime(row)
        if core == "cortex-m85":
            style = "mve"
        place = RunPlace(core, chip_of(row["board"]), name, family, style)
        cycles = float(row["latency_ms"]) * 1e3 * float(row["clock_mhz"])
        source = f"MLPerf Tiny {row['round']}, {row['source_path']}"
        yield MeasuredTime(
            place, row["board"], float(row["clock_mhz"]), row["model"], cycles, source
        )


def _runtime(row: Mapping[str, str]) -> tuple[str, str, str]:
    """The name, family and style of what a row ran."""
    text = row["runtime"]
    if "X-CUBE-AI" in text:
        version = re.search(r"v(\d+\.\d+)", text)
        return f"x-cube-ai-{version[1] if version else '?'}", "x-cube-ai", "vendor"
    if "Plumerai" in text:
        # the engine's first submissions bear no version: their round stands for it
        version_name = "2023.05" if "2023.05" in text else {"v0.7": "2022", "v1.0": "2022.06"}[
            row["round"]
        ]  # fmt: skip
        return f"plumerai-{version_name}", "plumerai", "vendor"
    if "HALE" in text:
        return f"hale-{'1.0.175' if '175' in text else '1.0'}", "hale", "vendor"
    if "native" in text:
        return "microtvm", "microtvm", "compiled"
    if "microTVM" in text:
        return "microtvm-cmsis-nn", "microtvm-cmsis-nn", "cmsis-nn"
    if "ONNC" in text:
        return "onnc", "onnc", "cmsis-nn"
    if row["submitter"] == "PengChengLaboratory":
        return "tflm-reference", "tflm-reference", "reference"
    return "tflm", "tflm", "cmsis-nn"


def _on_device() -> Iterator[MeasuredTime]:
    for row in on_device_rows():
        if row["record"] != "model" or "p50_us" not in row or row["board_label"] == "devkit-v1-a":
            continue  # two ESP32 boards measured the same; one is enough
        esp = row["target"] == "esp32"
        name, style = ("tflm", "cmsis-nn")
        if esp:
            plain = row["kernels"] == "ansi-c-reference"
            name, style = ("tflm-reference", "reference") if plain else ("esp-nn", "esp-nn")
        place = RunPlace(
            "esp32" if esp else "cortex-m4", "ESP32" if esp else "nRF52840", name, name, style
        )
        yield MeasuredTime(
            place, row["board_label"], float(row["cpu_mhz"]), _MODELS[row["model"]],
            float(row["p50_us"]) * row["cpu_mhz"], f"mcufit-bench 88f8d23, {row['date']}",
        )  # fmt: skip


def _title(name: str) -> str:
    titles = {
        "tflm": "TensorFlow Lite Micro with CMSIS-NN",
        "tflm-reference": "TensorFlow Lite Micro, reference kernels",
        "esp-nn": "TensorFlow Lite Micro with ESP-NN",
        "microtvm": "microTVM, its own schedules",
        "microtvm-cmsis-nn": "microTVM with CMSIS-NN",
        "onnc": "ONNC with CMSIS-NN",
    }
    if name in titles:
        return titles[name]
    family, _, version = name.rpartition("-")
    maker = {"x-cube-ai": "X-CUBE-AI", "plumerai": "Plumerai", "hale": "Bosch HALE"}[family]
    return f"{maker} {version}"
