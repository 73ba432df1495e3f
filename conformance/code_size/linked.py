"""What GNU ld makes of the same object files and roots: the figures on paper held against it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from conformance.code_size.errors import SETS
from conformance.code_size.roots import INTERPRETER, LOG

CPU: Final[Mapping[str, tuple[str, ...]]] = {
    "cm3": ("-mcpu=cortex-m3",),
    "cm4": ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "cm55": ("-mcpu=cortex-m55", "-mfloat-abi=hard", "-mfpu=auto"),
}
_STUBS: Final = (*LOG, "_exit")


def compiler(build: str) -> list[str]:
    """The compiler's name and what says for which processor."""
    return ["arm-none-eabi-g++", *CPU[build.split("_")[0]], "-mthumb"]


def linked_bytes(
    build: str, objects: Iterable[Path], symbols: Iterable[str], folder: Path
) -> tuple[int, int, int]:
    """Link object files from some symbols on; return bytes of text, data and bss."""
    told = subprocess.run(
        ["arm-none-eabi-size", str(linked_program(build, objects, symbols, folder))],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    return text, data, bss


def linked_program(
    build: str, objects: Iterable[Path], symbols: Iterable[str], folder: Path
) -> Path:
    """Link object files from some symbols on, into a folder; return the program.

    What ends messages (`LOG`) is defined by functions of a few bytes.
    """
    source, output = folder / "ends.cc", folder / "linked.elf"
    source.write_text(
        "".join(f'extern "C" void {name}(void) {{ for (;;); }}\n' for name in _STUBS), "utf-8"
    )
    wanted = [f"-Wl,-u,{symbol}" for symbol in symbols]
    given = [str(path) for path in objects if not path.stem.endswith("debug_log")]
    subprocess.run(
        [*compiler(build), "-Os", "-w", "-fno-builtin", "-ffunction-sections", "-fno-exceptions",
         "-nostartfiles", "--specs=nosys.specs", "-Wl,--gc-sections", "-Wl,-e,0", *wanted,
         str(source), *given, "-o", str(output)],
        check=True, capture_output=True,
    )  # fmt: skip
    return output


def held(
    builds: Mapping[str, Mapping[str, Any]],
    folder: Path,
    roots: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, Any]]:
    """Yield for each linked build and set of operators the flash by ld and on paper.

    builds: as `measure` has them. folder: of object files, a folder for each build.
    """
    for name, build in builds.items():
        objects = sorted((folder / name).glob("*.o"))
        for called, operators in SETS.items():
            if not set(operators) <= set(build["linked"]):
                continue
            symbols = [*INTERPRETER, *(symbol for op in operators for symbol in roots[op])]
            with tempfile.TemporaryDirectory() as place:
                text, data, _ = linked_bytes(name, objects, symbols, Path(place))
            blocks = set().union(*(build["operators"][op] for op in operators))
            parts = [build["core"], *(build["blocks"][i] for i in blocks)]
            paper = sum(part[0] + part[1] for part in parts)
            yield {
                "build": name,
                "operators": called,
                "linked_bytes": text + data,
                "bytes": paper,
                "error": round(paper / (text + data) - 1, 4),
            }
