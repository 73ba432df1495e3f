"""What a ledger is computed for: a chip, a kernel library and a version of TFLM, as data.

Which pairs of target and kernels were measured with TFLM itself is part of the data; the rest
follows from the same rules and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from refinterp.errors import UsageError
from refinterp.tflm.structs import Abi, StructLayout, layout

Simd = Literal["none", "dsp", "mve"]
"""What CMSIS-NN is compiled for: plain C, the DSP extension, or MVE (Helium)."""

_AAPCS: Final = Abi("32-bit Arm, enums packed", 4, 1)
_ILP32: Final = Abi("32-bit, enums of 4 bytes", 4, 4)
_LP64: Final = Abi("64-bit", 8, 4)


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of chip: its ABI, its vector unit, and the kernels one builds TFLM with for it."""

    name: str
    abi: Abi
    simd: Simd
    kernels: str
    summary: str


@dataclass(frozen=True, slots=True)
class KernelLibrary:
    """Whose kernels run: tables of footprints, the later ones first asked for.

    size: built with KERNELS_OPTIMIZED_FOR_SIZE (CMSIS-NN; TFLM's default is FOR_SPEED).
    chip: which of ESP-NN's scratch rules hold; "" for other libraries.
    targets: where it exists; empty for everywhere.
    """

    name: str
    tables: tuple[str, ...]
    summary: str
    size: bool = False
    chip: str = ""
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """A TFLM version: the members of structs it has otherwise, and how it is built.

    compression: built with USE_TFLM_COMPRESSION, which gives some operators further members.
    """

    name: str
    changes: tuple[tuple[str, str], ...]
    compression: bool
    summary: str


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.name: target
        for target in (
            Target("cortex-m4", _AAPCS, "dsp", "cmsis-nn", "Cortex-M4 and M7 (DSP extension)"),
            Target("cortex-m3", _AAPCS, "none", "cmsis-nn", "Cortex-M0, M0+ and M3"),
            Target("cortex-m55", _AAPCS, "mve", "cmsis-nn", "Cortex-M55 and M85 (MVE)"),
            Target("generic-32", _ILP32, "none", "reference", "RISC-V, ESP32, Arm Linux"),
            Target("x86-64", _LP64, "none", "reference", "64-bit Linux"),
        )
    }
)

KERNELS: Final[Mapping[str, KernelLibrary]] = MappingProxyType(
    {
        library.name: library
        for library in (
            KernelLibrary("reference", ("reference",), "TFLM's reference kernels"),
            KernelLibrary("cmsis-nn", ("reference", "cmsis_nn"), "CMSIS-NN, built for speed"),
            KernelLibrary(
                "cmsis-nn-size", ("reference", "cmsis_nn"), "CMSIS-NN, built for size", size=True
            ),
            KernelLibrary(
                "esp-nn", ("reference", "esp_nn"), "ESP-NN for ESP32, C3, …",
                chip="generic", targets=("generic-32",),
            ),
            KernelLibrary(
                "esp-nn-s3", ("reference", "esp_nn"), "ESP-NN for ESP32-S3",
                chip="s3", targets=("generic-32",),
            ),
            KernelLibrary(
                "esp-nn-p4", ("reference", "esp_nn"), "ESP-NN for ESP32-P4",
                chip="p4", targets=("generic-32",),
            ),
        )
    }
)  # fmt: skip

WHEEL_VERSION: Final = "wheel-20261023"

VERSIONS: Final[Mapping[str, Version]] = MappingProxyType(
    {
        version.name: version
        for version in (
            Version("snapshot", (), False, "tflite-micro at 90b983c2b"),
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
            ),
        )
    }
)

MEASURED: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("x86-64", "reference"): "x86_64_ref",
        ("cortex-m4", "reference"): "cm4_ref",
        ("cortex-m4", "cmsis-nn"): "cm4_cmsis",
        ("cortex-m4", "cmsis-nn-size"): "cm4_cmsis_size",
        ("cortex-m3", "cmsis-nn"): "cm3_cmsis",
        ("cortex-m55", "cmsis-nn"): "cm55_cmsis",
        ("cortex-m55", "cmsis-nn-size"): "cm55_cmsis_size",
        ("generic-32", "reference"): "cm4_ref_intenum",
    }
)
"""(target, kernels) → the build of TFLM, at the snapshot, that the figures were measured on."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One target, kernel library and version, with everything that follows from them.

    core: the core that was asked for, where none of its builds was measured and the target's
    figures stand for it; else "".
    """

    target: Target
    kernels: KernelLibrary
    tflm: Version
    core: str = ""

    @property
    def measured(self) -> bool:
        """Whether TFLM itself was measured for this profile."""
        if self.core:
            return False
        wheel = self.tflm.name != "snapshot"
        return wheel or (self.target.name, self.kernels.name) in MEASURED

    @property
    def provenance(self) -> str:
        """`measured`, or `derived, not measured`."""
        return "measured" if self.measured else "derived, not measured"

    @property
    def label(self) -> str:
        """The profile in a line."""
        return f"{self.place}, {self.kernels.name}, {self.tflm.name}"

    @property
    def place(self) -> str:
        """The target, with the core that it stands for."""
        return f"{self.core} (as {self.target.name})" if self.core else self.target.name

    def layout(self, struct: str) -> StructLayout:
        """Return the size and alignment of a struct."""
        return layout(struct, self.target.abi, self.tflm.changes)


DEFAULT_TARGET: Final = "cortex-m4"
DEFAULT_VERSION: Final = "snapshot"
_WHEEL: Final = ("x86-64", "reference")


def profile(
    target: str | None = None, kernels: str | None = None, tflm: str = DEFAULT_VERSION
) -> Profile:
    """Return the profile of these names.

    target: cortex-m4 when not given, or the one that the kernels are for. kernels: the target's own
    when not given. The wheel exists for x86-64 with reference kernels only, and means them when the
    others are not given.

    Raises UsageError for a name that does not exist, or a combination that cannot be built.
    """
    if tflm not in VERSIONS:
        raise UsageError(f"TFLM version is {tflm!r}; there are {', '.join(VERSIONS)}")
    if tflm != DEFAULT_VERSION:
        asked = (target or _WHEEL[0], kernels or _WHEEL[1])
        if asked != _WHEEL:
            raise UsageError(
                f"{tflm} is a build for {_WHEEL[0]} with {_WHEEL[1]} kernels, not for "
                f"{asked[0]} with {asked[1]}; use --tflm {DEFAULT_VERSION} for that"
            )
        target, kernels = asked
    if target is None:
        library = KERNELS.get(kernels or "")
        target = library.targets[0] if library and library.targets else DEFAULT_TARGET
    if target not in TARGETS:
        raise UsageError(f"target is {target!r}; there are {', '.join(TARGETS)}")
    chip = TARGETS[target]
    kernels = kernels or chip.kernels
    if kernels not in KERNELS:
        raise UsageError(f"kernels are {kernels!r}; there are {', '.join(KERNELS)}")
    library = KERNELS[kernels]
    if library.targets and target not in library.targets:
        raise UsageError(f"{kernels} kernels run on {', '.join(library.targets)}, not on {target}")
    return Profile(chip, library, VERSIONS[tflm])


def profiles() -> tuple[Profile, ...]:
    """Return every snapshot profile that was measured, then the ones derived for ESP-NN."""
    measured = [profile(target, kernels) for target, kernels in MEASURED]
    derived = [profile("generic-32", name) for name, lib in KERNELS.items() if lib.chip]
    return (*measured, *derived)
