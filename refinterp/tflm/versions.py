"""Versions of TFLM as data: what its structs and kernels are otherwise, and where it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Build:
    """A target and kernel library that a version is built for.

    measured: whether this build itself was. core: what it was compiled for, where that is not the
    target's own core.
    """

    target: str
    kernels: str
    measured: bool = False
    core: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A TFLM version: the members of structs it has otherwise, and how it is built.

    name: as `--tflm` takes it.
    changes: (struct, its members) pairs, of structs that it has otherwise.
    compression: built with USE_TFLM_COMPRESSION, which gives some operators further members.
    summary: what it is, in a line.

    Of a distribution, which is TFLM as a library that people flash:

    source: its repository and release.
    commit: of that repository.
    date: of the commit.
    layers: tables of what kernels were otherwise until a date, from the youngest to the oldest.
    lacks: operators that it has no kernel for.
    builds: where it is built, its own first.
    usual: the version that its own users' build files make, where that is another.
    why_usual: in what the two differ, in a clause.
    """

    name: str
    changes: tuple[tuple[str, str], ...]
    compression: bool
    summary: str
    source: str = ""
    commit: str = ""
    date: str = ""
    layers: tuple[str, ...] = ()
    lacks: frozenset[str] = frozenset()
    builds: tuple[Build, ...] = ()
    usual: str = ""
    why_usual: str = ""

    @property
    def distribution(self) -> bool:
        """Whether it is a library that people flash, not TFLM's own repository."""
        return bool(self.source)

    def measured(self, target: str, kernels: str, core: str = "") -> bool:
        """Whether its own build for this target and these kernels was; core: as in `Profile`."""
        return any(
            b.measured and (b.target, b.kernels) == (target, kernels) and core in ("", b.core)
            for b in self.builds
        )

    @property
    def told(self) -> str:
        """Its name, a distribution's with its commit."""
        return f"{self.name} at {self.commit[:9]}" if self.distribution else self.name


SNAPSHOT: Final = "snapshot"
OTHER: Final = "other"
WHEEL_VERSION: Final = "wheel-20261023"

UPSTREAM: Final = (
    Version(SNAPSHOT, (), False, "tflite-micro at 90b983c2b"),
    Version(
        WHEEL_VERSION,
        (
            ("SubgraphAllocations", "ptr*3"),
            ("RecordingMicroAllocator", "MicroAllocator ptr RecordedAllocation*8"),
            ("OpDataConv", "TfLitePaddingValues int*5 ptr*2 int*5"),
            ("OpDataConcatenation", "int ptr*2 int*2 float int*10"),
            ("OpDataFullyConnected", "int*9 ptr*2 bool int*2"),
            ("OpDataTransposeConv", "ConvParams int*4 ptr*2"),
            ("TfLiteFullyConnectedParams", "enum*2 bool*2 enum ptr*2"),
        ),
        True,
        "tflite-micro 0.dev20261023, the Python wheel: x86-64, reference kernels",
        builds=(Build("x86-64", "reference", measured=True),),
    ),
)
"""What comes from TFLM's own repository."""

UNKNOWN: Final = Version(OTHER, (), False, "a distribution that is not among these: with a margin")
"""What stands for a distribution that is not known."""
