"""A model as source code: the array of bytes that microcontroller projects compile in.

C and C++ in the first place: hexadecimal, decimal, octal or character elements, of one byte or of
several, signed or unsigned, with casts, comments and conditional compilation; string literals; the
bare list of `xxd -i < FILE`. Arrays in brackets (Rust, JavaScript, Python) are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from refinterp.errors import ModelError
from refinterp.graph.layout import layout

SUFFIXES: Final = frozenset({".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".inc", ".ino"})
"""Names of C and C++ sources end in one of these."""

_HEAD: Final = 4096  # bytes that tell whether a file is text
_COMMENTS: Final = re.compile(rb'//[^\n]*|/\*.*?(?:\*/|\Z)|("(?:\\.|[^"\\\n])*")', re.DOTALL)
_STRINGS: Final = re.compile(rb'"(?:\\.|[^"\\\n])*"')
_LITERALS: Final = re.compile(rb'=\s*((?:b?"(?:\\.|[^"\\\n])*"\s*)+)')
_ESCAPES: Final = re.compile(rb"\\x([0-9a-fA-F]{1,2})|\\([0-7]{1,3})|\\(.)|([^\\])", re.DOTALL)
_SIMPLE: Final = {b"n": 10, b"t": 9, b"r": 13, b"a": 7, b"b": 8, b"f": 12, b"v": 11}
_CASTS: Final = re.compile(
    rb"\(\s*(?:const\s+)?(?:unsigned\s+|signed\s+)?(?:char|byte|std::byte|u?int8_t)\s*\)"
)
_CALLS: Final = re.compile(rb"\b(?:std::byte|byte|u?int8_t)\s*[({]\s*([0-9a-fA-FxX]+)\s*[)}]")
_BODIES: Final = (re.compile(rb"\{([^{}]*)\}"), re.compile(rb"\[([^\[\]]*)\]"))
_CHARACTER: Final = rb"'(?:\\x[0-9a-fA-F]{1,2}|\\[0-7]{1,3}|\\?[^\n])'"
_ELEMENT: Final = rb"(?:-?(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})[uUlL]*|" + _CHARACTER + rb")"
_NUMBERS: Final = re.compile(rb"\s*(?:" + _ELEMENT + rb"\s*(?:,\s*|\Z))+")
_NUMBER: Final = re.compile(
    rb"(-?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)(?![0-9])|([0-9]+))|'(\\.[^']*|[^'])'"
)
_NAME: Final = re.compile(
    rb"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]|:(?!:))[^;{}]*\Z|([A-Za-z_]\w*)[^;{}\w]*\Z"
)
_ELSEWHERE: Final = re.compile(
    rb'#\s*(?:include|embed)\s+["<]([^">\n]+)[">]|\bINCBIN\w*\s*\([^"\n]*"([^"\n]+)"'
)
_DIRECTIVE: Final = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b((?:[^\n\\]|\\.)*)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a source that holds a model. name: as declared, "" for a bare list."""

    name: str
    content: bytes
    line: int


def is_source(head: bytes) -> bool:
    """Whether the first bytes of a file look like source code that may hold an array."""
    head = head[:_HEAD]
    if not head or b"\0" in head:
        return False
    return any(mark in head for mark in (b"{", b"#", b"[", b'"\\x')) or bool(
        re.match(rb"\s*0[xX][0-9a-fA-F]{1,2}\s*,", head)
    )


def models(source: bytes) -> tuple[Array, ...]:
    """Return the arrays that hold a model, in the order of the source.

    Of conditional compilation (`#if … #else …`) every branch is looked at. Raises ModelError when
    no array holds a model, saying what the arrays start with, or which file the array is in.
    """
    identifier = layout().identifier.encode()
    found: dict[bytes, Array] = {}
    starts: list[bytes] = []
    for text in _variants(_COMMENTS.sub(_without_comment, source)):
        for array in _arrays(text):
            if array.content[4:8] != identifier:
                starts.append(array.content[:8])
            else:
                found.setdefault(array.content, array)
    if found:
        return tuple(found.values())
    elsewhere = sorted({(a or b).decode(errors="replace") for a, b in _ELSEWHERE.findall(source)})
    included = [name for name in elsewhere if not name.endswith((".h", ".hpp", ".hh"))]
    if included:
        raise ModelError(
            f"source code: its array is taken from {', '.join(map(repr, included))}: give that file"
        )
    if not starts:
        raise ModelError("source code: it holds no array of integers, and so no model")
    raise ModelError(
        f"source code: none of its {len(starts)} array(s) holds a .tflite model, whose bytes 4 to "
        f"7 are {identifier!r}; they start with {', '.join(repr(s) for s in starts[:4])}"
    )


def _without_comment(match: re.Match[bytes]) -> bytes:
    """Keep string literals, which may hold what looks like a comment, and the lines' count."""
    return match.group(1) or b" " + b"\n" * match.group(0).count(b"\n")


