"""What a ledger is computed for: a chip, a kernel library and a version of TFLM, as data.

Which pairs of target and kernels were measured with TFLM itself is part of the data; the rest
follows from the same rules and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

from refinterp.errors import UsageError
from refinterp.tflm.distributions import AS_BUILT, DISTRIBUTIONS
from refinterp.tflm.structs import Abi, StructLayout, layout
from refinterp.tflm.versions import OTHER, SNAPSHOT, UNKNOWN, UPSTREAM, Version

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

VERSIONS: Final[Mapping[str, Version]] = MappingProxyType(
    {version.name: version for version in (*UPSTREAM, *DISTRIBUTIONS, *AS_BUILT, UNKNOWN)}
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

ON_CHIPS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("generic-32", "esp-nn"): "measured on ESP32 by mcufit-bench"}
)
"""(target, kernels) → where the snapshot was met on chips: 4 models of 4, to the byte."""


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
        return self.provenance.startswith("measured")

    @property
    def provenance(self) -> str:
        """`measured`, where and by whom if on a chip, or `derived, not measured`."""
        pair = (self.target.name, self.kernels.name)
        if self.tflm.name == OTHER:
            return "the most of all known distributions, not measured"
        if self.tflm.name != SNAPSHOT:
            known = "measured" if self.tflm.measured(*pair, self.core) else ""
        elif self.core:
            known = ""
        else:
            known = "measured" if pair in MEASURED else ON_CHIPS.get(pair, "")
        return known or "derived, not measured"

    @property
    def label(self) -> str:
        """The profile in a line."""
        return f"{self.place}, {self.kernels.name}, {self.tflm.told}"

    @property
    def place(self) -> str:
        """The target, with the core that it stands for."""
        return f"{self.core} (as {self.target.name})" if self.core else self.target.name

    def layout(self, struct: str) -> StructLayout:
        """Return the size and alignment of a struct."""
        return layout(struct, self.target.abi, self.tflm.changes)


DEFAULT_TARGET: Final = "cortex-m4"
DEFAULT_VERSION: Final = SNAPSHOT


def profile(
    target: str | None = None, kernels: str | None = None, tflm: str = DEFAULT_VERSION
) -> Profile:
    """Return the profile of these names.

    target: cortex-m4 when not given, or the one that the kernels are for. kernels: the target's own
    when not given. A distribution, or the wheel, means its own target and kernels when they are not
    given, and has no others than it is built for.

    Raises UsageError for a name that does not exist, or a combination that cannot be built.
    """
    if tflm not in VERSIONS:
        raise UsageError(no_such_version(tflm))
    version = VERSIONS[tflm]
    if version.builds:
        target, kernels = _built(version, target, kernels)
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
    return Profile(chip, library, version)


def _built(version: Version, target: str | None, kernels: str | None) -> tuple[str, str]:
    """Return the first of a version's builds that has the target and kernels asked for."""
    for build in version.builds:
        if target in (None, build.target) and kernels in (None, build.kernels):
            return build.target, build.kernels
    asked = " with ".join(name for name in (target, kernels and f"{kernels} kernels") if name)
    there = ", ".join(f"{build.target} with {build.kernels}" for build in version.builds)
    raise UsageError(
        f"{version.name} is not built for {asked}; it is for {there}; "
        f"use --tflm {DEFAULT_VERSION} for that"
    )


def no_such_version(name: str) -> str:
    """What to say about a TFLM version that there is not: what is like it, and what there is."""
    near = get_close_matches(name.lower(), VERSIONS, 1, 0.5)
    guess = f"did you mean {near[0]}? There" if near else "there"
    return f"TFLM version is {name!r}; {guess} are {', '.join(VERSIONS)}"


def distribution_profiles(name: str) -> tuple[Profile, ...]:
    """Return every build of a distribution; UsageError for a name that is none."""
    if name not in VERSIONS:
        raise UsageError(no_such_version(name))
    version = VERSIONS[name]
    if not version.distribution:
        raise UsageError(f"--all-targets is for --tflm {DEFAULT_VERSION} and distributions")
    return tuple(profile(build.target, build.kernels, name) for build in version.builds)


def known_builds(where: Profile) -> tuple[Profile, ...]:
    """Return TFLM's own build first, then those of every distribution, that stand for `where`.

    A distribution stands with its build for the same target and kernels, with its own without one.
    """
    pair = (where.target.name, where.kernels.name)
    found = [profile(*pair)]
    for version in (*DISTRIBUTIONS, *AS_BUILT):
        own = version.builds[0]
        same = any((b.target, b.kernels) == pair for b in version.builds)
        found += [profile(own.target, own.kernels, version.name)]
        found += (
            [profile(*pair, version.name)] if same and pair != (own.target, own.kernels) else []
        )
    return tuple(found)


def built_by_users(where: Profile) -> Profile | None:
    """Return the build that a distribution's users make with its own build files.

    None where that is `where` itself.
    """
    usual = where.tflm.usual
    return replace(where, tflm=VERSIONS[usual]) if usual else None


def profiles() -> tuple[Profile, ...]:
    """Return every snapshot profile that was measured, then the ones derived for ESP-NN."""
    measured = [profile(target, kernels) for target, kernels in MEASURED]
    derived = [profile("generic-32", name) for name, lib in KERNELS.items() if lib.chip]
    return (*measured, *derived)
