"""Lines of a CSV file as rows: what separates columns, what a header is, what a number is."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def filled_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line that is not blank."""
    with path.open("rb") as file:
        start = 0
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                start, line = 3, line[3:]
            if line.strip(b" \t\r\n,;"):
                yield number, start, line
            start += len(line)


def cells_of(line: bytes, delimiter: str) -> list[str]:
    """The cells of a line; raises UnicodeDecodeError or csv.Error where it is not to be read."""
    text = line.decode("utf-8").strip("\r\n")
    return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))


def delimiter_of(path: Path, line: bytes) -> str:
    """What separates the columns of a file, by its name and first line."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    text = line.decode("utf-8")
    if ";" in text:  # with semicolons between columns, commas may be decimal points
        return ";"
    return max((",", "\t", " "), key=lambda d: (text.strip().count(d), d == ","))


def is_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a row names the columns of the one below it."""
    filled = [cell for cell in first if cell.strip()]
    numbers = [cell.strip() for cell in filled if is_number(cell)]
    if not numbers and filled:
        return True
    if len(numbers) > 2 and numbers == [str(i) for i in range(len(numbers))]:
        return True
    pairs = zip(first, second, strict=False)
    return any(a.strip() and not is_number(a) and is_number(b) for a, b in pairs)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
