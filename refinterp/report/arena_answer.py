"""What an arena comes to, in a few lines: the number to type, for what, and what others measure.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refinterp.report.words import count, kibibytes, one_line, plural
from refinterp.tflm.entries import Ledger, SharedArena
from refinterp.tflm.targets import Profile

Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wheel:
    """The same model in TFLM's Python wheel: its ledger, or why the wheel refuses it."""

    profile: Profile
    ledger: Ledger | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One model that an arena was asked for: its ledger, or why there is none."""

    title: str
    ledger: Ledger | None
    refused: str = ""


def arena_answer(ledger: Ledger, title: str, wheel: Wheel | None, over: int | None = None) -> Lines:
    """Return (label, text) lines. over: the most bytes that are allowed, None without a limit."""
    profile = ledger.profile
    size = ledger.minimum_arena_bytes
    more = "bytes" if size < 1024 else f"({kibibytes(size)})"
    verdict = f"kTensorArenaSize = {size}  {more} for {one_line(title)} on "
    verdict += f"{built(profile)}, {profile.provenance}"
    if over is not None:
        verdict += f"; {limit(size, over)}"
    lines = [
        ("verdict", verdict),
        (
            "plain",
            f"MicroInterpreter: arena used {count(ledger.arena_used_bytes)} B, smallest arena "
            f"{count(size)} B",
        ),
        (
            "recording",
            "RecordingMicroInterpreter, which keeps its records in the arena too: used "
            f"{count(ledger.recording.total_bytes)} B, smallest arena "
            f"{count(ledger.recording.minimum_arena_bytes)} B",
        ),
    ]
    if wheel is not None:
        lines.append(("wheel", _wheel(wheel)))
    return lines


def _wheel(wheel: Wheel) -> str:
    said = f"the Python wheel ({wheel.profile.tflm.name}, {wheel.profile.target.name}, recording): "
    if wheel.ledger is None:
        return f"{said}refused: {one_line(wheel.refused or '')}"
    recording = wheel.ledger.recording
    return (
        f"{said}used {count(recording.total_bytes)} B, smallest arena "
        f"{count(recording.minimum_arena_bytes)} B"
    )


def built(profile: Profile) -> str:
    """What a profile is, in words."""
    return f"{profile.target.name} with {profile.kernels.name} kernels, TFLM {profile.tflm.name}"


def limit(size: int, most: int) -> str:
    """How a size stands to the most that is allowed."""
    if size <= most:
        return f"within the {count(most)} B allowed"
    return f"{count(size - most)} B more than the {count(most)} B allowed"


def arenas_answer(asked: Sequence[Asked], shared: SharedArena | None) -> Lines:
    """Return (label, text) lines for several models."""
    known = [(one, one.ledger) for one in asked if one.ledger is not None]
    refused = len(asked) - len(known)
    if not known:
        return [("verdict", f"all {plural(len(asked), 'model')} are refused")]
    largest, ledger = max(known, key=lambda pair: pair[1].minimum_arena_bytes)
    text = f"kTensorArenaSize = {ledger.minimum_arena_bytes}  for the largest of "
    text += f"{plural(len(known), 'model')}, {one_line(largest.title)}, on {built(ledger.profile)}"
    if refused:
        text += f"; {refused} of {len(asked)} refused"
    lines = [("verdict", text)]
    if shared is not None:
        lines.append(
            ("shared", f"kTensorArenaSize = {shared.minimum_arena_bytes}  for all "
             f"{len(known)} in one arena, set up in this order")
        )  # fmt: skip
    return lines


def targets_answer(title: str, rows: Sequence[tuple[Profile, Ledger | None]]) -> Lines:
    """Return (label, text) lines for one model on all targets."""
    known = [ledger for _, ledger in rows if ledger is not None]
    if not known:
        return [("verdict", f"{one_line(title)}: refused on all {len(rows)} targets")]
    least = min(known, key=lambda ledger: ledger.minimum_arena_bytes)
    most = max(known, key=lambda ledger: ledger.minimum_arena_bytes)
    text = (
        f"kTensorArenaSize = {least.minimum_arena_bytes} to {most.minimum_arena_bytes} for "
        f"{one_line(title)}: {least.profile.target.name} with {least.profile.kernels.name} needs "
        f"least, {most.profile.target.name} with {most.profile.kernels.name} most"
    )
    if len(known) < len(rows):
        text += f"; {len(rows) - len(known)} of {len(rows)} refuse it"
    return [("verdict", text)]
