"""Known differences that a model meets, in sentences for somebody who runs it."""

from __future__ import annotations

from collections.abc import Iterable

from refinterp.graph.model import Model
from refinterp.verdicts.differences.table import by_id, differences
from refinterp.verdicts.judge import Shapes, nodes_of
from refinterp.verdicts.node import Node
from refinterp.verdicts.verdict import Verdict

_MOST = 12  # operators that a sentence names


def met(
    model: Model, runtime: str, shapes: Shapes | None = None, subgraphs: Iterable[int] | None = None
) -> tuple[Verdict, ...]:
    """The operators that a runtime aborts on or computes otherwise, whatever the data.

    subgraphs: all if not given.
    """
    return met_by(nodes_of(model, runtime, shapes, subgraphs), runtime)


def met_by(operators: Iterable[Node], runtime: str) -> tuple[Verdict, ...]:
    """The same of some operators."""
    found = []
    for node in operators:
        found += [v for v in differences(node, runtime) if v.verdict != "runs"][:1]
    return tuple(found)


def sentences(verdicts: Iterable[Verdict], rest: str = "") -> tuple[str, ...]:
    """One sentence for each row that is met: the operators, what the runtime does, and the row.

    rest: what is said behind it, of what refinterp does instead.

    >>> sentences(met(model, "tflm"), "refinterp computes what is meant")
    ("operator 0 (SPACE_TO_BATCH_ND): paddings that are not all zero: tflm pads with …",)
    """
    rows: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        rows.setdefault((verdict.row, verdict.runtime), []).append(verdict)
    return tuple(_sentence(*key, found, rest) for key, found in rows.items())


def _sentence(row: str, runtime: str, found: list[Verdict], rest: str) -> str:
    known = by_id()[row]
    places = [f"{v.subgraph}:{v.operator}" if v.subgraph else str(v.operator) for v in found]
    shown = ", ".join(places[:_MOST])
    if len(places) > _MOST:
        shown += f" and {len(places) - _MOST} more"
    word = "operators" if len(places) > 1 else "operator"
    models = "" if known.whole else f"{known.models}: "
    behind = f"; {rest}" if rest else ""
    return (
        f"{word} {shown} ({found[0].op_name}): {models}{runtime} {known.defect}{behind} "
        f"({known.anchor})"
    )
