"""Folders as samples: files one after the other, arrays by the inputs' names, or class folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from refinterp.errors import UsageError
from refinterp.samples.arrays import npy_stack
from refinterp.samples.files import SUFFIXES, How, merged, open_file, together
from refinterp.samples.images import IMAGE_SUFFIXES, image_stack
from refinterp.samples.inputs import ModelInput
from refinterp.samples.samples import Samples

_NAMED: Final = 10  # classes in a message


def open_folder(place: Path, inputs: Sequence[ModelInput], how: How) -> Samples:
    """Open a folder.

    Files that can be inputs: one after the other, in name order; for several inputs a `.npy` with
    the name of each. No such files, but folders that hold some: a class each, numbered from 0 in
    the order of their names, or by their names where those are the numbers 0, 1, ….

    Raises UsageError naming the folder, or the file that cannot be read.
    """
    entries = sorted(p for p in _entries(place) if not p.name.startswith((".", "__MACOSX")))
    files = [p for p in entries if p.is_file()]
    usable = [p for p in files if p.suffix.lower() in SUFFIXES]
    folders = [p for p in entries if p.is_dir()]
    if not usable:
        return _classes(place, folders, files, inputs, how)
    notes = []
    if len(usable) < len(files):
        kinds = ", ".join(sorted({p.suffix or p.name for p in files} - {p.suffix for p in usable}))
        notes.append(f"{place}: {len(files) - len(usable)} file(s) are left out ({kinds})")
    if folders:
        names = ", ".join(p.name for p in folders[:3]) + (", …" if len(folders) > 3 else "")
        notes.append(f"{place}: its folders are left out ({names}), as it holds files itself")
    if len(inputs) > 1 and all(p.suffix.lower() == ".npy" for p in usable):
        samples = _by_name(place, usable, inputs, how)
    else:
        samples = _files(place, usable, inputs, how)[0]
    return replace(samples, notes=(*notes, *samples.notes))


def _entries(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError as error:
        raise UsageError(f"{place}: cannot be read: {error.strerror}") from None


def _files(
    place: Path, files: Sequence[Path], inputs: Sequence[ModelInput], how: How
) -> tuple[Samples, list[int]]:
    """The samples of files in their order, and how many each file holds."""
    if len(inputs) == 1 and all(p.suffix.lower() in IMAGE_SUFFIXES for p in files):
        stack = image_stack(files, inputs[0], str(place))
        return together([stack], inputs, str(place), how), [1] * len(files)
    parts: list[Samples] = []
    for path in files:
        parts.append(open_file(path, inputs, how))
        inputs = parts[0].inputs  # sizes that were open are those of the first file
    counts = [part.count for part in parts]
    samples = merged(parts, str(place))
    kinds = ", ".join(sorted({p.suffix.lower() for p in files}))
    first = parts[0].taken[0].partition(", taken as ")[2] if parts[0].taken else ""
    taken = f"{place}: {samples.count} sample(s) in {len(files)} {kinds} file(s), taken as {first}"
    different = {line.partition(", taken as ")[2] for part in parts for line in part.taken[:1]}
    if len(different) > 1:
        taken += f"; others as {'; '.join(sorted(different - {first}))}"
    return replace(samples, taken=(taken,), notes=_shortened(place, samples.notes)), counts


def _shortened(place: Path, notes: Sequence[str]) -> tuple[str, ...]:
    """A few notes of many files, those that say the same once, and how many more there are."""
    told: dict[str, list[str]] = {}
    for note in notes:
        told.setdefault(note.partition(": ")[2], []).append(note)
    notes = [
        same[0] if len(same) == 1 else f"{place}: in {len(same)} files, {text}"
        for text, same in told.items()
    ]
    if len(notes) <= _NAMED // 2:
        return tuple(notes)
    return (*notes[:3], f"… and {len(notes) - 3} more notes like these, of other files")


def _by_name(place: Path, files: Sequence[Path], inputs: Sequence[ModelInput], how: How) -> Samples:
    """One `.npy` per input, called as the input is."""
    stems = {p.stem: p for p in files}
    found = [next((stems[n] for n in one.names if n in stems), None) for one in inputs]
    missing = [repr(one.names[-1]) for one, p in zip(inputs, found, strict=True) if p is None]
    if missing:
        raise UsageError(
            f"{place}: no file for input {', '.join(missing)}; it holds "
            f"{', '.join(p.name for p in files)}; name a .npy after each input"
        )
    stacks = [npy_stack(p, one) for p, one in zip(found, inputs, strict=True) if p is not None]
    return together(stacks, inputs, str(place), how)


def _classes(
    place: Path,
    folders: Sequence[Path],
    files: Sequence[Path],
    inputs: Sequence[ModelInput],
    how: How,
) -> Samples:
    """Folders of a class each."""
    members = {folder: _members(folder) for folder in folders}
    if not any(members.values()):
        held = ", ".join(sorted({p.suffix or p.name for p in files})) or "nothing"
        raise UsageError(
            f"{place}: the folder holds no file that can be an input (it holds {held}); allowed: "
            f"{', '.join(sorted(SUFFIXES))}"
        )
    nested = [f for f in folders if members[f] and not any(p.parent == f for p in members[f])]
    if nested and len(nested) == len([f for f in folders if members[f]]):
        names = ", ".join(str(f) for f in nested[:3])
        raise UsageError(
            f"{place}: its folders hold folders themselves; give the one whose folders are the "
            f"classes ({names})"
        )
    numbers = _numbers([folder.name for folder in folders])
    order = sorted(folders, key=lambda folder: numbers[folder.name])
    usable = [path for folder in order for path in members[folder]]
    samples, counts = _files(place, usable, inputs, how)
    labels = np.repeat([numbers[folder.name] for folder in order for _ in members[folder]], counts)
    classes = tuple(folder.name for folder in order)
    empty = [folder.name for folder in order if not members[folder]]
    notes = samples.notes
    if empty:
        notes = (*notes, f"{place}: no file in {', '.join(empty[:_NAMED])}")
    return replace(
        samples,
        labels=labels.astype(np.int64),
        labels_origin=f"the names of the folders in {place}",
        labels_asked=False,
        class_names=classes,
        notes=notes,
    )


def _members(folder: Path) -> list[Path]:
    """The files of a class that can be inputs, also in folders of its own, in name order."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in SUFFIXES and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )  # fmt: skip


def _numbers(names: Sequence[str]) -> dict[str, int]:
    """The label of each class."""
    if all(name.isdecimal() for name in names):
        own = {name: int(name) for name in names}
        if sorted(own.values()) == list(range(len(names))):
            return own
    return {name: number for number, name in enumerate(sorted(names))}
