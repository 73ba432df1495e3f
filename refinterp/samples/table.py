"""CSV files as samples: a sample a row, or all rows together one sample; labels in a column.

The file is read once to find its rows, and again row by row as samples are wanted. The first row is
a header when it has no number, when the row below has numbers where it has words, or when its
numbers count the columns. Columns are separated by commas, semicolons or tabs. A
table without any point or exponent holds integers, else reals, as other readers of CSV take it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.samples.csv_rows import cells_of, delimiter_of, filled_lines, is_header, is_number
from refinterp.samples.inputs import ModelInput
from refinterp.samples.shapes import Fit, fit_shape
from refinterp.samples.stack import Stack, stacked

Array = NDArray[Any]
TABLES: Final = frozenset({".csv", ".tsv"})
LABEL_COLUMNS: Final = ("label", "labels", "class", "target", "y", "category", "species")
"""What a column of labels is usually called."""

_INDEX_COLUMNS: Final = ("", "unnamed: 0", "index")  # what pandas calls the column of row numbers
_DIGITS: Final = b"0123456789,;\t \r\n"
_INTEGER: Final = re.compile(r"\s*[-+]?\d+\s*")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A CSV file.

    path: where it is.
    delimiter: one character.
    header: names of the columns, or None.
    columns: how many a row has.
    starts: byte offset of each row of data, (rows,).
    lines: each row's number in the file, from 1, (rows,).
    chosen: the columns that are data.
    whole: every cell of theirs is written as an integer.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...] | None
    columns: int
    starts: Array
    lines: Array
    chosen: tuple[int, ...]
    whole: bool = False

    def name(self, column: int) -> str:
        """A column's name, or its number."""
        return repr(self.header[column]) if self.header else str(column)

    def column(self, name: str) -> int | None:
        """The number of a column given by name or by number, None when there is none."""
        if self.header and name in self.header:
            return self.header.index(name)
        try:
            number = int(name)
        except ValueError:
            return None
        return number % self.columns if -self.columns <= number < self.columns else None

    def raw(self, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Rows and their bytes."""
        with self.path.open("rb") as file:
            for row in rows:
                file.seek(int(self.starts[row]))
                yield row, file.readline()

    def rows(self, rows: Iterable[int]) -> Iterator[list[str]]:
        """The cells of rows, as text; raises UsageError for one of another length."""
        for row, line in self.raw(rows):
            where = f"{self.path}, line {self.lines[row]}"
            try:
                cells = cells_of(line, self.delimiter)
            except (UnicodeDecodeError, csv.Error) as error:
                raise UsageError(f"{where}: cannot be read: {error}") from None
            if len(cells) != self.columns:
                raise UsageError(f"{where}: {len(cells)} cells; the others have {self.columns}")
            yield cells

    def numbers(self, row: int) -> Array:
        """The data of one row, nan for empty cells; raises UsageError for what is no number."""
        (cells,) = self.rows([row])
        try:
            if self.whole:
                return np.array([int(cells[i]) for i in self.chosen], np.int64)
            return np.array([float(cells[i] or "nan") for i in self.chosen], np.float32)
        except (ValueError, OverflowError):
            raise UsageError(self._wrong(row, cells)) from None

    def _wrong(self, row: int, cells: Sequence[str]) -> str:
        wrong = [i for i in self.chosen if not is_number(cells[i] or "nan")]
        where = f"{self.path}, line {self.lines[row]}"
        if not wrong:
            return f"{where}: a number is too large for 64 bits"
        cell = cells[wrong[0]]
        hint = "; write decimals with a point" if is_number(cell.replace(",", ".")) else ""
        return f"{where}, column {self.name(wrong[0])}: {cell!r} is no number{hint}"


def read_table(path: Path, columns: str | None = None) -> CsvTable:
    """Find the rows and columns of a CSV; columns: which are data, NAME,NAME,… or numbers.

    Raises UsageError when the file cannot be read so, or has no such column.
    """
    starts: list[int] = []
    lines: list[int] = []
    first: list[str] = []
    header, delimiter = None, ","
    try:
        for number, start, line in filled_lines(path):
            if not first:
                delimiter = delimiter_of(path, line)
                first = cells_of(line, delimiter)
            elif (
                header is None and len(starts) == 1 and is_header(first, cells_of(line, delimiter))
            ):
                header = tuple(cell.strip() for cell in first)
                starts, lines = [], []
            starts.append(start)
            lines.append(number)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not a readable CSV file: {error}") from None
    lone_header = header is None and not any(is_number(cell) for cell in first)
    if not starts or (len(starts) == 1 and lone_header):
        raise UsageError(f"{path}: holds no rows of data")
    offsets, numbers = np.array(starts, np.int64), np.array(lines, np.int64)
    count = len(first)
    table = CsvTable(path, delimiter, header, count, offsets, numbers, tuple(range(count)))
    if columns is not None:
        table = replace(table, chosen=tuple(_columns(table, columns)))
    return table


def table_stack(table: CsvTable, wanted: ModelInput, label: int | None) -> tuple[Stack, int | None]:
    """Samples of an input from a table, and the column that holds labels.

    label: that column, where it was asked for; else a column with a usual name is taken when the
    rest fits the input, and said. Raises UsageError naming the file.
    """
    notes: tuple[str, ...] = ()
    if label is not None:
        table = replace(table, chosen=tuple(i for i in table.chosen if i != label))
    explicit = label is not None
    fit = _fit(table, wanted)
    if fit is None:
        for dropped, found in _without(table, explicit):
            smaller = replace(table, chosen=tuple(i for i in table.chosen if i not in dropped))
            fit = _fit(smaller, wanted)
            if fit is not None:
                table, label = smaller, found if found is not None else label
                gone = [i for i in dropped if i != found]
                notes = tuple(f"{table.path}: column {table.name(i)} counts rows, it is left out"
                              for i in gone)  # fmt: skip
                break
    if fit is None:
        raise UsageError(_refusal(table, wanted))
    table = replace(table, whole=_whole(table))
    dtype = np.dtype(np.int64 if table.whole else np.float32)
    load = partial(_TableRows, table) if fit.rows else partial(_all, table)
    stack = stacked(str(table.path), load, fit, dtype, notes)
    if not fit.rows:
        return stack, label
    return replace(stack, place=lambda i: f"line {table.lines[i]} (sample {i})"), label


def column_values(table: CsvTable, column: int) -> list[str]:
    """The cells of one column, of all rows, as text."""
    return [cells[column].strip() for cells in table.rows(range(len(table.starts)))]


def numbered(values: Sequence[str]) -> tuple[Array, tuple[str, ...] | None]:
    """Labels as numbers; words are numbered from 0 in the order of the alphabet, and returned."""
    try:
        numbers = np.array([float(value) for value in values], np.float64)
    except ValueError:
        names = tuple(sorted(set(values)))
        places = {name: number for number, name in enumerate(names)}
        return np.array([places[value] for value in values], np.int64), names
    whole = np.isfinite(numbers).all() and np.array_equal(numbers, np.rint(numbers))
    return (numbers.astype(np.int64) if whole else numbers), None


class _TableRows:
    """The rows of a table, as an array is indexed."""

    def __init__(self, table: CsvTable) -> None:
        self._table = table

    def __getitem__(self, row: int) -> Array:
        return self._table.numbers(row)


def _all(table: CsvTable) -> Array:
    return np.stack([table.numbers(row) for row in range(len(table.starts))])


def _fit(table: CsvTable, wanted: ModelInput) -> Fit | None:
    try:
        return fit_shape((len(table.starts), len(table.chosen)), wanted)
    except UsageError:
        return None


def _without(table: CsvTable, explicit: bool) -> Iterator[tuple[set[int], int | None]]:
    """Sets of columns that may be no data, and which of a set holds labels."""
    if not table.header:
        return
    low = [name.lower() for name in table.header]
    index = {0} if low[0] in _INDEX_COLUMNS else set()
    labels = [] if explicit else [low.index(n) for n in LABEL_COLUMNS if n in low]
    if index:
        yield index, None
    for label in labels:
        yield {label}, label
        if index:
            yield {label} | index, label


def _refusal(table: CsvTable, wanted: ModelInput) -> str:
    shape = (len(table.starts), len(table.chosen))
    try:
        fit_shape(shape, wanted)
    except UsageError as error:
        text = f"{table.path}: {error}"
    names = ", ".join(table.header[:8]) + ("…" if len(table.header) > 8 else "") if (
        table.header) else f"0..{table.columns - 1}"  # fmt: skip
    if not wanted.is_open and shape[1] == wanted.spec.size + 1:
        return (
            f"{text}. One column too many: say which holds labels with --labels COLUMN, or choose "
            f"the data with {table.path.name}:COLUMN,… (columns: {names})"
        )
    return f"{text}. {table.path.name}:COLUMN,… chooses columns ({names})"


def _columns(table: CsvTable, columns: str) -> Iterator[int]:
    for name in columns.split(","):
        found = table.column(name.strip())
        if found is None:
            known = ", ".join(table.header) if table.header else f"0..{table.columns - 1}"
            raise UsageError(f"{table.path}: no column {name.strip()!r}; it has {known}")
        yield found


def _whole(table: CsvTable) -> bool:
    """Whether every cell of the data is written as an integer."""
    mark = table.delimiter.encode()
    for row, line in table.raw(range(len(table.starts))):
        if not line.translate(None, _DIGITS) and all(line.strip().split(mark)):
            continue  # nothing but digits, in all columns
        (cells,) = table.rows([row])
        if not all(_INTEGER.fullmatch(cells[i]) for i in table.chosen):
            return False
    return True
