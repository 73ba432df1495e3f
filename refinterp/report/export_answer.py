"""What `export` says of what it has written: the verdict first, then files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from refinterp.export.layout import ProjectLayout
from refinterp.export.port import Port
from refinterp.export.subject import Exported
from refinterp.report.arena_answer import Lines, built
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_answer, print_table
from refinterp.report.words import count, one_line, plural


def summary(
    subject: Exported, layout: ProjectLayout, files: Mapping[str, str], folder: str
) -> Lines:
    """Return (label, text) lines: what was written where, the arena, the golden test, what next."""
    ledger, golden = subject.ledger, subject.golden
    lines = [
        (
            "verdict",
            f"{one_line(subject.title)}: {len(files)} files for {layout.name} in "
            f"{one_line(folder)}, kArenaBytes = {ledger.safe_arena_bytes} on "
            f"{built(ledger.profile)}, {ledger.profile.provenance}",
        ),
        ("operators", f"{len(subject.model.operator_names)}: {', '.join(subject.adders)}"),
        (
            "golden",
            f"{plural(golden.count, 'sample')}, {golden.origin}: {count(golden.bytes)} bytes",
        ),
        ("tried", _tried(layout)),
        ("next", layout.how.format(name=subject.name)),
    ]
    if layout.note:
        lines.append(("note", layout.note))
    if subject.unreachable:
        names = ", ".join(one_line(repr(key)) for key in subject.unreachable)
        lines.insert(2, ("signatures", f"TFLM runs the first subgraph and cannot run {names}"))
    return lines


def _tried(layout: ProjectLayout) -> str:
    if layout.ran:
        return "exports of this layout were compiled and run; this one was not"
    return f"this layout was never built: {layout.tool} was not at hand"


def export_document(
    subject: Exported, layout: ProjectLayout, files: Mapping[str, str], folder: str
) -> dict[str, Any]:
    """Return the document."""
    profile = subject.ledger.profile
    return document(
        model=subject.model.source,
        summary=dict(summary(subject, layout, files, folder)),
        layout=layout.name,
        layout_built=layout.ran,
        name=subject.name,
        to=folder,
        model_bytes=len(subject.content),
        model_sha256=subject.digest,
        arena_bytes=subject.ledger.safe_arena_bytes,
        target=profile.target.name,
        core=profile.core or None,
        kernels=profile.kernels.name,
        tflm=profile.tflm.name,
        measured=profile.measured,
        provenance=profile.provenance,
        operators=[
            {"name": name, "method": method}
            for name, method in zip(subject.model.operator_names, subject.adders, strict=True)
        ],
        resource_variables=subject.variables,
        inputs=[_port(port) for port in subject.inputs],
        outputs=[_port(port) for port in subject.outputs],
        golden={
            "samples": subject.golden.count,
            "bytes": subject.golden.bytes,
            "origin": subject.golden.origin,
            "tolerances": list(subject.golden.tolerances),
        },
        files=[
            {
                "path": path,
                "bytes": len(text.encode()),
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
            }
            for path, text in files.items()
        ],
    )


def _port(port: Port) -> dict[str, Any]:
    return {
        "label": port.label,
        "name": port.spec.name,
        "alias": port.alias or None,
        "dtype": port.spec.dtype,
        "shape": list(port.shape),
        "scale": port.spec.step if port.converted else None,
        "zero_point": port.spec.zero if port.converted else None,
        "helpers": port.converted,
    }


def print_export(
    subject: Exported, layout: ProjectLayout, files: Mapping[str, str], folder: str
) -> None:
    """Print the answer and the files."""
    print_answer(summary(subject, layout, files, folder))
    rows = [(path, count(len(text.encode()))) for path, text in files.items()]
    print_table([Column("file"), Column("bytes", "right")], rows)
