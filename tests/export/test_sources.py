"""Exported sources, compiled for the host: data and helpers alone, all of them beside a stand-in.

What the helpers must give is computed here from the file's scale and zero point, with fractions.
"""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import save_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from tests.corpus import ROOT
from tests.export.compiled import built, exported, harness, name_of, needs_compiler, ran
from tests.export.models import KINDS
from tests.tflm.graphs import draw_graph
from tests.tflm.test_resolver import METHODS

DIGITS = ROOT / "refinterp" / "data" / "digits_int8.tflite"
BUNDLED = sorted((ROOT / "refinterp" / "data").glob("*.tflite"))


def saved(kind: str, folder: Path) -> Path:
    """One of the small models, as a file."""
    path = folder / "net.tflite"
    save_model(KINDS[kind](), path)
    return path


@needs_compiler
def test_the_array_is_the_file(tmp_path):
    """Byte for byte, and at a multiple of 16."""
    sources = exported(DIGITS, tmp_path / "out")
    name = name_of(sources)
    main = tmp_path / "main.cpp"
    main.write_text(
        f'#include <stdint.h>\n#include <stdio.h>\n#include "{name}_data.h"\n'
        f"int main() {{ fwrite({name}::kModel, 1, {name}::kModelBytes, stdout); "
        f"return reinterpret_cast<uintptr_t>({name}::kModel) % 16 != 0; }}\n"
    )
    program = built([main, sources / f"{name}_data.cpp"], tmp_path, "-I", str(sources))
    done = subprocess.run([str(program)], capture_output=True, check=True)
    assert done.stdout == DIGITS.read_bytes()


def _code(real: float, scale: float, zero: int, low: int, high: int) -> int:
    """round(real / scale) + zero point, ties to even, clipped: by fractions."""
    return min(max(round(Fraction(real) / Fraction(scale)) + zero, low), high)


def _reals(scale: float) -> np.ndarray:
    """Floats about codes and ties, their neighbours, and far ones."""
    rng = np.random.default_rng(7)
    halves = (np.arange(-700, 701) / 2).astype(np.float32) * np.float32(scale)
    near = [np.nextafter(halves, np.float32(way)) for way in (-np.inf, np.inf)]
    far = rng.normal(size=2000).astype(np.float32) * np.float32(40000 * scale)
    edge = np.array([0, -0.0, 1e30, -1e30, 3e38, 1e-40], np.float32)
    return np.concatenate([halves, *near, far, edge]).astype(np.float32)


@needs_compiler
@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32"])
def test_helpers_are_the_files_numbers(tmp_path, kind):
    """Every real gives the nearest code, ties to even, and every code its real, to the bit."""
    model = saved(kind, tmp_path)
    tensor = read_model(model).subgraphs[0].tensors[0]
    scale, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zero_point[0])
    limits = np.iinfo(tensor.dtype)
    reals = _reals(scale)
    codes = np.arange(max(limits.min, -40000), min(limits.max, 40000) + 1).astype(tensor.dtype)
    sources = exported(model, tmp_path / "out")
    main = tmp_path / "main.cpp"
    main.write_text(
        '#include <stdio.h>\n#include <string.h>\n#include "net_model_numbers.h"\n'
        "using namespace net_model;\n"
        f"int main() {{\n  float real;\n  for (int i = 0; i < {len(reals)}; ++i) {{\n"
        "    if (fread(&real, 4, 1, stdin) != 1) return 1;\n"
        "    const Input0Type code = QuantizeInput0(real);\n"
        "    fwrite(&code, sizeof(code), 1, stdout);\n  }\n  Output0Type code;\n"
        "  while (fread(&code, sizeof(code), 1, stdin) == 1) {\n"
        "    real = DequantizeOutput0(code);\n    fwrite(&real, 4, 1, stdout);\n  }\n}\n"
    )
    program = built([main], tmp_path, "-I", str(sources))
    done = subprocess.run(
        [str(program)], input=reals.tobytes() + codes.tobytes(), capture_output=True, check=True
    )
    middle = len(reals) * codes.itemsize
    got = np.frombuffer(done.stdout[:middle], tensor.dtype)
    want = [_code(float(r), scale, zero, limits.min, limits.max) for r in reals]
    np.testing.assert_array_equal(got, np.array(want, tensor.dtype))
    back = np.frombuffer(done.stdout[middle:], np.float32)
    exact = [np.float32(float((int(c) - zero) * Fraction(scale))) for c in codes]
    np.testing.assert_array_equal(back, np.array(exact, np.float32))


