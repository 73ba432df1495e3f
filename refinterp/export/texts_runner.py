"""The sources against TFLM's public headers: setting up, running, the golden test, an example."""

from __future__ import annotations

from typing import Final

from refinterp.export.cpp import TFLM_TYPES, comment, guarded
from refinterp.export.port import Port
from refinterp.export.subject import Exported
from refinterp.graph.model import STORAGE

HEADERS: Final = (
    "tensorflow/lite/micro/micro_interpreter.h",
    "tensorflow/lite/micro/micro_log.h",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h",
    "tensorflow/lite/schema/schema_generated.h",
)
_RESOURCES: Final = (
    "tensorflow/lite/micro/micro_allocator.h",
    "tensorflow/lite/micro/micro_resource_variable.h",
)
SHOWN: Final = 8  # elements of an output that the example prints


def runner_header(subject: Exported) -> str:
    """Declare what an application calls."""
    pointers = "".join(
        f"{'const ' if port.role == 'Output' else ''}{port.label}Type* {port.label}();\n"
        for port in subject.ports
    )
    return guarded(
        subject.name,
        f'#include <stddef.h>\n\n#include "{subject.name}_numbers.h"\n\n'
        f"namespace {subject.name} {{\n\n"
        + comment(
            "Makes the interpreter in its static arena; called again, makes it anew. False: TFLM "
            "has said why with MicroPrintf."
        )
        + "bool Setup();\n\n"
        + comment("Runs the model once; false when TFLM failed.")
        + "bool Invoke();\n\n"
        + comment(
            "Where inputs are written before Invoke and outputs are read after it. Inputs are not "
            "kept: the model may have used their memory."
        )
        + f"{pointers}\n"
        + comment("What MicroInterpreter::arena_used_bytes() says after Setup.")
        + "size_t ArenaUsedBytes();\n\n"
        + comment("Runs the golden samples after a Setup of its own; how many of them failed.")
        + "int GoldenTest();\n\n"
        + comment("Runs the model once on zeros, after a Setup, and prints what comes out.")
        + "bool Example();\n\n"
        f"}}  // namespace {subject.name}\n",
    )


def runner_source(subject: Exported, first: tuple[str, ...]) -> str:
    """Define it. first: headers of the distribution that come before TFLM's."""
    headers = [*first, *HEADERS[:1], *(_RESOURCES if subject.variables else ()), *HEADERS[1:]]
    if subject.variables:
        headers[len(first) :] = sorted(headers[len(first) :])
    includes = "".join(f'#include "{header}"\n' for header in headers)
    return (
        f'#include "{subject.name}.h"\n\n#include <new>\n\n'
        f'#include "{subject.name}_arena.h"\n#include "{subject.name}_data.h"\n{includes}\n'
        f"namespace {subject.name} {{\nnamespace {{\n\n"
        + _resolver(subject)
        + "alignas(16) uint8_t arena[kArenaBytes];\n\n"
        + comment(
            "Made by placement new: static objects would be destroyed at exit, which takes code "
            "and a C library that has it."
        )
        + "alignas(Resolver) unsigned char resolver_memory[sizeof(Resolver)];\n"
        "using Interpreter = tflite::MicroInterpreter;\n"
        "alignas(Interpreter) unsigned char interpreter_memory[sizeof(Interpreter)];\n"
        "Resolver* resolver = nullptr;\n"
        "Interpreter* interpreter = nullptr;\n\n"
        + _checks()
        + "}  // namespace\n\n"
        + _setup(subject)
        + "bool Invoke() { return interpreter->Invoke() == kTfLiteOk; }\n\n"
        + "".join(map(_pointer, subject.ports))
        + "size_t ArenaUsedBytes() { return interpreter->arena_used_bytes(); }\n\n"
        f"}}  // namespace {subject.name}\n"
    )


def _resolver(subject: Exported) -> str:
    count = max(1, len(subject.adders))
    lines = "".join(
        f"  if (operators.{name}() != kTfLiteOk) return false;\n" for name in subject.adders
    )
    return (
        f"using Resolver = tflite::MicroMutableOpResolver<{count}>;\n\n"
        + comment("Registers the operators of the model, and no others.")
        + f"bool Register(Resolver& operators) {{\n{lines}  return true;\n}}\n\n"
    )


def _checks() -> str:
    return (
        comment("Whether a tensor is what these sources were made for.")
        + "bool Fits(const TfLiteTensor* tensor, TfLiteType type, size_t bytes) {\n"
        "  if (tensor != nullptr && tensor->type == type && tensor->bytes == bytes) return true;\n"
        '  MicroPrintf("an input or output is not what these sources were made for");\n'
        "  return false;\n}\n\n"
    )


def _setup(subject: Exported) -> str:
    if subject.variables:
        create = (
            "  tflite::MicroAllocator* allocator =\n"
            "      tflite::MicroAllocator::Create(arena, kArenaBytes);\n"
            "  tflite::MicroResourceVariables* variables =\n"
            f"      tflite::MicroResourceVariables::Create(allocator, {subject.variables});\n"
            "  interpreter =\n"
            "      new (interpreter_memory) Interpreter(model, *resolver, allocator, variables);\n"
        )
    else:
        create = (
            "  interpreter =\n"
            "      new (interpreter_memory) Interpreter(model, *resolver, arena, kArenaBytes);\n"
        )
    fits = "".join(
        f"  if (!Fits(interpreter->{port.role.lower()}({port.index}), "
        f"{TFLM_TYPES[port.spec.dtype]}, {port.bytes})) return false;\n"
        for port in subject.ports
    )
    return (
        "bool Setup() {\n"
        "  const tflite::Model* model = tflite::GetModel(kModel);\n"
        "  if (model->version() != TFLITE_SCHEMA_VERSION) {\n"
        '    MicroPrintf("the model has another version of the schema than TFLM");\n'
        "    return false;\n  }\n"
        "  if (resolver == nullptr) {\n"
        "    Resolver* operators = new (resolver_memory) Resolver();\n"
        "    if (!Register(*operators)) return false;\n"
        "    resolver = operators;\n  }\n"
        f"  if (interpreter != nullptr) interpreter->~MicroInterpreter();\n{create}"
        "  if (interpreter->AllocateTensors() != kTfLiteOk) return false;\n"
        f"{fits}  return true;\n}}\n\n"
    )


