"""TFLM's ledger on the arena page: the answer, who owns which byte, every allocation in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from refinterp.report.html import Html, join, tag
from refinterp.report.page import label, prose, section, tile
from refinterp.report.page_table import Cell, Heading, Row, table
from refinterp.report.words import count
from refinterp.tflm.ledger_data import Category, Ledger, LedgerEntry
from refinterp.tflm.what_if import WhatIf

_OWNERS: Final = (
    Heading("owner", number=False),
    Heading("section", number=False, wide=True),
    Heading("bytes", down=True),
    Heading("requests", wide=True, down=True),
)
_ENTRIES: Final = (
    Heading("no", hint="the order TFLM allocates in"),
    Heading("what", number=False),
    Heading("section", number=False, wide=True, hint="tail stays; temp is given back"),
    Heading("bytes", down=True, hint="what the section moves by, alignment included"),
    Heading("op", hint="the operator that asked"),
)
_READ: Final = tag("span", "read, not measured", class_="chip")
_WHAT_IFS: Final = (
    Heading("change", number=False),
    Heading("smallest arena"),
    Heading("used", wide=True),
    Heading("saves", down=True, hint="bytes less than now"),
)
_RECORDED: Final = (
    Heading("category", number=False),
    Heading("count", wide=True, down=True),
    Heading("used", down=True),
    Heading("requested", wide=True, down=True),
)


def ledger_tiles(ledger: Ledger) -> list[Html]:
    """The figures people come for."""
    least, used = ledger.minimum_arena_bytes, ledger.arena_used_bytes
    size = f"kTensorArenaSize = {least}"
    return [
        tile("smallest arena that runs", f"{count(least)} B", size, "good"),
        tile("arena used", f"{count(used)} B", "what arena_used_bytes() returns"),
        tile("tail", f"{count(ledger.tail_bytes)} B", "persistent structures and buffers"),
    ]


def ledger_sections(ledger: Ledger, key: str) -> list[Html]:
    """Owners, what RecordingMicroAllocator prints, and the ledger itself. key: for ids."""
    return [
        section(
            "Who owns the bytes",
            _owners(ledger.entries, f"owners-{key}"),
            _doubt(ledger.read_not_measured),
            note=f"Setting up is fullest at {ledger.peak.stage}: {ledger.peak.what}. That moment "
            "decides the smallest arena.",
        ),
        section(
            "",
            tag(
                "details",
                tag("summary", "As RecordingMicroAllocator prints it"),
                tag(
                    "p",
                    f"Its own objects lie in the arena too: total "
                    f"{count(ledger.recording.total_bytes)} B, head "
                    f"{count(ledger.recording.head_bytes)} B, tail "
                    f"{count(ledger.recording.tail_bytes)} B, smallest arena "
                    f"{count(ledger.recording.minimum_arena_bytes)} B.",
                    class_="note",
                ),
                _recorded(ledger.recording.allocations, f"recorded-{key}"),
            ),
            tag(
                "details",
                tag("summary", f"Every allocation, in order ({len(ledger.entries)})"),
                _entries(ledger.entries, f"ledger-{key}"),
            ),
        ),
    ]


def what_if_section(what_ifs: Sequence[WhatIf], key: str) -> Html:
    """What other chips, kernels and plans come to. key: for ids."""
    rows = [
        Row(
            (
                Cell(_change(one), one.change),
                _bytes_or_none(one.minimum_arena_bytes),
                _bytes_or_none(one.arena_used_bytes),
                Cell("-" if one.gain_bytes is None else f"{one.gain_bytes:+,}", one.gain_bytes),
            ),
            words=f"{one.change} {one.reason or ''}"[:256],
        )
        for one in what_ifs
    ]
    return section(
        "What if",
        table(f"what-if-{key}", _WHAT_IFS, rows, finds="change"),
        note="Each is a whole ledger of its own, not an estimate.",
    )


def _change(one: WhatIf) -> Html:
    doubt = None if one.profile.measured else tag("span", one.profile.provenance, class_="chip")
    reason = None if one.reason is None else prose(one.reason, "note")
    return tag("div", tag("span", one.change), doubt, reason, class_="layer")


def _bytes_or_none(number: int | None) -> Cell:
    return Cell("-" if number is None else count(number), number)


def _owners(entries: Sequence[LedgerEntry], name: str) -> Html:
    """Bytes that stay, by category and operator kind; the head's extent is one of them."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    requests: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        if entry.section != "temp":
            owner = entry.category, entry.op_name or "", entry.section
            sums[owner] += entry.bytes
            requests[owner] += 1
    largest = max(sums.values(), default=1) or 1
    ordered = sorted(sums, key=lambda owner: (-sums[owner], owner))
    rows = [
        Row(
            (
                Cell(_owner(category, operator), f"{category} {operator}"),
                Cell(part, part),
                _bytes(sums[category, operator, part], largest),
                Cell(count(requests[category, operator, part]), requests[category, operator, part]),
            ),
            words=f"{category} {operator} {part}",
        )
        for category, operator, part in ordered
    ]
    return table(name, _OWNERS, rows, finds="category or operator")


def _owner(category: str, operator: str) -> Html:
    return join((tag("span", category), f" · {operator}" if operator else None))


def _bytes(number: int, largest: int) -> Cell:
    bar = tag("i", tag("i", style=f"width:{100 * number / largest:.1f}%"), class_="bar")
    return Cell(join((bar, tag("span", count(number)))), number)


def _recorded(categories: Iterable[Category], name: str) -> Html:
    rows = [
        Row(
            (
                Cell(one.category, one.category),
                Cell(count(one.count), one.count),
                Cell(count(one.used_bytes), one.used_bytes),
                Cell(count(one.requested_bytes), one.requested_bytes),
            )
        )
        for one in categories
    ]
    return table(name, _RECORDED, rows)


def _entries(entries: Sequence[LedgerEntry], name: str) -> Html:
    largest = max((entry.bytes for entry in entries), default=1) or 1
    rows = [
        Row(
            (
                Cell(number, number),
                Cell(
                    tag(
                        "div",
                        tag("b", entry.op_name or entry.category),
                        None if entry.measured else _READ,
                        label(f"{entry.what} ({entry.stage})"),
                        class_="layer",
                    ),
                    entry.category,
                ),
                Cell(entry.section, entry.section),
                _bytes(entry.bytes, largest),
                Cell("" if entry.operator is None else entry.operator, entry.operator),
            ),
            words=f"{entry.category} {entry.op_name or ''} {entry.what[-256:]} {entry.section}",
        )
        for number, entry in enumerate(entries)
    ]
    return table(name, _ENTRIES, rows, finds="owner, operator or section")


def _doubt(operators: Sequence[str]) -> Html | None:
    if not operators:
        return None
    listed = ", ".join(operators)
    return tag("p", f"Read in the source, not measured: {listed}.", class_="note")