def both(sources: Path) -> str:
    """A program's entry that runs the golden test and the example."""
    name = name_of(sources)
    return (
        f'#include "{name}.h"\n'
        f"int main() {{ return {name}::GoldenTest() != 0 || !{name}::Example(); }}\n"
    )


def together(sources: Path, model: Path, folder: Path, *flags: str, **how: int) -> Path:
    """The sources beside the stand-in and the answers of the model, with an entry of our own."""
    parts = [path.read_text() for path in sorted(sources.glob("*.cpp")) if path.stem != "main"]
    parts += [harness(model, name_of(sources), **how), both(sources)]
    whole = folder / "whole.cpp"  # one unit: a compiler's start costs more than these sources
    whole.write_text("\n".join(parts))
    return built([whole], folder, "-I", str(sources), *flags)


@needs_compiler
@pytest.mark.parametrize("kind", KINDS)
def test_sources_compile_without_a_warning_and_pass(tmp_path, kind):
    """Beside the stand-in: golden test and example, with exactly the model's operators."""
    model = saved(kind, tmp_path)
    sources = exported(model, tmp_path / "out")
    code, told = ran(together(sources, model, tmp_path))
    assert code == 0
    graphs = read_model(model).subgraphs
    names = {operator.name for graph in graphs for operator in graph.operators}
    registered = [line for line in told.splitlines() if line.startswith("Add")]
    assert sorted(registered) == sorted(METHODS[name] for name in names)
    assert ("1 variables" in told) == (kind == "remembers")
    assert "golden test: 4 of 4 samples passed" in told
    assert "output 0, element 0: " in told


@needs_compiler
@pytest.mark.parametrize("kind", ["int8", "two and two"])
def test_the_golden_test_fails_when_a_byte_is_wrong(tmp_path, kind):
    """Each sample is counted, and the program's exit code says so."""
    model = saved(kind, tmp_path)
    sources = exported(model, tmp_path / "out")
    code, told = ran(together(sources, model, tmp_path, spoilt=True))
    assert code == 1
    assert "golden test: 0 of 4 samples passed" in told
    assert "sample 3: 1 elements differ" in told


@needs_compiler
def test_the_arena_is_the_ledgers_and_can_be_set(tmp_path):
    """An interpreter that needs as much as was written is set up; with 16 less it is not."""
    model = saved("int8", tmp_path)
    sources = exported(model, tmp_path / "out")
    header = (sources / "net_model_arena.h").read_text()
    (size,) = map(int, re.findall(r"ARENA_BYTES (\d+)", header))
    for given, code in ((size, 0), (size - 16, 1)):
        flag = f"-DNET_MODEL_ARENA_BYTES={given}"
        assert ran(together(sources, model, tmp_path, flag, needed=size))[0] == code


@needs_compiler
def test_each_source_is_a_unit_of_its_own(tmp_path):
    """As CMake compiles them: file by file, once as the golden test and once as the example."""
    model = saved("two and two", tmp_path)
    sources = exported(model, tmp_path / "out")
    answer = tmp_path / "harness.cpp"
    answer.write_text(harness(model, "net_model"))
    for golden in (0, 1):
        files = [*sorted(sources.glob("*.cpp")), answer]
        flag = f"-DNET_MODEL_GOLDEN_TEST={golden}"
        code, told = ran(built(files, tmp_path, "-I", str(sources), flag))
        assert code == 0
        assert ("golden test: 4 of 4 samples passed" in told) == bool(golden)


