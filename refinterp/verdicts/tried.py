"""Whether a runtime ever ran an operator and type, by the packaged `runtimes_tried.json`.

`python -m conformance.operators.runtimes_tried` writes that file: models of every operator and
type, run by every runtime that can be installed, and what was measured of kernel libraries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from refinterp.verdicts.differences.table import dtype_of
from refinterp.verdicts.libraries import taken_from
from refinterp.verdicts.node import Node


def ran(node: Node, runtime: str) -> bool | None:
    """Whether a runtime ran models of an operator and type; None where that was never tried."""
    dtype = dtype_of(node)
    if dtype is None:
        return None
    cells = _tried().get(taken_from(node.name, dtype, runtime), {})
    for said, answer in (("ran", True), ("refused", False)):
        if dtype in cells.get(said, {}).get(node.name, "").split():
            return answer
    return None


@cache
def _tried() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Runtime → "ran" and "refused" → operator → types, with spaces between."""
    file = resources.files("refinterp").joinpath("evidence/runtimes_tried.json")
    if not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found["runtimes"]  # type: ignore[no-any-return]
