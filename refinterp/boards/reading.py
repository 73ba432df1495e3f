"""Tables of hardware read from JSON: the package's `boards.json`, and files of users.

A user's file has the same lists, `cores`, `chips` and `boards`, any of them. A board needs `name`
and `core`; `ram` and `flash` may be written as people do (`256K`). What has the name of something
known takes its place; two entries of one file do not share a name. Cores go by all the names that
`--target` takes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

from refinterp.boards.choice import build_for
from refinterp.boards.hardware import Board, ChipFamily, Core, Hardware, plain
from refinterp.boards.sizes import byte_count
from refinterp.errors import UsageError
from refinterp.tflm.targets import KERNELS, TARGETS

ENVIRONMENT: Final = "REFINTERP_BOARDS"
"""The variable that names a file of one's own, read before the one that an option names."""

_Entry = TypeVar("_Entry", Core, ChipFamily, Board)
_BYTES: Final = {
    "ram": "ram_contiguous_bytes",
    "flash": "flash_chip_bytes",
}
_LARGEST: Final = 1 << 40


@cache
def known() -> Hardware:
    """Return the package's own table."""
    text = resources.files("refinterp.boards").joinpath("boards.json").read_text("utf-8")
    return _table(json.loads(text), "boards.json", Hardware((), (), ()), own=False)


def hardware(files: Iterable[str] = ()) -> Hardware:
    """Return the package's table with what these files add or change, in their order.

    Raises UsageError for a file that cannot be read, naming the place in it.
    """
    table = known()
    for path in files:
        try:
            text = Path(path).read_text("utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path}: is no text in UTF-8") from None
        try:
            data = json.loads(text, object_pairs_hook=_object)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UsageError(f"{path}: is no JSON: {error}") from None
        except _TwiceError as twice:
            raise UsageError(f"{path}: an object has {twice.args[0]!r} twice") from None
        table = _table(data, path, table, own=True)
    return table


