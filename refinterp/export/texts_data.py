"""The sources that need no TFLM: the model's bytes, its numbers, the arena's size, golden data."""

from __future__ import annotations

from collections import Counter
from typing import Final

from refinterp.export.cpp import comment, guarded, literals, real, rows
from refinterp.export.port import Port
from refinterp.export.subject import Exported
from refinterp.graph.model import STORAGE, code_limits
from refinterp.tflm.ledger_data import Ledger

_HEX: Final = tuple(f"0x{byte:02x}" for byte in range(256))
_BYTES: Final = 16  # on a line of the model


def data_header(subject: Exported) -> str:
    """Declare the model's bytes."""
    return guarded(
        f"{subject.name}_data",
        f"namespace {subject.name} {{\n\n"
        + comment(f"{subject.title}, a .tflite file, SHA-256 {subject.digest}")
        + "extern const unsigned char kModel[];\n"
        f"constexpr unsigned int kModelBytes = {len(subject.content)};\n\n"
        f"}}  // namespace {subject.name}\n",
    )


def data_source(subject: Exported) -> str:
    """Define them, where TFLM can read them in place: at a multiple of 16."""
    codes = [_HEX[byte] for byte in subject.content]
    lines = "".join(
        f"    {', '.join(codes[at : at + _BYTES])},\n" for at in range(0, len(codes), _BYTES)
    )
    return (
        f'#include "{subject.name}_data.h"\n\nnamespace {subject.name} {{\n\n'
        f"alignas(16) const unsigned char kModel[] = {{\n{lines}}};\n\n"
        f'static_assert(sizeof(kModel) == kModelBytes, "the array is the file");\n\n'
        f"}}  // namespace {subject.name}\n"
    )


def arena_header(subject: Exported) -> str:
    """State the arena's size and where it comes from."""
    ledger = subject.ledger
    macro = f"{subject.name.upper()}_ARENA_BYTES"
    return guarded(
        f"{subject.name}_arena",
        comment(_derivation(ledger))
        + f"#ifndef {macro}\n#define {macro} {ledger.safe_arena_bytes}\n#endif\n\n"
        f"namespace {subject.name} {{\n\n"
        f"constexpr unsigned int kArenaBytes = {macro};\n\n}}  // namespace {subject.name}\n",
    )


def _derivation(ledger: Ledger) -> str:
    """How the arena's size comes about, by the ledger."""
    profile, plan = ledger.profile, ledger.plan
    kept: Counter[str] = Counter()
    for entry in ledger.entries:
        if entry.section == "tail":
            kept[entry.category] += entry.bytes
    lines = [
        f"{ledger.minimum_arena_bytes} bytes: the smallest multiple of 16 in which a "
        f"MicroInterpreter sets this model up and runs it, on {profile.place} with "
        f"{profile.kernels.name} kernels, TFLM {profile.tflm.told} ({profile.tflm.summary}): "
        f"{_standing(ledger)}.",
        "",
        f"  {ledger.head_bytes:>9,}  head: tensors and scratch, {plan.planner} plan",
        f"  {ledger.tail_bytes:>9,}  tail: what stays",
        *(f"  {size:>9,}    {category}" for category, size in kept.items()),
        f"  {ledger.arena_used_bytes:>9,}  used, as arena_used_bytes() says",
        f"  {ledger.peak.bytes:>9,}  needed at the fullest moment: {_moment(ledger)}",
        f"  {ledger.minimum_arena_bytes:>9,}  rounded up to a multiple of 16{_margin(ledger)}",
        *_as_built(ledger),
        "",
        "Another chip, kernel library or version of TFLM needs another number: export again, or "
        "define the macro.",
    ]
    return "\n".join(lines)


def _standing(ledger: Ledger) -> str:
    """How the figure is known."""
    if ledger.profile.measured and ledger.read_not_measured:
        names = ", ".join(ledger.read_not_measured)
        return f"{ledger.profile.provenance}, but for {names}, whose bytes were read in the source"
    return ledger.profile.provenance


def _margin(ledger: Ledger) -> str:
    """What is added where the distribution is not known."""
    if ledger.margin is None:
        return ""
    return f", with a margin of {ledger.margin.minimum_bytes:,}: {ledger.margin.reason}"


def _as_built(ledger: Ledger) -> list[str]:
    """What is enough for the build that people make, where it is another."""
    found = ledger.as_built
    if found is None:
        return []
    return [
        f"  {ledger.safe_arena_bytes:>9,}  enough for {found.profile.tflm.name} too: {found.why}"
    ]


def _moment(ledger: Ledger) -> str:
    return "with all in place" if ledger.peak.stage == "post" else f"stage {ledger.peak.stage}"


def numbers_header(subject: Exported) -> str:
    """Declare sizes, scales and zero points of inputs and outputs, with what turns them."""
    return guarded(
        f"{subject.name}_numbers",
        "#include <math.h>\n#include <stdint.h>\n\n"
        f"namespace {subject.name} {{\n\n"
        f"constexpr int kInputs = {len(subject.inputs)};\n"
        f"constexpr int kOutputs = {len(subject.outputs)};\n\n"
        + "\n".join(_port(port) for port in subject.ports)
        + f"\n}}  // namespace {subject.name}\n",
    )


