"""The README of an export."""

from __future__ import annotations

from collections.abc import Sequence

from refinterp.export.layout import ProjectLayout
from refinterp.export.subject import Exported

_FILES = {
    ".h": "what an application calls: Setup, Invoke, inputs and outputs",
    ".cpp": "the interpreter, with the model's operators and its static arena",
    "_arena.h": "the arena's bytes, and how they come about",
    "_data.cpp": "the model's bytes, at a multiple of 16",
    "_data.h": "their declaration",
    "_example.cpp": "runs the model once, on zeros",
    "_golden.cpp": "inputs and the outputs that must come",
    "_golden.h": "their declaration",
    "_golden_test.cpp": "runs them and counts what differs",
    "_numbers.h": "sizes, scales and zero points; quantize and dequantize; needs no TFLM",
}


def readme(subject: Exported, layout: ProjectLayout, paths: Sequence[str]) -> str:
    """Return the page. paths: the export's other files."""
    ledger, golden = subject.ledger, subject.golden
    profile = ledger.profile
    where = f"{profile.place}, {profile.kernels.name} kernels, TFLM {profile.tflm.told}"
    parts = [
        f"# {subject.name}",
        f"`{subject.title}` for TensorFlow Lite for Microcontrollers: {layout.summary}.",
        f"```sh\n{layout.how.format(name=subject.name)}\n```",
        _tried(layout),
        "| | |\n|---|---|\n"
        f"| model | {len(subject.content):,} bytes, SHA-256 `{subject.digest}` |\n"
        f"| arena | {ledger.safe_arena_bytes:,} bytes on {where} ({profile.provenance}) |\n"
        f"| operators | {', '.join(subject.model.operator_names) or 'none'} |\n"
        + "".join(f"| {p.role.lower()} {p.index} | {_cell(p.told)} |\n" for p in subject.ports)
        + f"| golden test | {golden.count} samples ({golden.origin}), {golden.bytes:,} bytes of "
        "flash while it is linked |",
        _golden(subject),
        *([layout.note] if layout.note else []),
    ]
    if subject.unreachable:
        parts.append(
            f"TFLM runs the first subgraph: it cannot run the signatures "
            f"{', '.join(map(_cell, map(repr, subject.unreachable)))}."
        )
    parts.append("## Files\n\n" + "".join(_line(path, subject.name) for path in paths).rstrip())
    return "\n\n".join(parts) + "\n"


def _tried(layout: ProjectLayout) -> str:
    if layout.ran:
        return (
            "This export has not been compiled. Exports of this layout were, against TFLM, and "
            "passed their golden tests under emulation: refinterp's `docs/export.md`."
        )
    return (
        f"This layout has not been built: {layout.tool} was not at hand. Its sources are those of "
        "`--for tflm`, which were built and run; its build files were written from the "
        "documentation."
    )


def _golden(subject: Exported) -> str:
    text = (
        "The golden test expects what refinterp's `tflm` flavour computes, as TFLM's reference "
        "kernels do"
    )
    if any(subject.golden.tolerances):
        text += "; floats may be off by 1/10,000 of the largest value"
    return text + "."


def _line(path: str, name: str) -> str:
    file = path.rpartition("/")[2]
    what = _FILES.get(file.removeprefix(name), "") if file.startswith(name) else ""
    return f"- `{path}`{f': {what}' if what else ''}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