class _TwiceError(Exception):
    """An object of JSON has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return found


def _table(data: object, path: str, before: Hardware, *, own: bool) -> Hardware:
    if not isinstance(data, dict):
        raise UsageError(f"{path}: must be an object with cores, chips or boards; is {_kind(data)}")
    unknown = data.keys() - {"about", "cores", "chips", "boards"}
    if unknown:
        raise UsageError(
            f"{path}: has {sorted(unknown)[0]!r}; allowed: about, cores, chips, boards"
        )
    cores = before.cores + tuple(_entries(data, "cores", Core, path))
    for core in cores[len(before.cores) :]:
        _one_of(core.target, TARGETS, f"{path}: core {core.name!r}: target")
        if core.kernels is not None:
            _one_of(core.kernels, KERNELS, f"{path}: core {core.name!r}: kernels")
    chips = before.chips + tuple(
        dataclasses.replace(chip, begins=plain(chip.begins))
        for chip in _entries(data, "chips", ChipFamily, path)
    )
    boards = [
        dataclasses.replace(board, own=own) for board in _entries(data, "boards", Board, path)
    ]
    _once([core.names for core in cores[len(before.cores) :]], f"{path}: cores")
    _once([(chip.begins,) for chip in chips[len(before.chips) :]], f"{path}: chips")
    _once([board.names for board in boards], f"{path}: boards")
    named = Hardware(_latest(cores, lambda core: core.name), (), ())
    chips = before.chips + tuple(
        dataclasses.replace(
            chip, core=_core(named, chip.core, f"{path}: chips {chip.begins!r}: core")
        )
        for chip in chips[len(before.chips) :]
    )
    named = dataclasses.replace(named, chips=_latest(chips, lambda chip: chip.begins))
    for place, board in enumerate(boards):
        where = f"{path}: board {board.name!r}"
        known_as = _core(named, board.core, f"{where}: core")
        if board.tflm is not None and own:
            _require_build(named.core_called(known_as), board.tflm, f"{where}: tflm")
        boards[place] = dataclasses.replace(board, core=known_as)
    return dataclasses.replace(
        named, boards=_latest((*before.boards, *boards), lambda board: plain(board.name))
    )


def _once(entries: Sequence[Sequence[str]], place: str) -> None:
    """Raise UsageError where two entries of one list have a name in common."""
    seen: dict[str, int] = {}
    for at, names in enumerate(entries):
        for name in names:
            first = seen.setdefault(plain(name), at)
            if first != at:
                raise UsageError(
                    f"{place}[{at}]: {name!r} names {place.rpartition(' ')[2]}[{first}] too; each "
                    "entry needs names of its own"
                )


def _core(table: Hardware, name: str, place: str) -> str:
    """The canonical name of a core; what is none is told what is like it."""
    if any(core.name == name for core in table.cores):
        return name
    found = table.core_or_none(name)
    if found is not None:
        return found.name
    known = [one for core in table.cores for one in (core.name, *core.also)]
    close = table.near(name, known)
    meant = f"did you mean {' or '.join(close)}? Allowed" if close else "allowed"
    names = ", ".join(core.name for core in table.cores)
    raise UsageError(f"{place} is {name!r}; {meant}: {names}, and the names of chips")


def _require_build(core: Core, tflm: str, place: str) -> None:
    """Raise UsageError for a TFLM that there is not, or that is not built for a core."""
    try:
        build_for(core, None, tflm)
    except UsageError as error:
        said = str(error).partition("; use --tflm")[0]
        raise UsageError(f"{place}: {said}; leave tflm out for the snapshot") from None


def _latest(entries: Iterable[_Entry], key: Any) -> tuple[_Entry, ...]:
    """Of entries of one name the last."""
    return tuple({key(one): one for one in entries}.values())


def _entries(data: Mapping[str, Any], name: str, of: type[_Entry], path: str) -> Iterable[_Entry]:
    rows = data.get(name, [])
    if not isinstance(rows, list):
        raise UsageError(f"{path}: {name} must be a list; is {_kind(rows)}")
    for place, row in enumerate(rows):
        yield _entry(row, of, f"{path}: {name}[{place}]")


def _entry(row: object, of: type[_Entry], place: str) -> _Entry:
    if not isinstance(row, dict):
        raise UsageError(f"{place}: must be an object; is {_kind(row)}")
    fields: dict[str, dataclasses.Field[Any]] = {
        field.name: field for field in dataclasses.fields(of) if field.name != "own"
    }
    allowed = [*fields, *(_BYTES if of is Board else ())]
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key not in allowed:
            raise UsageError(f"{place}: has {key!r}; allowed: {', '.join(allowed)}")
        name = _BYTES.get(str(key), str(key))
        if name in values:
            raise UsageError(f"{place}: has {key!r} and {_other_key(row, name, key)!r}; give one")
        values[name] = _value(value, str(fields[name].type), f"{place}.{key}")
    if of is Core:
        values.setdefault("title", values.get("name"))
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING:
            raise UsageError(f"{place}: has no {name!r}, which it needs")
    for name in ("name", "begins"):
        if name in values and not plain(values[name]):
            raise UsageError(f"{place}.{name}: must have a letter or digit; is {values[name]!r}")
    return of(**values)


def _other_key(row: Mapping[str, Any], name: str, key: str) -> str:
    """The other key of a row that means the same field."""
    return next(one for one in row if one != key and _BYTES.get(one, one) == name)


def _value(value: object, kind: str, place: str) -> Any:
    """A field's value by what the field takes: text, bytes or MHz, or texts."""
    if value is None and "None" in kind:
        return None
    if "tuple" in kind:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise UsageError(f"{place}: must be a list of texts; is {_kind(value)}")
    if kind.startswith("int"):
        if isinstance(value, str):
            try:
                value = byte_count(value)
            except UsageError as error:
                raise UsageError(f"{place}: {error}") from None
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST:
            return value
        raise UsageError(f"{place}: must be a positive whole number; is {_kind(value)}")
    if isinstance(value, str):
        return value
    raise UsageError(f"{place}: must be a text; is {_kind(value)}")


def _one_of(value: str, allowed: Iterable[str], place: str) -> None:
    names = list(allowed)
    if value not in names:
        raise UsageError(f"{place} is {value!r}; allowed: {', '.join(names)}")


def _kind(value: object) -> str:
    """A value in a message: short ones as they are."""
    text = json.dumps(value) if isinstance(value, (str, int, float, bool, type(None))) else ""
    return text if 0 < len(text) < 40 else type(value).__name__
