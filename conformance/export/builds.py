"""How TFLM, and programs with it, are compiled for the host and for emulated boards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CPU: Final[Mapping[str, tuple[str, ...]]] = {
    "host": (),
    "cm4": ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-mthumb"),
    "cm55": ("-mcpu=cortex-m55", "-mfloat-abi=hard", "-mfpu=auto", "-mthumb"),
}
MACHINE: Final[Mapping[str, str]] = {"cm4": "mps2-an386", "cm55": "mps3-an547"}
TARGET: Final[Mapping[str, str]] = {"host": "x86-64", "cm4": "cortex-m4", "cm55": "cortex-m55"}
KERNELS: Final[Mapping[str, str]] = {"ref": "reference", "cmsis": "cmsis-nn"}
BUILDS: Final = ("host_ref", "cm4_ref", "cm4_cmsis", "cm55_ref", "cm55_cmsis")
CXX: Final = ("-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics")
SECTIONS: Final = ("-ffunction-sections", "-fdata-sections", "-DTF_LITE_STATIC_MEMORY")


@dataclass(frozen=True, slots=True)
class TflmCheckouts:
    """Folders below one: `tflite-micro` and what it needs, by the names of their repositories."""

    root: Path

    @property
    def tflm(self) -> Path:
        """TFLM itself."""
        return self.root / "tflite-micro"

    def headers(self) -> list[Path]:
        """Folders of headers that programs need."""
        return [
            self.tflm,
            self.root / "flatbuffers" / "include",
            self.root / "gemmlowp",
            self.root / "ruy",
        ]


def core_of(build: str) -> str:
    """The processor that a build is for."""
    return build.partition("_")[0]


def compiler(build: str, language: str = "c++") -> str:
    """The compiler's name."""
    name = "g++" if language == "c++" else "gcc"
    return name if core_of(build) == "host" else f"arm-none-eabi-{name}"


def run(words: Sequence[str | Path]) -> str:
    """Run a tool; return what it prints.

    Raises RuntimeError with the end of what it complained about.
    """
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout)[-2000:]
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {told}")
    return done.stdout


def tflm_sources(where: TflmCheckouts, build: str) -> Iterator[tuple[Path, str]]:
    """Yield TFLM's sources and the level that each is compiled at: -O2 for kernels, else -Os."""
    cmsis = build.endswith("cmsis")
    lite = where.tflm / "tensorflow" / "lite"
    kernels = lite / "micro" / "kernels"
    for path in sorted(kernels.glob("*.cc")):
        own = kernels / "cmsis_nn" / path.name
        yield own if cmsis and own.exists() else path, "-O2"
    signal = where.tflm / "signal"
    for folder in ("micro/kernels", "src", "src/kiss_fft_wrappers"):
        for path in sorted((signal / folder).glob("*.cc")):
            yield path, "-O2"
    for name in ("", "arena_allocator", "memory_planner", "tflite_bridge"):
        for path in sorted((lite / "micro" / name).glob("*.cc")):
            yield path, "-Os"
    for folder in ("core/api", "core/c", "kernels", "kernels/internal", "schema"):
        for path in sorted((lite / folder).rglob("*.c*")):
            yield path, "-Os"
    for path in sorted((where.tflm / "tensorflow" / "compiler" / "mlir" / "lite").rglob("*.cc")):
        yield path, "-Os"
    if cmsis:
        for path in sorted((where.root / "CMSIS-NN" / "Source").rglob("*.c")):
            if not path.stem.endswith(("_f16", "_f32", "_flt")):
                yield path, "-O2"


def tflm_flags(where: TflmCheckouts, build: str, source: Path, level: str) -> list[str]:
    """The flags that a source of TFLM is compiled with."""
    core = core_of(build)
    flags = [*CPU[core], *SECTIONS, level, "-w"]
    flags += ["-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fmessage-length=0"]
    flags += ["-DTF_LITE_DISABLE_X86_NEON", "-DKERNELS_OPTIMIZED_FOR_SPEED"]
    flags += list(CXX) if source.suffix == ".cc" else ["-std=c17"]
    if core == "host":
        flags.append("-DTF_LITE_USE_CTIME")
    else:
        flags += [f"-DCPU_{core.removeprefix('c').upper()}=1", "-DTF_LITE_MCU_DEBUG_LOG"]
        flags += ["-fomit-frame-pointer", "-funsigned-char"]
    folders = [*where.headers(), where.root / "kissfft"]
    folders.append(where.root / "CMSIS_6" / "CMSIS" / "Core" / "Include")
    if build.endswith("cmsis"):
        flags += ["-DCMSIS_NN", "-DARM_NN_ENABLE_F16=0", "-DARM_NN_ENABLE_F32=0"]
        nn = where.root / "CMSIS-NN"
        folders += [where.root, nn, nn / "Include"]
    return [*flags, *(f"-I{folder}" for folder in folders)]
