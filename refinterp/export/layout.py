"""Layouts: what a build system wants where, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from refinterp.errors import UsageError
from refinterp.export.layout_files import (
    arduino_files,
    esp_idf_files,
    tflm_files,
    zephyr_files,
)
from refinterp.export.subject import Exported
from refinterp.tflm.versions import OTHER, SNAPSHOT

Files = dict[str, str]
"""Path below the folder, with `/`, → text."""


@dataclass(frozen=True, slots=True)
class ProjectLayout:
    """One build system.

    name: as `--for` takes it.
    summary: what it is, in a line.
    sources: where the sources go, with {name} for the project's.
    build: its own files.
    tool: what builds it.
    how: what a user types, with {name} for the project's.
    versions: the TFLMs that it builds, the usual one first.
    ran: whether exports in this layout were built and run with its tool.
    note: what else a user has to know, or "".
    """

    name: str
    summary: str
    sources: str
    build: Callable[[Exported], Files]
    tool: str
    how: str
    versions: tuple[str, ...]
    ran: bool = False
    note: str = ""

    def version(self, asked: str | None) -> str:
        """Return the TFLM that is meant; UsageError for one that this layout does not build."""
        if asked is None:
            return self.versions[0]
        if asked not in self.versions:
            raise UsageError(
                f"--for {self.name} builds --tflm {', '.join(self.versions)}; not {asked}"
            )
        return asked


LAYOUTS: Final[Mapping[str, ProjectLayout]] = {
    layout.name: layout
    for layout in (
        ProjectLayout(
            "tflm",
            "CMake, beside a TFLM that is built already",
            "src",
            tflm_files,
            "CMake",
            "cmake -B build -DTFLM_INCLUDE_DIRS='TFLM;FLATBUFFERS/include;GEMMLOWP;RUY' "
            "-DTFLM_LIBRARY=PATH/libtensorflow-microlite.a && cmake --build build && "
            "build/{name}_golden_test",
            (SNAPSHOT, "pico-tflmicro", OTHER),
            ran=True,
        ),
        ProjectLayout(
            "arduino",
            "a sketch, and platformio.ini",
            "{name}",
            arduino_files,
            "the Arduino IDE or PlatformIO",
            "arduino-cli compile --fqbn arduino:mbed_nano:nano33ble {name}",
            ("chirale-2.0.0", "arduino", OTHER),
        ),
        ProjectLayout(
            "esp-idf",
            "an ESP-IDF project with the model as a component",
            "components/{name}",
            esp_idf_files,
            "ESP-IDF",
            "idf.py set-target esp32 && idf.py build flash monitor",
            ("esp-tflite-micro", OTHER),
        ),
        ProjectLayout(
            "zephyr",
            "a Zephyr application",
            "src",
            zephyr_files,
            "west",
            "west config manifest.project-filter -- +tflite-micro && west update && "
            "west build -b BOARD .",
            ("zephyr-build", "zephyr", OTHER),
            note="The arena is what the module needs as Zephyr's own build files compile it: they "
            "leave TF_LITE_STATIC_MEMORY undefined, so that structs are larger than with it.",
        ),
    )
}
