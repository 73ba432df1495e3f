r"""Export models, compile, link and run them; write a line of JSON for each.

    python -m conformance.export.tried --checkouts DIR --libraries OUT --work TMP \
        --build BUILD MODEL…

OUT is where `python -m conformance.export.library` has put BUILD.a. Every warning of an exported
source is an error. A program with 16 bytes of arena less must be refused. For a Cortex-M the
program runs under qemu-system-arm; what was linked is read from GNU ld's map, and how deep the
stack was from a pattern. The rows are what `conformance/results/export.json` lists.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from conformance.export.builds import (
    BUILDS,
    CPU,
    CXX,
    HERE,
    KERNELS,
    MACHINE,
    SECTIONS,
    TARGET,
    TflmCheckouts,
    compiler,
    core_of,
    run,
)

_FLASH: Final = (".text", ".rodata", ".ARM.extab", ".ARM.exidx", ".data", ".init_array")
_PASSED: Final = re.compile(r"golden test: (\d+) of (\d+) samples passed, arena used (\d+)")


def main(words: Sequence[str] | None = None) -> int:
    """Try every model on a build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--libraries", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--build", choices=BUILDS, required=True)
    parser.add_argument("model", nargs="+", type=Path)
    options = parser.parse_args(words)
    where = TflmCheckouts(options.checkouts)
    library = options.libraries / f"{options.build}.a"
    for model in options.model:
        found = _Tried(where, library, options.build, options.work / options.build / model.stem)
        print(json.dumps(found.row(model)), flush=True)
    return 0


class _Tried:
    """One model on one build. folder: for sources, objects and programs."""

    def __init__(self, where: TflmCheckouts, library: Path, build: str, folder: Path) -> None:
        self._where, self._library, self._build, self._folder = where, library, build, folder
        self._core = core_of(build)

    def row(self, model: Path) -> dict[str, Any]:
        """Return what came out."""
        told = run(
            [sys.executable, "-m", "refinterp", "export", model, "--for", "tflm", "--force",
             "--json", "--to", self._folder, "--target", TARGET[self._core],
             "--kernels", KERNELS[self._build.partition("_")[2]]]
        )  # fmt: skip
        document = json.loads(told)
        arena = document["arena_bytes"]
        sources = sorted((self._folder / "src").glob("*.cpp"))
        name = next((self._folder / "src").glob("*_golden.h")).name.removesuffix("_golden.h")
        macro = name.upper()
        objects = [self._compiled(path, f"-D{macro}_GOLDEN_TEST=1") for path in sources]
        code, text = self._ran(self._linked("golden", objects))
        passed = _PASSED.search(text)
        less = [
            self._compiled(path, f"-D{macro}_GOLDEN_TEST=1", f"-D{macro}_ARENA_BYTES={arena - 16}")
            for path in sources
        ]
        with_less, _ = self._ran(self._linked("less", less))
        row = {
            "model": model.stem,
            "build": self._build,
            "arena_bytes": arena,
            "used_bytes": int(passed[3]) if passed else None,
            "samples": document["golden"]["samples"],
            "passed": int(passed[1]) if passed else code,
            "with_16_less": "refused" if with_less == 1 else str(with_less),
            "sha256": document["model_sha256"],
        }
        return row if self._core == "host" else row | self._measured(sources, name)

    def _measured(self, sources: Iterable[Path], name: str) -> dict[str, int]:
        """Bytes that the example was linked with, and marks of the stack."""
        macro, header = name.upper(), self._folder / "src" / f"{name}_golden.h"
        example = [self._compiled(path, f"-D{macro}_GOLDEN_TEST=0") for path in sources]
        program = self._linked("example", example)
        linked = linked_bytes(program.with_suffix(".map").read_text("utf-8"), self._library.name)
        given = ["-DHAS_INPUT"] if "kGoldenInput0" in header.read_text("utf-8") else []
        own = self._compiled(HERE / "stack.cpp", f"-DNAME={name}", "-Wno-error", *given)
        others = [path for path in example if path.stem != "main"]
        _, text = self._ran(self._linked("stack", [*others, own]))
        marks = re.search(r"stack: setup (\d+), invoke (\d+)", text)
        if marks is None:
            raise RuntimeError(f"{name}: no marks of the stack: {text[-300:]}")
        return linked | {
            "stack_setup_bytes": int(marks[1]),
            "stack_invoke_bytes": int(marks[2]),
        }

    def _compiled(self, source: Path, *flags: str) -> Path:
        output = self._folder / f"{source.stem}.o"
        headers = [word for folder in self._where.headers() for word in ("-isystem", folder)]
        run(
            [compiler(self._build), *CPU[self._core], *CXX, *SECTIONS, "-Os", "-funsigned-char",
             "-Wall", "-Wextra", "-Werror", *flags, "-I", self._folder / "src", *headers,
             "-c", source, "-o", output]
        )  # fmt: skip
        return output

    def _linked(self, name: str, objects: Iterable[Path]) -> Path:
        program = self._folder / f"{name}.elf"
        words: list[str | Path] = [compiler(self._build), *CPU[self._core], *objects]
        words += ["-Wl,--gc-sections", f"-Wl,-Map={program.with_suffix('.map')}"]
        if self._core != "host":
            start = self._folder / "start.o"
            run([compiler(self._build, "c"), *CPU[self._core], "-Os", "-w", "-c",
                 HERE / "start.c", "-o", start])  # fmt: skip
            words += ["-nostartfiles", "--specs=rdimon.specs", "-T", HERE / f"{self._core}.ld"]
            words.append(start)
        run([*words, self._library, "-lm", "-o", program])
        return program

    def _ran(self, program: Path) -> tuple[int, str]:
        words = [str(program)]
        if self._core != "host":
            words = ["qemu-system-arm", "-M", MACHINE[self._core], "-nographic", "-monitor", "none",
                     "-serial", "none", "-semihosting-config", "enable=on,target=native",
                     "-kernel", str(program)]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
        return done.returncode, done.stdout + done.stderr


def linked_bytes(text: str, library: str) -> dict[str, int]:
    """Return what GNU ld took of TFLM and of the compiler's libraries, by its map.

    Code, constants and initial values. librdimon, the emulated board's own, is left out.
    """
    sizes, place, begun = {"tflm_bytes": 0, "library_bytes": 0}, "", False
    for line in text.splitlines():
        begun |= line.startswith("Linker script and memory map")
        if head := re.match(r"^(\.\w[\w.]*)", line):
            place = head[1]
        part = re.match(r"^ (?:\.\S+)?\s*0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+\.a)\(", line)
        if begun and part and place in _FLASH and not part[2].endswith("librdimon.a"):
            own = part[2].endswith(library)
            sizes["tflm_bytes" if own else "library_bytes"] += int(part[1], 16)
    return sizes


if __name__ == "__main__":
    sys.exit(main())
