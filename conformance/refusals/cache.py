"""What runtimes said of models, kept in a file: rules change more often than runtimes do."""

from __future__ import annotations

import json
from pathlib import Path


class Answers:
    """Model's key → (what the runtime did, why). Written when it is closed, if it has a path."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._known: dict[str, list[str]] = {}
        if self._path and self._path.exists():
            self._known = json.loads(self._path.read_text("utf-8"))
        self._size = len(self._known)

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path and len(self._known) != self._size:
            self._path.write_text(json.dumps(self._known), "utf-8")

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> tuple[str, str]:
        what, why = self._known[key]
        return what, why

    def __setitem__(self, key: str, answer: tuple[str, str]) -> None:
        self._known[key] = list(answer)
