"""Objects of TFLM that lie in RAM beside the arena.

Source    sizeof in builds of each version: for 32-bit Arm with gcc 12.2, and x86-64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from refinterp.tflm.targets import Profile

_INTERPRETER: Final[Mapping[str, int]] = {
    "chirale-2.0.0": 176,
    "arduino": 176,
    "esp-tflite-micro": 212,
    "pico-tflmicro": 196,
    "edge-impulse": 172,
    "zephyr": 188,
    "zephyr-build": 188,
}
_UPSTREAM: Final = {4: 208, 8: 408}  # by the bytes of a pointer


def interpreter_bytes(profile: Profile) -> int:
    """Return the bytes of a MicroInterpreter."""
    pointer = profile.target.abi.pointer
    return _INTERPRETER.get(profile.tflm.name, _UPSTREAM[4]) if pointer == 4 else _UPSTREAM[8]
