"""Results files that hold one row a line, so that a changed row is a changed line."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "ai-edge-litert", "tflite-micro")


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write rows beside the date and the versions they were made with; returns the document."""
    head = {
        "schema_version": "1.0.0",
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(), **{name: version(name) for name in _PACKAGES}
        },
    }  # fmt: skip
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + lines + "\n]\n}\n"
    path.write_text(text, "utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