def _port(port: Port) -> str:
    """One input or output."""
    text = comment(f"{port.role.lower()} {port.index} {port.told}")
    text += f"using {port.label}Type = {port.ctype};\n"
    text += f"constexpr int k{port.label}Count = {port.spec.size};\n"
    if not port.converted:
        if port.spec.quantized:
            text += comment("No helper: its grid is not one usable scale and zero point.")
        return text
    text += f"constexpr float k{port.label}Scale = {real(port.spec.step)};\n"
    text += f"constexpr int32_t k{port.label}ZeroPoint = {port.spec.zero};\n\n"
    return text + (_wide(port) if STORAGE[port.spec.dtype].itemsize > 2 else _narrow(port))


def _narrow(port: Port) -> str:
    """Helpers of a type of 8 or 16 bits: floats are exact enough, but for ties."""
    low, high = code_limits(port.spec.dtype)
    label, ctype = port.label, port.ctype
    zero = f"static_cast<float>(k{label}ZeroPoint)"
    return (
        comment(
            "real / scale + zero point, ties to even, clipped; NaN gives the lowest code. Where a "
            "float quotient falls on a tie, a double says to which side it belongs."
        )
        + f"inline {ctype} Quantize{label}(float real) {{\n"
        f"  const float steps = real / k{label}Scale;\n"
        "  float whole = rintf(steps);\n"
        "  if (fabsf(steps - whole) == 0.5f) {\n"
        f"    const double scale = static_cast<double>(k{label}Scale);\n"
        "    whole = static_cast<float>(rint(static_cast<double>(real) / scale));\n"
        "  }\n"
        f"  const float code = whole + {zero};\n"
        f"  if (!(code > {low}.0f)) return {low};\n"
        f"  if (code > {high}.0f) return {high};\n"
        f"  return static_cast<{ctype}>(code);\n}}\n\n"
        f"inline float Dequantize{label}({ctype} code) {{\n"
        f"  return (static_cast<float>(code) - {zero}) * k{label}Scale;\n}}\n"
    )


def _wide(port: Port) -> str:
    """Helpers of a type of 32 bits, in double."""
    low, high = code_limits(port.spec.dtype)
    label, ctype = port.label, port.ctype
    scale = f"static_cast<double>(k{label}Scale)"
    lowest = "INT32_MIN" if low < 0 else "0u"
    return (
        comment("real / scale + zero point, ties to even, clipped; NaN gives the lowest code.")
        + f"inline {ctype} Quantize{label}(float real) {{\n"
        f"  const double code = rint(static_cast<double>(real) / {scale}) + k{label}ZeroPoint;\n"
        f"  if (!(code > {low}.0)) return {lowest};\n"
        f"  if (code > {high}.0) return {high}{'' if low < 0 else 'u'};\n"
        f"  return static_cast<{ctype}>(code);\n}}\n\n"
        f"inline float Dequantize{label}({ctype} code) {{\n"
        f"  const double steps = static_cast<double>(code) - k{label}ZeroPoint;\n"
        f"  return static_cast<float>(steps * {scale});\n}}\n"
    )


def golden_header(subject: Exported) -> str:
    """Declare the golden data."""
    golden = subject.golden
    text = comment(
        f"Inputs ({golden.origin}) and what refinterp's `tflm` flavour computes for them, one "
        "after the other in a fresh interpreter."
    )
    text += f"constexpr int kGoldenSamples = {golden.count};\n"
    for port in subject.ports:
        text += (
            f"extern const {port.label}Type kGolden{port.label}[kGoldenSamples]"
            f"[k{port.label}Count];\n"
        )
    inexact = [(p, t) for p, t in zip(subject.outputs, golden.tolerances, strict=True) if _float(p)]
    if inexact:
        text += "\n" + comment(
            "How far an element of a float output may be off: sums are taken in another order, or "
            "with fused multiply-adds, from one processor and compiler to the next."
        )
    for port, tolerance in inexact:
        text += f"constexpr float kGolden{port.label}Tolerance = {real(tolerance)};\n"
    return guarded(
        f"{subject.name}_golden",
        f'#include "{subject.name}_numbers.h"\n\nnamespace {subject.name} {{\n\n{text}\n'
        f"}}  // namespace {subject.name}\n",
    )


def golden_source(subject: Exported) -> str:
    """Define the golden data."""
    golden = subject.golden
    text = f'#include "{subject.name}_golden.h"\n\nnamespace {subject.name} {{\n'
    for port, array in zip(subject.ports, (*golden.inputs, *golden.outputs), strict=True):
        text += f"\nconst {port.label}Type kGolden{port.label}[kGoldenSamples][k{port.label}Count]"
        samples = (rows(list(literals(one, port.spec.dtype))) for one in array)
        text += " = {\n" + "".join(f"    {{\n{one}    }},\n" for one in samples) + "};\n"
    return f"{text}\n}}  // namespace {subject.name}\n"


def _float(port: Port) -> bool:
    return STORAGE[port.spec.dtype].kind == "f"
