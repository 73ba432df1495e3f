"""Code sizes: the committed figures, and linking on paper against GNU ld where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources

import pytest

from conformance.code_size.elf import read_object
from conformance.code_size.errors import SETS, left_out
from conformance.code_size.link import Linker
from conformance.code_size.linked import linked_bytes
from conformance.code_size.roots import LOG, operator_roots
from refinterp.fit.code import code_need, tables
from refinterp.tflm.footprint import operators
from refinterp.tflm.targets import profile

DOCUMENT = json.loads((resources.files("refinterp.fit") / "code_size.json").read_text("utf-8"))

PROGRAM = r"""
extern "C" void DebugLog(const char*);
namespace {
__attribute__((noinline)) int deep(volatile int* p) { return *p * 3 + 1; }
}
int kept_data[5] = {1, 2, 3, 4, 5};
int kept_room[7];
int dropped_data[9] = {9};
inline __attribute__((noinline)) int shared(volatile int* p) { return *p / 7; }
extern "C" int one(volatile int* p) {
  DebugLog("the same words");
  return deep(p) + shared(p) + kept_data[*p];
}
extern "C" int two(volatile int* p) {
  DebugLog("the same words");
  return shared(p) - kept_room[*p];
}
extern "C" int three(volatile int* p) { return dropped_data[*p]; }
"""
SECOND = r"""
inline __attribute__((noinline)) int shared(volatile int* p) { return *p / 7; }
extern "C" int four(volatile int* p) { return shared(p) + 4; }
extern "C" double five(volatile double* p) { return *p * 3.0; }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two object files for Cortex-M4."""
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("no arm-none-eabi-g++")
    folder = tmp_path_factory.mktemp("objects")
    found = []
    for name, text in (("first", PROGRAM), ("second", SECOND)):
        (folder / f"{name}.cc").write_text(text, "utf-8")
        path = folder / f"{name}.o"
        subprocess.run(
            ["arm-none-eabi-g++", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16",
             "-mthumb", "-Os", "-ffunction-sections", "-fdata-sections", "-fno-exceptions",
             "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-c",
             str(folder / f"{name}.cc"), "-o", str(path)],
            check=True, capture_output=True,
        )  # fmt: skip
        found.append(path)
    return found


@pytest.mark.parametrize(
    "symbols", [("one",), ("two",), ("three",), ("four",), ("one", "two"), ("one", "three", "four")]
)
def test_what_is_kept_is_what_ld_keeps(built, symbols, tmp_path):
    """Data to the byte, text and bss to what alignment leaves between sections."""
    objects = [read_object(path.stem, path.read_bytes()) for path in built]
    program = Linker(objects, (), ends=LOG)
    text, data, bss = program.total(program.reached(symbols))
    nothing = linked_bytes("cm4_ref", built, (), tmp_path)
    true = linked_bytes("cm4_ref", built, symbols, tmp_path)
    ends = 8 if {"one", "two"} & set(symbols) else 0  # DebugLog itself, which is not ours
    assert data == true[1] - nothing[1]
    assert 0 <= true[2] - nothing[2] - bss < 4  # what lies before it is filled up
    assert abs(text - (true[0] - nothing[0])) <= ends + 2 * len(symbols)


def test_what_two_roots_share_counts_once(built):
    """One function in both files, one string in both functions."""
    objects = [read_object(path.stem, path.read_bytes()) for path in built]
    program = Linker(objects, (), ends=LOG)
    each = [program.total(program.reached([name]))[0] for name in ("one", "two", "four")]
    both = program.total(program.reached(["one", "two", "four"]))[0]
    shared = program.total(program.reached(["one"]) & program.reached(["two"]))[0]
    assert shared > len("the same words")
    assert both < sum(each) - shared
    assert program.missing == set()
    program.reached(["five"])
    assert program.missing == {"__aeabi_dmul"}


def test_roots_are_read_from_the_resolver():
    """A builtin operator has a registration and a parser, a custom one its registration alone."""
    header = """
  TfLiteStatus AddConv2D(
      const TFLMRegistration& registration = Register_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_CONV_2D, registration, ParseConv2D);
  }
  TfLiteStatus AddDelay() {
    return AddCustom("SignalDelay", tflite::tflm_signal::Register_DELAY());
  }
