"""The frame of a page that stands by itself: it opens offline and asks nobody for anything.

The page's own policy (Content-Security-Policy) lets no script run but ours, by its hash, and
nothing be loaded. Without scripts everything is still there; they sort, filter and open in place.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

from refinterp.report.html import Html, join, json_element, raw, tag
from refinterp.report.words import one_line

ROOM: Final = 96  # characters of a name where it stands beside others
_NAMELESS: Final = "(no name)"
_MOST: Final = 4000  # characters of a name where it stands by itself


def page(title: str, *sections: Html | None, data: Any) -> str:
    """Return a whole page. data: the same as a document, for scripts and for saving."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", shown(title)),
        raw("style", _asset("page.css")),
    )
    body = tag(
        "body",
        tag("main", *sections),
        json_element(data, id="document"),
        raw("script", script),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def shown(name: str, room: int = ROOM) -> str:
    """A name on one line; of a long one the end, where converters put what tells layers apart."""
    line = one_line(name[-4 * room :])
    return line if len(line) <= room and len(name) <= room else f"…{line[1 - room :]}"


def label(name: str, room: int = ROOM) -> Html:
    """A name as an element that never widens what it stands in: its front is cut off first."""
    return tag("span", tag("bdi", shown(name, room) or _NAMELESS, dir="ltr"), class_="name")


def operator_name(name: str) -> Html:
    """An operator's name that may be folded where its words meet."""
    return join(one_line(name).split("_"), join(("_", tag("wbr"))))


def full_name(name: str) -> Html:
    """A name in full, folded where it must be; of more than some thousand characters both ends."""
    return tag("span", _folded(one_line(name)) or _NAMELESS, class_="full", dir="ltr")


def prose(words: str, style: str | None = None) -> Html:
    """A paragraph of words that may hold a model's names: it does not outgrow its place either."""
    return tag("p", tag("span", _folded(words), class_="full"), class_=style)


def _folded(words: str) -> str:
    cut = len(words) - _MOST
    if cut <= 0:
        return words
    return f"{words[: _MOST // 2]} … {cut:,} characters … {words[-_MOST // 2 :]}"


def answer(lines: Sequence[tuple[str, str]]) -> Html:
    """What it comes to, before all else: labels, and beside each what is said."""
    listed = join(
        join((tag("dt", label), tag("dd", tag("span", _folded(one_line(text)), class_="full"))))
        for label, text in lines
    )
    return tag("dl", listed, class_="answer")


def section(heading: str, *children: object, note: str | None = None, **attributes: object) -> Html:
    """A part of the page under a heading. note: what one must know to read it."""
    return tag(
        "section",
        tag("h2", heading),
        None if note is None else prose(note, "note"),
        *children,
        **attributes,
    )


def tile(heading: str, value: object, below: object = None, mood: str | None = None) -> Html:
    """One figure of the header. mood: good, bad or None."""
    return tag(
        "div",
        tag("div", heading, class_="what"),
        tag("div", value, class_="value"),
        None if below is None else tag("div", below, class_="below"),
        class_=f"tile {mood or ''}".strip(),
    )


def definitions(entries: list[tuple[str, str]]) -> Html:
    """What the words on the page mean, folded away."""
    listed = join(join((tag("dt", word), tag("dd", meaning))) for word, meaning in entries)
    return tag("details", tag("summary", "What the figures mean"), tag("dl", listed))


def _asset(name: str) -> str:
    return resources.files("refinterp.report").joinpath(name).read_text("utf-8")
