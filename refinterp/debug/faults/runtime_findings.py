"""What runtimes refuse, abort on or compute otherwise, as findings about a model.

Every reason is told once for each operator, with all the runtimes it is true of. None is an error:
which runtime a model is meant for its file does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from refinterp.graph.compiled import compiled
from refinterp.graph.finding import Finding, Severity
from refinterp.graph.model import Model
from refinterp.verdicts.answers import RuntimeAnswer, answers
from refinterp.verdicts.differences.table import by_id
from refinterp.verdicts.verdict import Answer, Verdict

_IDS: Final[dict[Answer | None, str]] = {
    "refuses": "runtime_refuses", "aborts": "runtime_aborts", "differs": "runtime_differs",
    "runs": "runtime_aborts",
}  # fmt: skip
_SAID: Final[dict[Answer | None, str]] = {
    "refuses": "refused by", "aborts": "ends the process of", "differs": "computed otherwise by",
    "runs": "not always survived by",
}  # fmt: skip
OTHERWISE: Final = (
    "run the model where it runs as meant (inspect shows where), or convert it again without this"
)
"""What to do about an operator that a runtime refuses, where nothing better is known."""

Place = tuple[int, int | None]


def runtime_findings(model: Model) -> tuple[Finding, ...]:
    """Return a finding for each operator and reason, in the order of the file."""
    found: dict[tuple[Place, Answer | None, str, str, str], list[str]] = {}
    for one in answers(model):
        for told in _told(one):
            place = (told.subgraph, told.operator)
            key = place, told.verdict, told.why, told.row, told.op_name
            found.setdefault(key, []).append(one.runtime)
    return tuple(_finding(*key, names) for key, names in found.items())


def _told(one: RuntimeAnswer) -> Iterator[Verdict]:
    """All but what was never tried: nothing is known to be wrong with that."""
    return (told for told in one.told if told.verdict is not None)


def _finding(
    place: Place, verdict: Answer | None, why: str, row: str, op_name: str, runtimes: Sequence[str]
) -> Finding:
    severity: Severity = "note" if verdict == "runs" else "warning"
    known = by_id().get(row)
    what = known or compiled(op_name)
    remedy = what.remedy if what else OTHERWISE
    where = f" ({known.anchor})" if known else ""
    evidence = f"{_SAID[verdict]} {', '.join(runtimes)}: {why}{where}"
    return Finding(_IDS[verdict], severity, *place, None, evidence, remedy)
