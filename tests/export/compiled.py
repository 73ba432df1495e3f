"""Exported sources under the host's compiler, beside a stand-in for TFLM where they need one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from refinterp.cli.main import main
from refinterp.export.cpp import TFLM_TYPES, TYPES
from refinterp.modelfile.reader import read_model
from tests.tflm.test_resolver import METHODS

STAND_IN = Path(__file__).parent / "stand_in"
COMPILER = shutil.which("g++") or shutil.which("c++")
STRICT = ("-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")


def exported(model: Path | str, folder: Path, *words: str) -> Path:
    """Export a model, and return the folder of its sources."""
    layout = () if "--for" in words else ("--for", "tflm")
    assert main(["export", str(model), *layout, "--to", str(folder), *words]) == 0
    return next(iter(folder.rglob("*_numbers.h"))).parent


def name_of(sources: Path) -> str:
    """The project's name."""
    return next(sources.glob("*_numbers.h")).name.removesuffix("_numbers.h")


def built(sources: list[Path], out: Path, *flags: str) -> Path:
    """Compile and link, every warning an error; return the program."""
    (out / "methods.inc").write_text("".join(f"METHOD({m})\n" for m in METHODS.values()))
    program = out / "program"
    done = subprocess.run(
        [
            str(COMPILER), *STRICT, "-I", str(STAND_IN), "-I", str(out), *flags,
            *map(str, sources), "-o", str(program),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return program


def ran(program: Path) -> tuple[int, str]:
    """Run a program; its exit code and what it printed."""
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def harness(model: Path | str, name: str, *, spoilt: int = False, needed: int = 0) -> str:
    """C++ that answers golden inputs with golden outputs, as an interpreter of the model would.

    spoilt: one byte of the last output is another. needed: bytes of arena below which it refuses.
    """
    graph = read_model(model).subgraphs[0]
    sides = {
        "Input": [graph.tensors[i] for i in graph.inputs],
        "Output": [graph.tensors[i] for i in graph.outputs],
    }
    text = f'#include <string.h>\n#include "{name}_golden.h"\n'
    text += '#include "tensorflow/lite/micro/stand_in.h"\n'
    text += f"using namespace {name};\nnamespace stand_in {{\nsize_t needed = {needed};\n"
    for role, tensors in sides.items():
        rows = ""
        for place, tensor in enumerate(tensors):
            count = int(np.prod(tensor.shape, dtype=int))
            text += f"static {TYPES[tensor.dtype]} memory{role}{place}[{count}];\n"
            rows += f"{{{TFLM_TYPES[tensor.dtype]}, sizeof(memory{role}{place}), "
            rows += f"{{memory{role}{place}}}}}, "
        text += (
            f"static TfLiteTensor tensors{role}[] = {{{rows}{{kTfLiteBool, 0, {{nullptr}}}}}};\n"
        )
        text += f"Side {role}s() {{ return {{{len(tensors)}, tensors{role}}}; }}\n"
    equal = "".join(
        f" && memcmp(memoryInput{i}, kGoldenInput{i}[s], sizeof(memoryInput{i})) == 0"
        for i in range(len(sides["Input"]))
    )
    copy = "".join(
        f"      memcpy(memoryOutput{i}, kGoldenOutput{i}[s], sizeof(memoryOutput{i}));\n"
        for i in range(len(sides["Output"]))
    )
    last = f"memoryOutput{len(sides['Output']) - 1}"
    spoil = f"      reinterpret_cast<unsigned char*>({last})[sizeof({last}) - 1] ^= 64;\n"
    return (
        f"{text}bool Compute() {{\n  for (int s = 0; s < kGoldenSamples; ++s) {{\n"
        f"    if (true{equal}) {{\n{copy}{spoil if spoilt else ''}"
        "      return true;\n    }\n  }\n"
        "  return true;\n}\n"
        'void Registered(const char* method) { printf("%s\\n", method); }\n'
        'void Variables(int count) { printf("%d variables\\n", count); }\n}\n'
    )
