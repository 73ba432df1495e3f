"""What a stream's encoding lacks, spelled in ASCII: for Windows code pages and the like.

Signs of tables and pictures become one ASCII character each, so that columns stay below each other;
other text, such as names from a model's file, becomes the escape that JSON has for it.
"""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import Final

_ERRORS: Final = "refinterp.ascii"

_SIGNS: Final = {
    "…": "~", "·": "*", "•": "*", "–": "-", "—": "-", "−": "-", "→": ">", "←": "<", "↑": "^",
    "↓": "v", "×": "x", "≈": "~", "≠": "!=", "≤": "<=", "≥": ">=", "±": "+-", "∞": "inf",
    "²": "^2", "³": "^3", "Σ": "sum", "µ": "u", "μ": "u", "σ": "sigma", "√": "sqrt", "✓": "v",
    "✗": "x", "▶": ">", "◀": "<", "▲": "^", "▼": "v", "‘": "'", "’": "'", "“": '"', "”": '"',
    "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "=", "▍": "=", "▎": "-", "▏": "-",
    "▓": "%", "▒": "=", "░": "-", "■": "#", "●": "*", "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip


def fall_back(stream: object) -> str | None:
    """Let a text stream spell out what its encoding lacks; returns how it treated that before.

    None: the stream has no encoding (`io.StringIO`), or treats such text in a way of its own.
    """
    if not isinstance(stream, io.TextIOWrapper) or stream.errors == _ERRORS:
        return None
    before = stream.errors or "strict"
    if before not in ("strict", "surrogateescape", "backslashreplace"):
        return None
    stream.reconfigure(errors=_ERRORS)
    return before


def is_unicode(stream: object) -> bool:
    """Whether a stream can take every character there is."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name.startswith("utf")


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    """The codec's error handler: ASCII for the characters that could not be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_spelled, text)), error.end


def _spelled(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if "\udc80" <= character <= "\udcff":  # a byte of a path that is not text
        return f"\\x{ord(character) - 0xDC00:02x}"
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        return _line(name)
    if name.startswith("BRAILLE"):
        return "*"
    pairs = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[i : i + 4]}" for i in range(0, len(pairs), 4))


def _line(name: str) -> str:
    """A line of a table by its Unicode name: lying, standing, or a corner or crossing of both."""
    lying = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    standing = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    if lying and standing:
        return "+"
    return "|" if standing else "=" if "DOUBLE H" in name else "-"


codecs.register_error(_ERRORS, _spell_out)
