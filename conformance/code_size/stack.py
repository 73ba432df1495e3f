"""What TFLM takes of the stack: its interpreter and, by operator, the deepest chain of calls.

    python -m conformance.code_size.stack --objects DIR --resolver micro_mutable_op_resolver.h

DIR has a folder of object files for each build, as `conformance.code_size.measure` says. For each
build all operators it has are linked together, and the frames of all functions, the compiler's
libraries among them, are read from the disassembly. Where there are files of `-fstack-usage`
(`*.su`) beside the objects, every function that can be told by its name must have the same bytes
in both. `refinterp/fit/stack.json` is rewritten.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import refinterp
from conformance.code_size.chains import StackProgram
from conformance.code_size.errors import SETS
from conformance.code_size.linked import linked_program
from conformance.code_size.roots import INTERPRETER, operator_roots
from refinterp.graph.operators import facts

OUTPUT: Final = Path(refinterp.__file__).parent / "fit" / "stack.json"
ABOUT: Final = (
    "TFLM at 90b983c2b and CMSIS-NN at 4ab83cc, arm-none-eabi-gcc 12.2.1, -Os, kernels and "
    "CMSIS-NN -O2; bytes of stack below whoever calls AllocateTensors (setup) or Invoke, by the "
    "deepest chain of calls, over all types that an operator has; without what prints messages"
)
_CONSTRUCTOR, _SETUP, _INVOKE = INTERPRETER[0], INTERPRETER[2], INTERPRETER[3]
_GRAPH: Final = "_ZN6tflite21MicroInterpreterGraph"
_INIT, _PREPARE = _GRAPH + "13InitSubgraphsEv", _GRAPH + "16PrepareSubgraphsEv"
_RUN: Final = _GRAPH + "14InvokeSubgraphEi"


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--resolver", type=Path, required=True)
    options = parser.parse_args(words)
    roots = operator_roots(options.resolver.read_text("utf-8"))
    builds, agreed = {}, 0
    for folder in sorted(path for path in options.objects.iterdir() if path.is_dir()):
        objects = sorted(folder.glob("*.o"))
        have = linkable(objects, roots)
        if not have:
            continue
        symbols = [*INTERPRETER, *(symbol for one in have for symbol in roots[one])]
        with tempfile.TemporaryDirectory() as place:
            program = StackProgram(linked_program(folder.name, objects, symbols, Path(place)))
        builds[folder.name] = measured(program, {one: roots[one] for one in have})
        agreed += compared(program, sorted(folder.glob("*.su")))
    document = {
        "about": ABOUT,
        "frames_equal_to_stack_usage": agreed,
        "error": left_out(builds, alike=True),
        "error_of_any": left_out(builds, alike=False),
        "builds": builds,
    }
    OUTPUT.write_text(written(document), "utf-8", newline="\n")
    return 0


def linkable(objects: Iterable[Path], roots: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the operators whose every root some object defines."""
    told = subprocess.run(
        ["arm-none-eabi-nm", "-A", "--defined-only", *map(str, objects)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    defined = {line.split()[-1] for line in told.splitlines()}
    return [name for name, symbols in roots.items() if defined.issuperset(symbols)]


def measured(program: StackProgram, roots: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the bytes of the interpreter and, by operator, those of setup and of Invoke.

    nesting: operators that run other subgraphs, whose bytes come on top of those below them.
    """
    prepare = program.to(_SETUP, _PREPARE) + program.at_indirect_calls(_PREPARE)
    begin = program.to(_SETUP, _INIT) + program.at_indirect_calls(_INIT)
    parse = program.deepest_of(_SETUP, avoiding=(_INIT, _PREPARE))
    run = program.at_indirect_calls(_RUN)
    operators = {}
    for name, symbols in sorted(roots.items()):
        setup, invoke = program.deepest_of(symbols[0]), 0
        for one in program.mentioned(symbols[0]):
            size = program.deepest(one.address)[0]
            if "Eval" in one.name:
                invoke = max(invoke, run + size)
            else:
                setup = max(setup, (prepare if "Prepare" in one.name else begin) + size)
        for parser in symbols[1:]:
            setup = max(setup, program.frame(_SETUP) + program.deepest_of(parser))
        operators[name] = [setup, invoke]
    core = max(parse, program.deepest_of(_CONSTRUCTOR))
    nesting = sorted(name for name in operators if facts(name).calls)
    return {"interpreter": [core, run], "nesting": nesting, "operators": operators}


def needed(build: Mapping[str, Any], operators: Iterable[str]) -> int:
    """Return the bytes that a model of these operators takes on a build; none runs subgraphs."""
    return max(*build["interpreter"], *(max(build["operators"][name]) for name in operators))


def left_out(builds: Mapping[str, Mapping[str, Any]], *, alike: bool) -> dict[str, Any]:
    """Return how far the largest of other builds is from one that is left out, by sets.

    alike: the other builds with the same kernels; else all those with other kernels.
    """
    rows = []
    for left, build in builds.items():
        same = [name for name in builds if name.partition("_")[2] == left.partition("_")[2]]
        others = [name for name in builds if name != left and (name in same) == alike]
        for called, operators in SETS.items():
            known = [
                name for name in (left, *others) if set(operators) <= set(builds[name]["operators"])
            ]
            if left in known and len(known) > 1:
                found = max(needed(builds[name], operators) for name in known if name != left)
                error = round(found / needed(build, operators) - 1, 4)
                rows.append({"build": left, "operators": called, "error": error})
    return {
        "what": "the largest of other builds, with the same kernels or with others, against the "
        "build that was left out",
        "lowest": min(row["error"] for row in rows),
        "highest": max(row["error"] for row in rows),
        "rows": rows,
    }


def compared(program: StackProgram, files: Iterable[Path]) -> int:
    """Hold frames against those that the compiler wrote; return of how many functions.

    Raises ValueError where one differs. Functions whose name several have are left out.
    """
    usage: dict[str, set[int]] = {}
    for path in files:
        for line in path.read_text("utf-8").splitlines():
            place, size, _ = line.split("\t")
            usage.setdefault(_plain(place.split(":", 3)[3]), set()).add(int(size))
    names = [one.name for one in program.functions.values()]
    told = subprocess.run(
        ["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True
    ).stdout
    agreed = 0
    for one, name in zip(program.functions.values(), map(_plain, told.splitlines()), strict=True):
        sizes = usage.get(name, set())
        if not sizes and "(" in name:
            sizes = next((sizes for other, sizes in usage.items() if other.endswith(name)), set())
        if len(sizes) == 1:
            if sizes != {one.frame}:
                raise ValueError(f"{name}: {one.frame} bytes, the compiler says {sizes}")
            agreed += 1
    return agreed


def _plain(name: str) -> str:
    """A function's name as both write it."""
    return re.sub(r"\[with.*\]|\{anonymous\}|\(anonymous namespace\)| ", "", name)


def written(document: Mapping[str, Any]) -> str:
    """Return the document as text, an operator a line."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\[\s+([^\[\]]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
