"""Why layers lose: faults of the file and of the data, put to layers, and what follows from what.

A fault that another explains carries that one's id as `implied_by`: at one operator by the order of
`implied_here`, across operators as `implied_elsewhere` says. What is too small to explain a fault
(`amounts`) does not hide it.
"""

from __future__ import annotations

from collections.abc import Sequence

from refinterp.debug.faults.fault import Fault
from refinterp.debug.faults.implied import GraphOperator, Implied
from refinterp.debug.faults.implied_elsewhere import at_joins, at_readers, downstream, outliers
from refinterp.debug.faults.implied_here import EXPLAINS, at_one_operator
from refinterp.debug.reference.weighted import WeightedOperator
from refinterp.debug.result import Cause


def causes_by_operator(
    nodes: Sequence[GraphOperator],
    faults: Sequence[Fault],
    weighted: Sequence[WeightedOperator],
    *,
    shadowed: bool,
) -> dict[int, list[Cause]]:
    """Operator → its causes, own ones first. shadowed: whether the reference is a shadow."""
    case = Implied(nodes, {one.operator: one for one in weighted}, shadowed, _merged(faults))
    at_one_operator(case)
    at_readers(case)
    at_joins(case)
    outliers(case)
    downstream(case)
    found: dict[int, list[Cause]] = {}
    for place, fault in enumerate(case.faults):
        root = case.implied.get(place)
        above = None if root is None else case.faults[root].id
        cause = Cause(fault.id, fault.evidence, fault.remedy, above)
        found.setdefault(fault.operator, []).append(cause)
    for causes in found.values():
        causes.sort(key=lambda cause: cause.implied_by is not None)
    return found


def _merged(faults: Sequence[Fault]) -> list[Fault]:
    """One fault of each id per operator and tensor; what data shows goes before what a file may."""
    kept: dict[tuple[str, int], Fault] = {}
    for fault in sorted(faults, key=lambda f: not f.measured):
        kept.setdefault((fault.id, fault.operator), fault)
    order = {id_: place for place, id_ in enumerate(EXPLAINS)}
    return sorted(kept.values(), key=lambda f: (order.get(f.id, len(order)), f.operator))
