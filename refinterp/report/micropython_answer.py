"""What `export --for micropython` says: the heap first, then its terms and the files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from refinterp.export.micropython.bundle import CheckedSamples, ModuleBuild, ports
from refinterp.export.micropython.heap import firmware_heaps
from refinterp.report.machine import document
from refinterp.report.terminal import Column, print_answer, print_table
from refinterp.report.words import count, one_line, plural


def module_summary(
    build: ModuleBuild,
    name: str,
    title: str,
    folder: str,
    checked: CheckedSamples,
    limit: int | None,
    hints: Sequence[str],
) -> list[tuple[str, str]]:
    """Return (label, text) lines. limit: what the heap may be, or None. hints: where it is not."""
    heap = build.heap_bytes
    verdict = (
        f"{one_line(title)}: {name}.py in {one_line(folder)}, heap at most {count(heap)} bytes"
    )
    if limit is not None:
        fits = "within" if heap <= limit else "over"
        verdict += f", {fits} the {count(limit)} asked for"
    kernels = ", ".join(build.placed.kernels) or "none"
    lines = [
        ("verdict", verdict),
        ("arithmetic", f"{build.flavour}, byte for byte; {count(build.macs)} MACs a run"),
        (
            "weights",
            f"{count(len(build.placed.data))} bytes in "
            + ("the module" if build.in_module else f"{name}.bin")
            + f", {count(build.placed.calls)} blocks of up to {count(build.placed.largest)}",
        ),
        ("kernels", kernels),
        ("check", f"{plural(checked.count, 'sample')}, {checked.origin}: import {name}_check"),
    ]
    if build.core.dropped:
        dropped = ", ".join(build.core.dropped)
        lines.append(
            ("ends", f"{dropped} at float ends: quantize() and dequantize() stand for them")
        )
    lines += [("hint", hint) for hint in hints]
    lines.append(
        ("next", f"mpremote cp {one_line(folder)}/{name}* : && mpremote exec 'import {name}_check'")
    )
    return lines


def module_document(
    summary: Sequence[tuple[str, str]],
    build: ModuleBuild,
    name: str,
    source: str | None,
    folder: str,
    content: bytes,
    files: Mapping[str, bytes],
    checked: CheckedSamples,
    limit: int | None,
    hints: Sequence[str],
) -> dict[str, Any]:
    """Return the document."""
    return document(
        model=source,
        summary={label: text for label, text in summary if label != "hint"},
        layout="micropython",
        name=name,
        to=folder,
        model_bytes=len(content),
        model_sha256=hashlib.sha256(content).hexdigest(),
        flavour=build.flavour,
        weights="module" if build.in_module else "file",
        heap_bytes=build.heap_bytes,
        heap_limit_bytes=limit,
        fits=None if limit is None else build.heap_bytes <= limit,
        suggestions=list(hints),
        heap_terms=[{"name": t.name, "bytes": t.bytes, "what": t.what} for t in build.terms],
        firmware=[
            {
                "board": row.board,
                "heap_bytes": row.heap_bytes,
                "fits": None if row.heap_bytes is None else build.heap_bytes <= row.heap_bytes,
                "source": row.source,
            }
            for row in firmware_heaps()
        ],
        plan_bytes=build.memory.plan_bytes,
        weight_bytes=len(build.placed.data),
        largest_block_bytes=build.placed.largest,
        calls=build.placed.calls,
        macs=build.macs,
        kernels=list(build.placed.kernels),
        operators=[
            {"operator": op.operator, "what": op.title, "calls": calls, "macs": op.macs}
            for op, (calls, _) in zip(build.core.operators, build.placed.per_operator, strict=True)
        ],
        dropped=list(build.core.dropped),
        inputs=ports(build.core.inputs),
        outputs=ports(build.core.outputs),
        check={"samples": checked.count, "origin": checked.origin},
        files=[
            {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in files.items()
        ],
    )


def print_module(
    summary: Sequence[tuple[str, str]], build: ModuleBuild, files: Mapping[str, bytes]
) -> None:
    """Print the answer, the heap's terms and the files."""
    print_answer(summary)
    rows = [(term.what, count(term.bytes)) for term in build.terms]
    print_table([Column("heap"), Column("bytes", "right")], rows)
    print_table(
        [Column("file"), Column("bytes", "right")], [(p, count(len(d))) for p, d in files.items()]
    )
