"""An operator's operands and results held against what the table says of it.

The sentences have one form: the operand by name, what was found, what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refinterp.graph.operands import Operands
from refinterp.graph.operators import OperatorFacts
from refinterp.graph.spec import TensorSpec

_SHOWN: Final = 6  # names in a sentence

Given = Sequence[TensorSpec | None]


def misfits(facts: OperatorFacts, operands: Given, results: Given) -> list[str]:
    """Say what does not fit; empty when everything does."""
    names = facts.signature(len(operands))
    return _count(facts, names, operands) or _result_count(facts, results)


def _count(facts: OperatorFacts, names: type[Operands[TensorSpec]], operands: Given) -> list[str]:
    fewest, most = max(names.fewest(), facts.fewest_operands), names.most()
    if most is not None and len(operands) > most:
        return [
            f"found {len(operands)} operands; allowed: {_numbers(fewest, most)}{_listed(names)}"
        ]
    missing = [
        name
        for place, (name, needed) in enumerate(zip(names.names, names.required, strict=True))
        if needed and (place >= len(operands) or operands[place] is None)
    ]
    missing += [names.name_of(i) for i in range(len(names.names), fewest) if i >= len(operands)]
    missing += [
        names.name_of(i) for i in range(len(names.names), len(operands)) if operands[i] is None
    ]
    if not missing:
        return []
    some = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
    return [
        f"operand {some}: found none among {len(operands)} operands; allowed: "
        f"{_numbers(fewest, most)}{_listed(names)}"
    ]


def _result_count(facts: OperatorFacts, results: Given) -> list[str]:
    if facts.results is None:
        return []
    most = len(facts.results)
    fewest = most if facts.fewest_results is None else facts.fewest_results
    if fewest <= len(results) <= most and None not in results:
        return []
    found = len(results) - list(results).count(None)
    listed = f" ({', '.join(facts.results)})" if facts.results else ""
    return [f"found {found} results; allowed: {_numbers(fewest, most)}{listed}"]


def _numbers(fewest: int, most: int | None) -> str:
    if most is None:
        return f"{fewest} or more"
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def _listed(names: type[Operands[TensorSpec]]) -> str:
    given = [
        name if needed else f"{name} or none"
        for name, needed in zip(names.names, names.required, strict=True)
    ]
    given += [f"{names.many} …"] if names.many else []
    return f" ({', '.join(given)})" if 0 < len(given) <= _SHOWN else ""
