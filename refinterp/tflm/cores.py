"""Cores and chips that people name, and the target and kernels whose figures stand for them.

A core without a build of its own takes the figures of one with the same ABI and vector unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refinterp.tflm.targets import TARGETS


@dataclass(frozen=True, slots=True)
class Core:
    """A core or chip. names: as people write it. kernels: None for the target's own."""

    title: str
    names: tuple[str, ...]
    target: str
    kernels: str | None = None

    @property
    def options(self) -> str:
        """The options that ask for its figures."""
        return f"--target {self.target}" + (f" --kernels {self.kernels}" if self.kernels else "")


CORES: Final[Mapping[str, Core]] = MappingProxyType(
    {
        core.title: core
        for core in (
            Core("Cortex-M0, M0+, M1, M23", ("m0", "m0+", "m0plus", "m1", "m23"), "cortex-m3"),
            Core("Cortex-M7, M33, M35P", ("m7", "m33", "m35p"), "cortex-m4"),
            Core("Cortex-M52, M85", ("m52", "m85"), "cortex-m55"),
            Core(
                "ESP32, C3, C6",
                ("esp32", "esp32c3", "esp32c6", "esp", "c3", "c6"), "generic-32", "esp-nn",
            ),
            Core("ESP32-S3", ("esp32s3", "s3"), "generic-32", "esp-nn-s3"),
            Core("ESP32-P4", ("esp32p4", "p4"), "generic-32", "esp-nn-p4"),
            Core("RISC-V, Arm Linux of 32 bits", ("riscv", "riscv32", "rv32"), "generic-32"),
        )
    }
)  # fmt: skip
"""Derived, not measured: each follows from the ABI, the vector unit and the kernels' sources."""


def core(name: str) -> Core | None:
    """Return the core of this name, however it is written: cortex-m7, Cortex_M7, M7."""
    plain = "".join(c for c in name.lower() if c.isalnum() or c == "+").removeprefix("cortex")
    return next((one for one in CORES.values() if plain in one.names), None)


def other_cores() -> str:
    """All cores with their options, in a line."""
    return "; ".join(f"{one.title}: {one.options}" for one in CORES.values())


def no_such_target(name: str) -> str:
    """What to say about a target that there is not: what stands for it, or what there is."""
    found = core(name)
    if found is not None:
        return (
            f"there are no figures of {name} itself; {found.options} is the nearest "
            f"({found.title}: derived, not measured there)"
        )
    return f"there is no target {name!r}; there are {', '.join(TARGETS)}. {other_cores()}"
