"""What hardware was asked for, as fields of a document."""

from __future__ import annotations

from typing import Any

from refinterp.boards.choice import Choice


def choice_fields(choice: Choice | None) -> dict[str, Any]:
    """Return what was typed, and the core and board it means; nothing where nothing was named."""
    if choice is None or choice.asked is None:
        return {}
    return {
        "asked": choice.asked,
        "core": None if choice.core is None else choice.core.name,
        "board": None if choice.board is None else choice.board.name,
    }
