"""What an arena comes to, in a few lines: the number to type, for what, and what others measure.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.report.words import count, kibibytes, one_line, plural, some
from refinterp.tflm.ledger_data import AsBuilt, Ledger, Margin, SharedArena
from refinterp.tflm.targets import Profile
from refinterp.tflm.versions import Version

Lines = list[tuple[str, str]]
_NAMED: Final = 12  # models or builds over the limit that are named


@dataclass(frozen=True, slots=True)
class Wheel:
    """The same model in TFLM's Python wheel: its ledger, or why the wheel refuses it."""

    profile: Profile
    ledger: Ledger | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ModelArena:
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
    if profile.measured and ledger.read_not_measured:
        verdict += f" ({some(ledger.read_not_measured, _NAMED)}: read, not measured)"
    verdict += as_built_too(ledger.as_built)
    if over is not None:
        which = "" if ledger.as_built is None else f"{ledger.safe_arena_bytes} is "
        verdict += f"; {which}{limit(ledger.safe_arena_bytes, over)}"
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
            f"{count(ledger.recording.minimum_arena_bytes)} B"
            + (", derived" if profile.tflm.distribution else ""),
        ),
    ]
    if ledger.margin is not None:
        lines[-1] = ("margin", _margin(ledger.margin))
    if ledger.as_built is not None:
        lines.insert(1, ("margin", as_built(ledger.as_built, size)))
    if profile.tflm.distribution:
        lines.insert(1, ("flashed", _flashed(profile.tflm)))
    lines += [("warning", f"set up, but does not run: {why}") for why in ledger.fails_to_run]
    if wheel is not None:
        lines.append(("wheel", _wheel(wheel)))
    return lines


def _flashed(version: Version) -> str:
    return f"{version.summary}: {version.source} at {version.commit}, {version.date}"


def as_built(found: AsBuilt, size: int) -> str:
    """What people's own build needs beyond the smallest arena of the one that was asked for."""
    more = found.minimum_arena_bytes - size
    return (
        f"{count(more)} B, to be safe: {found.why}; {count(found.minimum_arena_bytes)} B is enough "
        f"for both ({found.profile.tflm.name}, {found.profile.provenance})"
    )


def as_built_too(found: AsBuilt | None) -> str:
    """The smallest arena of people's own build, behind that of the one that was asked for."""
    if found is None:
        return ""
    return f"; {found.minimum_arena_bytes} with {found.profile.tflm.name}"


def most_as_built(ledgers: Sequence[Ledger]) -> Lines:
    """What people's own build needs beyond these figures at most, where that is another build."""
    found = [(one.as_built, one.minimum_arena_bytes) for one in ledgers if one.as_built]
    if not found:
        return []
    other, size = max(found, key=lambda pair: pair[0].minimum_arena_bytes - pair[1])
    return [("margin", f"up to {as_built(other, size)}")]


def _margin(margin: Margin) -> str:
    return (
        f"{count(margin.minimum_bytes)} B of the smallest arena, {count(margin.used_bytes)} B of "
        f"arena used, because this distribution is not known: {margin.reason}"
    )


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
    return f"{profile.place} with {profile.kernels.name} kernels, TFLM {profile.tflm.told}"


def limit(size: int, most: int) -> str:
    """How a size stands to the most that is allowed."""
    if size <= most:
        return f"within the {count(most)} B allowed"
    return f"{count(size - most)} B more than the {count(most)} B allowed"


def arenas_answer(
    asked: Sequence[ModelArena],
    shared: SharedArena | None,
    most: int | None = None,
    builds: int = 1,
) -> Lines:
    """Return (label, text) lines for several models.

    asked: the models one after the other, each on every build. most: the most bytes that are
    allowed, None without a limit.
    """
    each = [asked[at : at + builds] for at in range(0, len(asked), builds)]
    known = [(one, one.ledger) for one in asked if one.ledger is not None]
    if not known:
        return [("verdict", f"all {plural(len(each), 'model')} are refused")]
    measured = sum(any(one.ledger for one in model) for model in each)
    largest, ledger = max(known, key=lambda pair: pair[1].minimum_arena_bytes)
    text = f"kTensorArenaSize = {ledger.minimum_arena_bytes}  for the largest of "
    text += f"{plural(measured, 'model')}, {one_line(largest.title)}, on {built(ledger.profile)}"
    if builds > 1:
        text += f", where it needs most of {builds} builds"
    if measured < len(each):
        text += f"; {len(each) - measured} of {len(each)} refused"
    lines = [("verdict", text)]
    if most is not None:
        which = [_models_over(model, most) for model in each]
        lines.append(("limit", _over([text for text in which if text], len(each), "model", most)))
    lines += most_as_built([ledger for _, ledger in known])
    if shared is not None:
        lines.append(
            ("shared", f"kTensorArenaSize = {shared.minimum_arena_bytes}  for all "
             f"{len(known)} in one arena, set up in this order"
             + as_built_too(shared.as_built))
        )  # fmt: skip
    return lines


def _models_over(model: Sequence[ModelArena], most: int) -> str:
    """A model's name with what it has too much, on its dearest build; empty if it is within."""
    size = max((one.ledger.safe_arena_bytes for one in model if one.ledger), default=0)
    return f"{one_line(model[0].title)} by {count(size - most)} B" if size > most else ""


def _over(which: Sequence[str], of: int, what: str, most: int) -> str:
    """Which ones need more than is allowed."""
    allowed = f"the {count(most)} B allowed"
    if not which:
        return f"none needs more than {allowed}"
    verb = "needs" if len(which) == 1 else "need"
    return f"{len(which)} of {plural(of, what)} {verb} more than {allowed}: {some(which, _NAMED)}"


def targets_answer(
    title: str, rows: Sequence[tuple[Profile, Ledger | None]], over: int | None = None
) -> Lines:
    """Return (label, text) lines for one model on all targets; over: the most bytes allowed."""
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
    version = rows[0][0].tflm
    if version.distribution:
        text += f"; all of TFLM {version.told}"
    if len(known) < len(rows):
        text += f"; {len(rows) - len(known)} of {len(rows)} refuse it"
    lines = [("verdict", text), *most_as_built(known)]
    if over is None:
        return lines
    which = [
        f"{one.profile.target.name} with {one.profile.kernels.name} by "
        f"{count(one.safe_arena_bytes - over)} B"
        for one in known
        if one.safe_arena_bytes > over
    ]
    return [*lines, ("limit", _over(which, len(rows), "build", over))]
