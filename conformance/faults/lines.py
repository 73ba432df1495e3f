"""Lines that both parts of the page about planted faults have, from committed results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def missed_lines(
    trials: Sequence[Mapping[str, Any]], named: Callable[[Mapping[str, Any]], str]
) -> str:
    """A line for each trial in which the fault was not found; named: what the fault is called."""
    lines = [
        f"- {named(t)} in {t['model']}, operator {t['expected']} ({t['detail']}; "
        f"{'with' if t['twin'] else 'without'} the float model, "
        f"{'with' if t['labels'] else 'without'} labels): first was operator {t['first']} "
        f"with {', '.join(t['causes']) or 'no cause'}"
        + (f"; also named: {', '.join(t['others'])}" if t["others"] else "")
        for t in trials
        if not t["found"]
    ]
    return "\n".join(lines) or "None."


def model_lines(models: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each healthy model: its data, and the causes it has before a fault is planted."""
    return "\n".join(
        f"- {name}: {about['samples']}; causes before anything is planted: "
        + (", ".join(f"{id_} at {op}" for op, id_ in about["healthy_causes"]) or "none")
        for name, about in models.items()
    )