@needs_compiler
@pytest.mark.parametrize("layout", ["esp-idf", "zephyr"])
def test_other_layouts_compile(tmp_path, layout):
    """All their C++ files, entry and all, beside the stand-in."""
    model = saved("two and two", tmp_path)
    sources = exported(model, tmp_path / "out", "--for", layout)
    answer = tmp_path / "harness.cpp"
    answer.write_text(harness(model, "net_model"))
    files = [*(tmp_path / "out").rglob("*.cpp"), answer]
    if layout == "esp-idf":
        entry = tmp_path / "entry.cpp"
        entry.write_text('extern "C" void app_main(void);\nint main() { app_main(); }\n')
        files.append(entry)
    code, told = ran(built(files, tmp_path, "-I", str(sources)))
    assert code == 0
    assert told.endswith("golden test: 4 of 4 samples passed, arena used 0 of " + told.split()[-3]
                         + " bytes\nfine\n")  # fmt: skip


@needs_compiler
def test_the_sketch_compiles(tmp_path):
    """The Arduino layout, beside a stand-in for Arduino's core."""
    model = saved("two and two", tmp_path)
    sources = exported(model, tmp_path / "out", "--for", "arduino")
    assert sources.name == "net_model"
    core = tmp_path / "core"
    core.mkdir()
    (core / "Chirale_TensorFlowLite.h").write_text("#pragma once\n")
    (core / "TensorFlowLite.h").write_text("#pragma once\n")
    answer = tmp_path / "harness.cpp"
    answer.write_text(harness(model, "net_model"))
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(
        "#include <stdio.h>\n#include <stdlib.h>\n"
        "struct { void begin(long) {} explicit operator bool() const { return true; } "
        "void println(const char* text) { puts(text); exit(text[1] != 'i'); } } Serial;\n"
        "static void delay(int) {}\n"
        + (sources / "net_model.ino").read_text()
        + "int main() { setup(); loop(); }\n"
    )
    files = [*sources.glob("*.cpp"), answer, sketch]
    code, told = ran(built(files, tmp_path, "-I", str(sources), "-I", str(core)))
    assert code == 0
    assert told.endswith("fine\n")


@pytest.mark.parametrize("model", BUNDLED, ids=lambda p: p.stem)
def test_golden_data_are_what_the_interpreter_gives(tmp_path, model):
    """The numbers in the file, read back: its inputs, run here, give its outputs."""
    sources = exported(model, tmp_path / "out", "--samples", "2")
    text = next(sources.glob("*_golden.cpp")).read_text()
    arrays = {}
    for label, body in re.findall(r"kGolden(\w+)\[kGoldenSamples\].*? = \{(.*?)\};", text, re.S):
        arrays[label] = np.array([float(v.rstrip("f")) for v in re.findall(r"[-\d.ef]+", body)])
    program = prepare(read_model(model), flavour="tflm", plain=True)
    (given,), (expected,) = program.graph.inputs, program.graph.outputs
    ins, outs = program.specs[given], program.specs[expected]
    inputs = arrays["Input0"].reshape(2, *ins.shape).astype(ins.dtype)
    for sample, came in zip(inputs, arrays["Output0"].reshape(2, *outs.shape), strict=True):
        executor = Executor(program)
        executor.input(given)[0] = sample
        executor.invoke()
        np.testing.assert_array_equal(executor.read(expected)[0], came.astype(outs.dtype))


@needs_compiler
@pytest.mark.parametrize("seed", range(6))
def test_drawn_graphs(tmp_path, seed):
    """Branches, variables, several inputs and outputs, whatever was drawn."""
    path = tmp_path / "net.tflite"
    save_model(draw_graph(seed), path)
    sources = exported(path, tmp_path / "out")
    code, told = ran(together(sources, path, tmp_path))
    assert "4 of 4 samples passed" in told
    assert code == 0