def _variants(text: bytes) -> Iterator[bytes]:
    """Yield the text with the first, the second, … branch of each conditional taken.

    A branch that is not taken leaves its lines behind, empty. `#if 0` is never taken.
    """
    directives = list(_DIRECTIVE.finditer(text))
    if not directives:
        yield text
        return
    most = _most_branches(directives)
    for wanted in range(most):
        yield _taken(text, directives, wanted)


def _most_branches(directives: list[re.Match[bytes]]) -> int:
    depth: list[int] = []
    most = 1
    for directive in directives:
        kind = directive.group(1)
        if kind.startswith(b"if"):
            depth.append(1)
        elif kind == b"endif" and depth:
            most = max(most, depth.pop())
        elif depth:
            depth[-1] += 1
    return max([most, *depth])


def _taken(text: bytes, directives: list[re.Match[bytes]], wanted: int) -> bytes:
    """Blank out the branches of every conditional but the wanted one, or its last."""
    counts = _branch_counts(directives)
    kept = bytearray()
    stack: list[list[int]] = []  # branch, branches, whether it is `#if 0`
    position = 0
    for number, directive in enumerate(directives):
        piece = text[position : directive.start()]
        live = all(_live(branch, count, dead, wanted) for branch, count, dead in stack)
        kept += piece if live else b"\n" * piece.count(b"\n")
        position = directive.end()
        kind, rest = directive.group(1), directive.group(2).strip()
        if kind.startswith(b"if"):
            stack.append([0, counts[number], int(kind == b"if" and rest == b"0")])
        elif kind == b"endif":
            if stack:
                stack.pop()
        elif stack:
            stack[-1][0] += 1
    piece = text[position:]
    live = all(_live(branch, count, dead, wanted) for branch, count, dead in stack)
    return bytes(kept + (piece if live else b""))


def _live(branch: int, count: int, dead: int, wanted: int) -> bool:
    if dead:
        return branch == max(1, min(wanted, count - 1))
    return branch == min(wanted, count - 1)


def _branch_counts(directives: list[re.Match[bytes]]) -> dict[int, int]:
    """Index of an `#if` among the directives → how many branches its conditional has."""
    counts: dict[int, int] = {}
    stack: list[int] = []
    for number, directive in enumerate(directives):
        kind = directive.group(1)
        if kind.startswith(b"if"):
            stack.append(number)
            counts[number] = 1
        elif kind == b"endif":
            if stack:
                stack.pop()
        elif stack:
            counts[stack[-1]] += 1
    return counts


def _arrays(text: bytes) -> Iterator[Array]:
    """Yield all arrays of a text without comments."""
    for match in _LITERALS.finditer(text):
        pieces = _STRINGS.findall(match.group(1))
        content = bytes(v for piece in pieces for v in _characters(piece[1:-1]))
        if len(content) >= 8:
            yield _array(text, match.start(), content)
    code = _CALLS.sub(rb"\1", _CASTS.sub(b"", _STRINGS.sub(b" ", text)))
    if _NUMBERS.fullmatch(code.strip()):
        yield Array("", _bytes(code), 1)
        return
    for pattern in _BODIES:
        for match in pattern.finditer(code):
            body = match.group(1)
            if b"," in body and _NUMBERS.fullmatch(body):
                yield _array(code, match.start(), _bytes(body))


def _array(text: bytes, at: int, content: bytes) -> Array:
    """An array whose value begins at a place, named by the identifier declared before it."""
    before = text[max(0, at - 400) : at].rstrip(b" \t\r\n={")
    match = _NAME.search(before)
    name = "" if match is None else (match.group(1) or match.group(2)).decode()
    return Array(name, content, text.count(b"\n", 0, at) + 1)


def _bytes(body: bytes) -> bytes:
    """The elements of an array as the bytes they lie in memory as, little-endian."""
    numbers = [
        next(_characters(character))
        if character
        else (-1 if sign else 1) * _value(hexadecimal, octal, decimal)
        for sign, hexadecimal, octal, decimal, character in _NUMBER.findall(body)
    ]
    largest = max(numbers, default=0)
    width = next((w for w in (1, 2, 4) if largest < 1 << 8 * w), 8)
    if width == 1:
        return bytes(number & 0xFF for number in numbers)
    mask = (1 << 8 * width) - 1
    return b"".join((number & mask).to_bytes(width, "little") for number in numbers)


def _value(hexadecimal: bytes, octal: bytes, decimal: bytes) -> int:
    if hexadecimal:
        return int(hexadecimal, 16)
    return int(octal, 8) if octal else int(decimal)


def _characters(text: bytes) -> Iterator[int]:
    """The bytes a string or character literal's inside stands for."""
    for hexadecimal, octal, simple, plain in _ESCAPES.findall(text):
        if hexadecimal:
            yield int(hexadecimal, 16)
        elif octal:
            yield int(octal, 8) & 0xFF
        else:
            yield _SIMPLE.get(simple, ord(simple)) if simple else ord(plain)
