"""A ledger on a screen: the figure to type, who owns the bytes, what other builds come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from refinterp.arena.optimize import Optimized
from refinterp.report.arena_answer import ModelArena
from refinterp.report.terminal import Column, print_table, print_text
from refinterp.report.words import count, one_line, plural
from refinterp.tflm.dearer import Dearer
from refinterp.tflm.ledger_data import Ledger, LedgerEntry, SharedArena, TwoArenas
from refinterp.tflm.targets import Profile
from refinterp.tflm.what_if import WhatIf

K = TypeVar("K")
_OWNERS: Final = 12  # operators that are listed by name
_NUMBERS: Final = 11  # columns of a number of bytes
_LABEL: Final = 15
_WHOSE: Final = 40  # column at which an allocation's owner stands
_TEXT: Final = 2 + _LABEL + _NUMBERS + 4  # column at which words begin


def print_totals(ledger: Ledger, apart: TwoArenas) -> None:
    """Print what decides the smallest arena, what is used, and what two arenas come to."""
    peak = ledger.peak
    _line("smallest arena", ledger.minimum_arena_bytes,
          f"decided in {peak.stage}: {peak.what}", bold=True)  # fmt: skip
    used = f"head {count(ledger.head_bytes)} + tail {count(ledger.tail_bytes)}"
    least = min(ledger.tail_by_end) + ledger.head_bytes
    most = max(ledger.tail_by_end) + ledger.head_bytes
    if least != most:
        used += (
            f"; {count(least)} to {count(most)} B, as base + size is aligned; a base off a "
            "multiple of 16 costs up to 15 B more"
        )
    _line("arena used", ledger.arena_used_bytes, used)
    two = f"persistent {count(apart.persistent_minimum_bytes)}, the rest "
    two += count(apart.non_persistent_minimum_bytes)
    _line("two arenas",
          apart.persistent_minimum_bytes + apart.non_persistent_minimum_bytes, two)  # fmt: skip
    if ledger.read_not_measured:
        names = ", ".join(ledger.read_not_measured)
        print_text(f"  read, not measured: {names}")


def print_optimized(
    result: Optimized, dearer: Sequence[Dearer], where: Profile, *, reorder: bool
) -> None:
    """Print what an optimal plan gains over TFLM's, and how sure it is that none is better.

    dearer: where the new model needs more than before. where: what it was planned for. reorder:
    whether other orders of the operators were looked for.
    """
    before, after = result.before.head_bytes, result.after.head_bytes
    share = f" ({100 * result.gain_bytes / before:.1f} %)" if before else ""
    print_text(
        f"optimized: head {count(before)} -> {count(after)} B, "
        f"{count(result.gain_bytes)} B{share} less",
        style="bold",
    )
    if result.orders is not None:
        moved = sum(new != old for order in result.orders for new, old in enumerate(order))
        print_text(f"  reordered: {plural(moved, 'operator')} at another place in the order")
    elif reorder:
        print_text("  --reorder found no order that needs less: the operators keep theirs")
    if result.proven:
        verdict = "proven: no plan of these operators in this order is smaller"
    else:
        verdict = f"at most {count(result.gap_bytes)} B above the best possible plan"
    print_text(f"  lower bound {count(result.lower_bound_bytes)} B; {verdict}")
    if dearer:
        more = "; ".join(
            f"{one.profile.target.name} with {one.profile.kernels.name} "
            f"{count(one.before)} -> {count(one.after)} B"
            for one in dearer
        )
        print_text(
            f"  warning: planned for {where.target.name} with {where.kernels.name} alone; the "
            f"smallest arena grows on {more}",
            hang=4,
        )


def _line(label: str, size: int, words: str, *, bold: bool = False) -> None:
    text = f"  {label:{_LABEL}}{count(size):>{_NUMBERS}} B  {words}"
    print_text(text, style="bold" if bold else None, hang=_TEXT)


def print_owners(ledger: Ledger) -> None:
    """Print the tail by category, and the operators that keep most of it."""
    tail = [entry for entry in ledger.entries if entry.section == "tail"]
    groups = sorted(_by(tail, lambda e: e.category).items(), key=lambda g: -_bytes(g[1]))
    print_table(
        [
            Column("tail, by category"),
            Column("entries", "right"),
            Column("requested", "right"),
            Column("bytes", "right"),
        ],
        (
            (name, len(entries), count(_requested(entries)), count(_bytes(entries)))
            for name, entries in groups
        ),
    )
    owned = [e for e in tail if e.operator is not None]
    each = sorted(_by(owned, lambda e: (e.subgraph, e.operator)).values(), key=lambda x: -_bytes(x))
    listed = each[:_OWNERS]
    if listed:
        print_table(
            [
                Column("op", "right"),
                Column("operator", whole=True),
                Column("bytes", "right"),
                Column("most of it", fold=True),
            ],
            (
                (_place(entries[0]), entries[0].op_name, count(_bytes(entries)), _largest(entries))
                for entries in listed
            ),
        )
    if len(each) > len(listed):
        rest = sum(_bytes(entries) for entries in each[_OWNERS:])
        more = plural(len(each) - len(listed), "operator")
        print_text(f"and {more} more, {count(rest)} B in all")


def print_ledger(ledger: Ledger) -> None:
    """Print every allocation, in TFLM's order."""
    print_text("every allocation, in order", style="bold")
    print_text(f"{'stage':8}{'where':6}{'asked':>9} {'align':>5}{'bytes':>10}  whose: what")
    for e in ledger.entries:
        whose = "" if e.operator is None else f"{_place(e)} {e.op_name}: "
        doubt = "" if e.measured else " (read, not measured)"
        print_text(
            f"{e.stage:8}{e.section:6}{count(e.requested_bytes):>9} {e.align:>5}"
            f"{count(e.bytes):>10}  {whose}{one_line(e.what)}{doubt}",
            hang=_WHOSE,
        )


