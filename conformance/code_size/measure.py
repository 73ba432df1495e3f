"""Link TFLM for each operator by itself, on paper, and write what it takes.

    python -m conformance.code_size.measure --objects DIR --resolver micro_mutable_op_resolver.h

DIR has a folder of object files for each build (`cm3_cmsis`, `cm4_cmsis`, `cm4_ref`,
`cm55_cmsis`, `cm55_ref`): TFLM at 90b983c2b and CMSIS-NN at 4ab83cc by arm-none-eabi-gcc 12.2.1, a
section for each function, -Os for all but kernels, -O2 for kernels and CMSIS-NN, hard floating
point where there is any, `-fno-rtti -fno-exceptions -fno-threadsafe-statics
-DTF_LITE_STATIC_MEMORY`. `cm4_cmsis` and `cm4_ref` must be whole. Where an object of another build
is not there, that of the nearest of these two stands for it, each section scaled by what both
objects have according to `--sizes`, a CSV of build, object, text, data and bss bytes of the same
recipe. The compiler's own libm, libc and libgcc are read from where it says they are.

An operator's roots are the functions with which MicroMutableOpResolver adds it; the interpreter's
are what an application calls. What prints messages and stops, `DebugLog` and `assert`, is the
application's; what upstream's and the C library's take stands apart as `messages`:
blocks as operators have them, since some operators need parts of it too. GNU ld links
some sets of operators for comparison.
`refinterp/fit/code_size.json` is rewritten.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import refinterp
from conformance.code_size.elf import ObjectFile, read_archive, read_object
from conformance.code_size.errors import SETS, left_out
from conformance.code_size.link import Atom, Linker, called
from conformance.code_size.linked import compiler, held
from conformance.code_size.roots import INTERPRETER, LOG, operator_roots

NEAREST: Final = "cm4_cmsis"
"""The build that others are scaled from."""
REFERENCE: Final = "cm4_ref"
MESSAGES: Final = "messages"
"""What stands for the ends where it is told who needs a block."""
PARTLY: Final = ("cm3_cmsis", "cm55_cmsis", "cm55_ref")
OUTPUT: Final = Path(refinterp.__file__).parent / "fit" / "code_size.json"
ABOUT: Final = (
    "TFLM at 90b983c2b and CMSIS-NN at 4ab83cc, arm-none-eabi-gcc 12.2.1, -Os, kernels and "
    "CMSIS-NN -O2; sections that nothing refers to are dropped; bytes are text, data, bss"
)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--resolver", type=Path, required=True)
    parser.add_argument("--sizes", type=Path, required=True)
    options = parser.parse_args(words)
    sizes = object_sizes(options.sizes)
    roots = operator_roots(options.resolver.read_text("utf-8"))
    whole = {name: objects_of(options.objects / name) for name in (NEAREST, REFERENCE)}
    builds = {name: measured(one, libraries(name), roots) for name, one in whole.items()}
    for name in PARTLY:
        near = REFERENCE if name.endswith("_ref") else NEAREST
        own = objects_of(options.objects / name)
        have = {one.name for one in own}
        others = [one for one in whole[near] if one.name not in have]
        scales = scaled_by(sizes[near], sizes.get(name, {}))
        strange = {one.name: scales.get(called(one.name), 1.0) for one in others}
        builds[name] = measured([*own, *others], libraries(name), roots, strange)
    sums: dict[str, dict[str, int]] = {}
    for folder, alike in ((NEAREST, "cmsis"), (REFERENCE, "ref")):
        builds_of = {name: one for name, one in sizes.items() if name.endswith(alike)}
        sums |= object_sums(builds_of, objects_of(options.objects / folder), roots)
    alike = {name: one for name, one in sums.items() if name != REFERENCE}
    document = {
        "about": ABOUT,
        "error": left_out(alike),
        "error_of_any": left_out(sums),
        "held": list(held(builds, options.objects, roots)),
        "builds": dict(sorted(builds.items())),
    }
    OUTPUT.write_text(written(document), "utf-8", newline="\n")
    return 0


def objects_of(folder: Path) -> list[ObjectFile]:
    """Read all object files of a folder."""
    return [read_object(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.o"))]


def libraries(build: str) -> list[ObjectFile]:
    """Read the compiler's libraries for a build's processor."""
    found: list[ObjectFile] = []
    for name in ("libm.a", "libc.a", "libgcc.a"):
        done = subprocess.run(
            [*compiler(build), f"-print-file-name={name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        found += read_archive(Path(done.stdout.strip()))
    return found


def measured(
    objects: Iterable[ObjectFile],
    archives: Iterable[ObjectFile],
    roots: Mapping[str, Sequence[str]],
    scales: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the interpreter's bytes, and those of operators in blocks that several may share.

    scales: by which the sections of objects are multiplied that are another build's.
    """
    program = Linker(objects, archives, ends=LOG, scales=scales)
    core = program.reached(INTERPRETER)
    needs = {
        operator: program.reached(symbols) - core
        for operator, symbols in roots.items()
        if all(map(program.defines, symbols))
    }
    strange = scales or {}
    linked = [
        operator
        for operator, atoms in needs.items()
        if not any(atom[0] in strange for atom in atoms | core)
    ]
    printing = program.beyond_ends() - core
    users: dict[Atom, list[str]] = {}
    for operator, atoms in (*needs.items(), (MESSAGES, printing)):
        for atom in atoms:
            users.setdefault(atom, []).append(operator)
    blocks: dict[tuple[str, ...], list[Atom]] = {}
    for atom, by in users.items():
        blocks.setdefault(tuple(sorted(by)), []).append(atom)
    ordered = sorted(blocks)
    return {
        "linked": sorted(linked),
        "core": program.total(core),
        "messages": [place for place, by in enumerate(ordered) if MESSAGES in by],
        "blocks": [program.total(blocks[by]) for by in ordered],
        "operators": {
            operator: [place for place, by in enumerate(ordered) if operator in by]
            for operator in sorted(needs)
        },
    }


def object_sizes(path: Path) -> dict[str, dict[str, int]]:
    """Read text bytes by build and object; objects by the last part of their names."""
    found: dict[str, dict[str, int]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            short = "/".join(row["object"].split("/")[-2:])
            name = short.rpartition("/")[2] if "/cmsis_nn/Source/" in row["object"] else short
            found.setdefault(row["build"], {})[name] = int(row["text_bytes"])
    return found


def scaled_by(near: Mapping[str, int], other: Mapping[str, int]) -> dict[str, float]:
    """By what the objects of one build are larger in another that has them too."""
    return {name: other[name] / size for name, size in near.items() if size and name in other}


def object_sums(
    sizes: Mapping[str, Mapping[str, int]],
    objects: Sequence[ObjectFile],
    roots: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, int]]:
    """Return the text bytes of all objects that sets of operators reach, by build and set."""
    program = Linker(objects, (), ends=LOG)
    found: dict[str, dict[str, int]] = {}
    for name, operators in SETS.items():
        symbols = [*INTERPRETER, *(symbol for op in operators for symbol in roots[op])]
        reached = {called(atom[0]) for atom in program.reached(symbols) if atom[0]}
        for build, of in sizes.items():
            found.setdefault(build, {})[name] = sum(of.get(one, 0) for one in reached)
    return found


def written(document: Mapping[str, Any]) -> str:
    """Return the document as text, a list of numbers a line."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