"""
    found = operator_roots(header)
    assert found["CONV_2D"][0] == "_ZN6tflite16Register_CONV_2DEv"
    assert found["CONV_2D"][1].startswith("_ZN6tflite11ParseConv2DEPKNS_8OperatorE")
    assert found["SignalDelay"] == ("_ZN6tflite11tflm_signal14Register_DELAYEv",)


def test_every_operator_of_tflm_has_a_figure():
    """In every build; what is known for the arena is known for flash."""
    assert set(tables()) == {"cm3_cmsis", "cm4_cmsis", "cm4_ref", "cm55_cmsis", "cm55_ref"}
    for table in tables().values():
        assert table.needs.keys() == set(operators())


BUILDS = {
    "cm3_cmsis": ("cortex-m3", "cmsis-nn"),
    "cm4_cmsis": ("cortex-m4", "cmsis-nn"),
    "cm4_ref": ("cortex-m4", "reference"),
    "cm55_cmsis": ("cortex-m55", "cmsis-nn"),
    "cm55_ref": ("cortex-m55", "reference"),
}


def test_committed_figures_are_near_what_ld_links():
    """Every set of operators that a build's own objects hold: within 3 %, the median within 1 %."""
    rows = DOCUMENT["held"]
    assert {row["build"] for row in rows} >= {"cm4_cmsis", "cm4_ref", "cm55_cmsis", "cm55_ref"}
    assert len(rows) >= 24
    for row in rows:
        assert abs(row["bytes"] / row["linked_bytes"] - 1 - row["error"]) < 1e-4
        assert abs(row["error"]) < 0.03
        need = code_need(profile(*BUILDS[row["build"]]), SETS[row["operators"]])
        assert need.measured
        assert need.total.flash == row["bytes"]
    assert sorted(abs(row["error"]) for row in rows)[len(rows) // 2] < 0.01


def test_operators_that_were_not_linked_are_estimates():
    """One such operator among those of a model makes all of it an estimate."""
    table = tables()["cm55_cmsis"]
    other = next(iter(sorted(table.needs.keys() - table.linked)))
    where = profile("cortex-m55", "cmsis-nn")
    assert code_need(where, ["CONV_2D"]).measured
    assert not code_need(where, ["CONV_2D", other]).measured


def test_errors_of_builds_left_out():
    """By hand: 100 and 200 against 120 are 25 % more, and so on."""
    found = left_out({"a": {"s": 100}, "b": {"s": 200}, "c": {"s": 120}})
    assert [row["error"] for row in found["rows"]] == [0.6, -0.45, 0.25]
    assert (found["largest"], found["median"]) == (0.6, 0.45)


@pytest.mark.parametrize(
    ("target", "kernels", "core", "error"),
    [("cortex-m4", "cmsis-nn", "cortex-m7", "error"),
     ("cortex-m3", "cmsis-nn", "cortex-m0plus", "error"),
     ("generic-32", "esp-nn", "", "error_of_any")],
)  # fmt: skip
def test_what_was_not_linked_is_an_estimate_with_its_error(target, kernels, core, error):
    """Of alike builds where there is one for the target, else of all."""
    import dataclasses

    where = dataclasses.replace(profile(target, kernels), core=core)
    need = code_need(where, ("CONV_2D", "SOFTMAX"))
    assert not need.measured
    assert need.error == DOCUMENT[error]["largest"] < 0.5
    assert [one.operator for one in need.operators] == ["CONV_2D", "SOFTMAX"]