def print_what_ifs(what_ifs: Sequence[WhatIf]) -> None:
    """Print what other builds and changes come to."""
    if not what_ifs:
        return
    print_table(
        [
            Column("what if"),
            Column("used", "right"),
            Column("smallest arena", "right"),
            Column("saves", "right"),
            Column(""),
        ],
        (
            (
                w.change,
                _size(w.arena_used_bytes),
                _size(w.minimum_arena_bytes),
                "-" if w.gain_bytes is None else f"{w.gain_bytes:+,}",
                _mark(w.profile, w.reason),
            )
            for w in what_ifs
        ),
    )
    _print_notes([(w.profile, w.reason) for w in what_ifs])


def print_targets(
    rows: Sequence[tuple[Profile, Ledger | None, str | None]], most: int | None = None
) -> None:
    """Print a model on many targets; where TFLM refuses it, a reason is there but no ledger.

    most: the most bytes that are allowed, None without a limit.
    """
    print_table(
        [
            Column("target"),
            Column("kernels"),
            Column("head", "right"),
            Column("tail", "right"),
            Column("used", "right"),
            Column("smallest arena", "right"),
            Column(""),
        ],
        (
            (
                profile.target.name,
                profile.kernels.name,
                _size(ledger.head_bytes if ledger else None),
                _size(ledger.tail_bytes if ledger else None),
                _size(ledger.arena_used_bytes if ledger else None),
                _size(ledger.minimum_arena_bytes if ledger else None),
                ", ".join(filter(None, [_mark(profile, reason), _beyond(ledger, most)])),
            )
            for profile, ledger, reason in rows
        ),
    )
    _print_notes([(profile, reason) for profile, _, reason in rows])


def print_models(asked: Sequence[ModelArena], most: int | None = None) -> None:
    """Print several models on one target, in one table; a refused one with its reason below.

    most: the most bytes that are allowed, None without a limit.
    """
    print_table(
        [
            Column("model", fold=True),
            Column("smallest arena", "right"),
            Column("used", "right"),
            Column("recording", "right"),
            Column(""),
        ],
        [_model_row(one, most) for one in asked],
    )
    for one in asked:
        if one.refused:
            print_text(f"refused: {one_line(one.refused)}", style="red")
    print_text(
        "smallest arena, used: of a MicroInterpreter. recording: the smallest arena of a "
        "RecordingMicroInterpreter."
    )


def _beyond(ledger: Ledger | None, most: int | None) -> str:
    """How far a size is over the limit."""
    over = 0 if ledger is None or most is None else ledger.safe_arena_bytes - most
    return f"{count(over)} over" if over > 0 else ""


def _model_row(one: ModelArena, most: int | None) -> tuple[str, str, str, str, str]:
    if one.ledger is None:
        return one.title, "-", "-", "-", "refused"
    return (
        one.title,
        count(one.ledger.minimum_arena_bytes),
        count(one.ledger.arena_used_bytes),
        count(one.ledger.recording.minimum_arena_bytes),
        _beyond(one.ledger, most),
    )


def _size(size: int | None) -> str:
    return "-" if size is None else count(size)


def _mark(profile: Profile, reason: str | None) -> str:
    if reason or not profile.measured:
        return "refused" if reason else "derived"
    return "" if profile.provenance == "measured" else "on chips"


def _print_notes(rows: Sequence[tuple[Profile, str | None]]) -> None:
    """Print below a table what its marks mean: each reason once."""
    for reason in dict.fromkeys(reason for _, reason in rows if reason):
        print_text(f"refused: {one_line(reason)}")
    if any(not profile.measured and not reason for profile, reason in rows):
        print_text("derived: follows from the sources by the same rules, not measured")
    for told in {p.provenance: None for p, r in rows if _mark(p, r) == "on chips"}:
        print_text(f"on chips: {told}")


def print_shared(shared: SharedArena, names: Sequence[str]) -> None:
    """Print what the models come to in one arena, one running at a time."""
    print_text(f"All {len(names)} models in one arena, set up in this order")
    peak = shared.peak
    _line("smallest arena", shared.minimum_arena_bytes,
          f"decided in {peak.stage}: {peak.what}", bold=True)  # fmt: skip
    tails = " + ".join(count(size) for size in shared.tail_bytes_each)
    _line("arena used", shared.arena_used_bytes,
          f"largest head {count(shared.head_bytes)} + tails {tails} + allocator "
          f"{count(shared.allocator_bytes)}")  # fmt: skip


def _by(
    entries: Iterable[LedgerEntry], key: Callable[[LedgerEntry], K]
) -> dict[K, list[LedgerEntry]]:
    groups: dict[K, list[LedgerEntry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups


def _place(entry: LedgerEntry) -> str:
    return f"{entry.operator} in {entry.subgraph}" if entry.subgraph else f"{entry.operator}"


def _bytes(entries: Iterable[LedgerEntry]) -> int:
    return sum(entry.bytes for entry in entries)


def _requested(entries: Iterable[LedgerEntry]) -> int:
    return sum(entry.requested_bytes for entry in entries)


def _largest(entries: Sequence[LedgerEntry]) -> str:
    entry = max(entries, key=lambda e: e.bytes)
    return entry.what
