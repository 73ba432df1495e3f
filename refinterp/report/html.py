"""HTML and SVG built from Python: everything is text until it has been made a tag.

What a model's file says (names!) is shown, never obeyed: `tag` escapes every child and every
attribute that is not `Html` already, and only this module makes `Html`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, Final

from refinterp.report.machine import plain
from refinterp.report.words import clean

_VOID: Final = frozenset({"meta", "wbr"})


class Html(str):
    """Markup that is safe to put into a page as it is."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape anything; control characters and halves of surrogate pairs are shown as escapes."""
    if isinstance(value, Html):
        return value
    words = str(value)
    return Html(escape(words if words.isprintable() else clean(words)))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Make an element. Children and attributes that are not `Html` are text.

    Attributes: `_` in a name becomes `-`, one at the end is dropped (`class_`). None and False
    leave the attribute out, True gives it no value. Children that are None are left out.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        parts.append(f" {key.rstrip('_').replace('_', '-')}")
        if value is not True:
            parts.append(f'="{text(value)}"')
    inside = "".join(text(child) for child in children if child is not None)
    parts.append(">" if name in _VOID else f">{inside}</{name}>")
    return Html("".join(parts))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Put parts one after another; those that are not `Html` are text, None is left out."""
    return Html(text(between).join(text(part) for part in parts if part is not None))


def raw(name: str, content: str, /, **attributes: object) -> Html:
    """Make a `style` or `script` element of our own content, which cannot be escaped.

    Raises ValueError if the content would end the element.
    """
    if f"</{name}" in content.lower() or "<!--" in content:
        raise ValueError(f"the content of <{name}> would end it")
    opening = tag(name, **attributes).removesuffix(f"</{name}>")
    return Html(f"{opening}{content}</{name}>")


def own_svg(picture: str) -> Html:
    """Take a picture that another module of this package has drawn, its names escaped there."""
    return Html(picture)


def json_element(value: Any, **attributes: object) -> Html:
    """Make a `script` element that holds data. `<` is escaped in it: nothing in it is a tag."""
    content = json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return raw("script", content.replace("<", "\\u003c"), type="application/json", **attributes)