def _pointer(port: Port) -> str:
    const = "const " if port.role == "Output" else ""
    return (
        f"{const}{port.label}Type* {port.label}() {{\n"
        f"  return static_cast<{const}{port.label}Type*>"
        f"(interpreter->{port.role.lower()}({port.index})->data.data);\n}}\n\n"
    )


def golden_test(subject: Exported, first: tuple[str, ...]) -> str:
    """Define the golden test."""
    text = (
        "#include <string.h>\n\n"
        f'#include "{subject.name}.h"\n#include "{subject.name}_arena.h"\n'
        f'#include "{subject.name}_golden.h"\n'
        + "".join(f'#include "{header}"\n' for header in first)
        + f'#include "{HEADERS[1]}"\n\nnamespace {subject.name} {{\nnamespace {{\n\n'
    )
    if any(STORAGE[port.spec.dtype].kind == "f" for port in subject.outputs):
        text += (
            comment("How many elements are further from what is expected than they may be.")
            + "int Different(const float* came, const float* expected, int count, float most) {\n"
            "  int different = 0;\n"
            "  for (int i = 0; i < count; ++i) {\n"
            "    const bool same = came[i] == expected[i] || (came[i] != came[i] && "
            "expected[i] != expected[i]);\n"
            "    if (!same && !(fabsf(came[i] - expected[i]) <= most)) ++different;\n"
            "  }\n  return different;\n}\n\n"
        )
    if any(STORAGE[port.spec.dtype].kind != "f" for port in subject.outputs):
        text += (
            comment("How many elements are not what is expected.") + "template <typename T>\n"
            "int Different(const T* came, const T* expected, int count) {\n"
            "  int different = 0;\n"
            "  for (int i = 0; i < count; ++i) different += came[i] != expected[i];\n"
            "  return different;\n}\n\n"
        )
    give = "".join(
        f"    memcpy({p.label}(), kGolden{p.label}[sample], sizeof(kGolden{p.label}[sample]));\n"
        for p in subject.inputs
    )
    take = "".join(
        f"    different += Different({p.label}(), kGolden{p.label}[sample], k{p.label}Count"
        + (f", kGolden{p.label}Tolerance" if STORAGE[p.spec.dtype].kind == "f" else "")
        + ");\n"
        for p in subject.outputs
    )
    return (
        f"{text}}}  // namespace\n\n"
        "int GoldenTest() {\n"
        "  if (!Setup()) return kGoldenSamples;\n"
        "  int failed = 0;\n"
        "  for (int sample = 0; sample < kGoldenSamples; ++sample) {\n"
        f"{give}"
        "    int different = 0;\n"
        "    if (!Invoke()) {\n"
        '      MicroPrintf("sample %d: Invoke failed", sample);\n'
        "      ++failed;\n      continue;\n    }\n"
        f"{take}"
        "    if (different != 0) {\n"
        '      MicroPrintf("sample %d: %d elements differ", sample, different);\n'
        "      ++failed;\n    }\n  }\n"
        '  MicroPrintf("golden test: %d of %d samples passed, arena used %d of %d bytes",\n'
        "              kGoldenSamples - failed, kGoldenSamples,\n"
        f"              static_cast<int>(ArenaUsedBytes()), static_cast<int>(kArenaBytes));\n"
        f"  return failed;\n}}\n\n}}  // namespace {subject.name}\n"
    )


def example(subject: Exported, first: tuple[str, ...]) -> str:
    """Define a program that runs the model once: zeros in, the first elements out."""
    name = subject.name
    text = (
        f'#include "{name}.h"\n'
        + "".join(f'#include "{header}"\n' for header in first)
        + f'#include "{HEADERS[1]}"\n\nnamespace {name} {{\n\n'
        "bool Example() {\n  if (!Setup()) return false;\n"
    )
    for port in subject.inputs:
        text += (
            f"  for (int i = 0; i < k{port.label}Count; ++i) {port.label}()[i] = {_zero(port)};\n"
        )
    text += "  if (!Invoke()) return false;\n"
    for port in subject.outputs:
        value, told = f"{port.label}()[i]", f"output {port.index}, element %d: %d"
        if STORAGE[port.spec.dtype].kind == "f":
            value, told = f"{value} * 1000", f"{told} thousandths"
        text += (
            f"  for (int i = 0; i < {min(SHOWN, port.spec.size)}; ++i) {{\n"
            f'    MicroPrintf("{told}", i, static_cast<int>({value}));\n  }}\n'
        )
    return f"{text}  return true;\n}}\n\n}}  // namespace {name}\n"


def _zero(port: Port) -> str:
    if port.converted:
        return f"Quantize{port.label}(0.0f)"
    return "false" if port.spec.dtype == "bool" else "0"
